// Command packbench compares the coder of edge/uplink/pack with zstd level 3, in bytes and in processor time, on the same readings in the same
// run. It is a module of its own, so that the product's does not name what only the comparison needs.
//
// The two take turns, so that another load on the machine meets both; processor time is counted, not that on the clock. pack's share includes
// the check, which decodes each block and compares. zstd is that of github.com/klauspost/compress, in Go as well, with a window as large as the input.
//
// With -strict the exit status is 1 unless pack takes less time than zstd and its blocks keep to the sizes of docs/pack.md.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

var (
	readings = flag.Int("readings", 2000, "readings of each set")
	batch    = flag.Int("batch", 100, "readings in a block")
	turns    = flag.Int("turns", 9, "turns of each coder")
	strict   = flag.Bool("strict", false, "exit with status 1 when pack is slower than zstd, or larger than it should be")
)

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	fmt.Printf("%s/%s, %d readings, %d in a block\n\n", runtime.GOOS, runtime.GOARCH, *readings, *batch)
	fmt.Println("set      coder   bytes each   encode each   decode each")
	missed := false
	for _, set := range packtest.Sets {
		messages := set.Make(*readings, 1)
		ours, theirs := &packCoder{}, newZstd()
		compare(messages, ours, theirs)
		for _, c := range []*result{&ours.result, &theirs.result} {
			fmt.Printf("%-8s %-6s %11.2f %13v %13v\n", set.Name, c.name, c.size(), c.median(c.encode), c.median(c.decode))
		}
		ratio := float64(ours.median(ours.encode)) / float64(theirs.median(theirs.encode))
		fmt.Printf("%-8s pack encodes and checks in %.2f of the time of zstd, and needs %.2f of its bytes\n\n", set.Name, ratio, ours.size()/theirs.size())
		missed = missed || ratio >= 1 || ours.size() >= theirs.size()
	}
	if missed && *strict {
		fmt.Println("pack is slower than zstd level 3, or larger")
		os.Exit(1)
	}
}

// A coder makes blocks of messages, and takes them apart.
type coder interface {
	pack(messages []pack.Message)
	unpack()
	measured() *result
}

// result is what was measured of a coder, for each reading.
type result struct {
	name           string
	blocks         [][]byte
	encode, decode []time.Duration // of all readings, by turns
}

func (r *result) measured() *result { return r }

func (r *result) size() float64 {
	total := 0
	for _, b := range r.blocks {
		total += len(b)
	}
	return float64(total) / float64(*readings)
}

// median is the time for one reading.
func (r *result) median(turns []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(turns))
	return sorted[len(sorted)/2] / time.Duration(*readings)
}

// compare lets the coders take turns. The first turn is for the caches.
func compare(messages []pack.Message, coders ...coder) {
	for turn := range *turns + 1 {
		for _, c := range coders {
			r := c.measured()
			r.blocks = r.blocks[:0]
			start := cpu()
			for part := range slices.Chunk(messages, *batch) {
				c.pack(part)
			}
			middle := cpu()
			c.unpack()
			if end := cpu(); turn > 0 {
				r.encode, r.decode = append(r.encode, middle-start), append(r.decode, end-middle)
			}
		}
	}
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type packCoder struct {
	result
	encoder pack.Encoder
}

func (c *packCoder) pack(messages []pack.Message) {
	c.name = "pack"
	c.encoder.Begin(pack.Head{Epoch: 0x1234567890abcdef, Stream: "readings"}, 0)
	for _, m := range messages {
		check(c.encoder.Append(m))
	}
	block, n := c.encoder.Seal(nil)
	if n != len(messages) || c.encoder.Fallbacks > 0 {
		check(fmt.Errorf("%d of %d messages, %d fallbacks", n, len(messages), c.encoder.Fallbacks))
	}
	c.blocks = append(c.blocks, block)
}

func (c *packCoder) unpack() {
	for _, b := range c.blocks {
		_, _, err := pack.Decode(b, pack.Limits{})
		check(err)
	}
}

type zstdCoder struct {
	result
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	plain   []byte
}

func newZstd() *zstdCoder {
	c := &zstdCoder{result: result{name: "zstd 3"}}
	var err error
	c.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(64<<10))
	check(err)
	c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	check(err)
	return c
}

// pack gives zstd topics and payloads, each behind its length. It carries less than pack does: no times, sequences and flags.
func (c *zstdCoder) pack(messages []pack.Message) {
	c.plain = c.plain[:0]
	for _, m := range messages {
		c.plain = append(binary.AppendUvarint(c.plain, uint64(len(m.Topic))), m.Topic...)
		c.plain = append(binary.AppendUvarint(c.plain, uint64(len(m.Payload))), m.Payload...)
	}
	c.blocks = append(c.blocks, c.encoder.EncodeAll(c.plain, nil))
}

func (c *zstdCoder) unpack() {
	for _, b := range c.blocks {
		_, err := c.decoder.DecodeAll(b, nil)
		check(err)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "packbench:", err)
		os.Exit(2)
	}
}
