// Command packbench compares the coder of edge/uplink/pack with zstd level 3, in bytes and in processor time, on the same readings in the same
// run. It is a module of its own, so that the product's does not name what only the comparison needs.
//
// The coders take turns, so that another load on the machine meets all; processor time is counted, not that on the clock. pack checks each block: it
// decodes it and compares. So there are two comparisons, like with like: encoding alone; and encoding and checking with zstd's encoding and decoding. The
// third, all that pack does with what zstd does to encode, is what a gateway pays. zstd is that of github.com/klauspost/compress, in Go as
// well, with a window as large as the input.
//
// With -strict the exit status is 1 unless pack encodes in less time than zstd and its blocks are smaller.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

var (
	readings = flag.Int("readings", 2000, "readings of each set")
	batches  = flag.String("batches", "20,100,1000", "readings in a block")
	turns    = flag.Int("turns", 9, "turns of each coder")
	strict   = flag.Bool("strict", false, "exit with status 1 when pack is slower than zstd, or larger than it should be")
)

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	fmt.Printf("%s/%s, %d readings, nanoseconds of processor time for each\n\n", runtime.GOOS, runtime.GOARCH, *readings)
	fmt.Println("              bytes each        pack             zstd 3            pack / zstd 3")
	fmt.Println("set     block  pack  zstd  encode   check   encode  decode   encode  with checks  all of pack")
	missed := false
	for _, set := range packtest.Sets {
		messages := set.Make(*readings, 1)
		for _, batch := range strings.Split(*batches, ",") {
			n, err := strconv.Atoi(batch)
			check(err)
			missed = !row(set.Name, messages, n) || missed
		}
	}
	if missed && *strict {
		fmt.Println("pack encodes more slowly than zstd level 3, or into more bytes")
		os.Exit(1)
	}
}

// row measures blocks of a size, and tells whether pack is ahead.
func row(set string, messages []pack.Message, batch int) bool {
	ours, theirs := &packCoder{}, newZstd()
	compare(messages, batch, ours, theirs)
	encode, seal := ours.median(ours.encode), ours.median(ours.seal)
	zEncode, zDecode := theirs.median(theirs.result.encode), theirs.median(theirs.result.decode)
	alone := float64(encode) / float64(zEncode)
	fmt.Printf("%-7s %5d %5.2f %5.2f %7d %7d  %7d %7d %8.2f %12.2f %12.2f\n", set, batch, ours.size(), theirs.size(),
		encode, seal-encode, zEncode, zDecode, alone, float64(seal)/float64(zEncode+zDecode), float64(seal)/float64(zEncode))
	return alone < 1 && ours.size() < theirs.size()
}

// A coder makes blocks of messages, and takes them apart.
type coder interface {
	encodeOnly(messages []pack.Message)
	pack(messages []pack.Message)
	unpack()
	measured() *result
}

// result is what was measured of a coder, for each reading.
type result struct {
	blocks               [][]byte
	encode, seal, decode []time.Duration // of all readings, by turns; seal is encode with all that goes into a block that may be sent
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
func compare(messages []pack.Message, batch int, coders ...coder) {
	for turn := range *turns + 1 {
		for _, c := range coders {
			r := c.measured()
			r.blocks = r.blocks[:0]
			start := cpu()
			for part := range slices.Chunk(messages, batch) {
				c.encodeOnly(part)
			}
			encoded := cpu()
			for part := range slices.Chunk(messages, batch) {
				c.pack(part)
			}
			sealed := cpu()
			c.unpack()
			if end := cpu(); turn > 0 {
				r.encode, r.seal, r.decode = append(r.encode, encoded-start), append(r.seal, sealed-encoded), append(r.decode, end-sealed)
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

// encodeOnly leaves out the check: what was not sealed is dropped when the next block begins.
func (c *packCoder) encodeOnly(messages []pack.Message) {
	c.encoder.Begin(pack.Head{Epoch: 0x1234567890abcdef, Stream: "readings"}, 0)
	for _, m := range messages {
		check(c.encoder.Append(m))
	}
}

func (c *packCoder) pack(messages []pack.Message) {
	c.encodeOnly(messages)
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
	c := &zstdCoder{}
	var err error
	c.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(64<<10))
	check(err)
	c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	check(err)
	return c
}

func (c *zstdCoder) encodeOnly(messages []pack.Message) { c.encode(messages) }

func (c *zstdCoder) pack(messages []pack.Message) { c.blocks = append(c.blocks, c.encode(messages)) }

// encode gives zstd topics and payloads, each behind its length. It carries less than pack does: no times, sequences and flags.
func (c *zstdCoder) encode(messages []pack.Message) []byte {
	c.plain = c.plain[:0]
	for _, m := range messages {
		c.plain = append(binary.AppendUvarint(c.plain, uint64(len(m.Topic))), m.Topic...)
		c.plain = append(binary.AppendUvarint(c.plain, uint64(len(m.Payload))), m.Payload...)
	}
	return c.encoder.EncodeAll(c.plain, nil)
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
