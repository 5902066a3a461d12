// Command packbench compares the coder of edge/uplink/pack with zstd level 3, in bytes and in processor time, on the same readings in the same
// run. It is a module of its own, so that the product's does not name what only the comparison needs.
//
// The coders take turns, so that another load on the machine meets all; processor time is counted, not that on the clock. pack checks each block: it
// decodes it and compares. So there are two comparisons, like with like: encoding alone; and encoding and checking with zstd's encoding and decoding. The
// third, all that pack does with what zstd does to encode, is what a gateway pays. Each is given twice: the median of the turns, and the least time of each coder, which another
// load disturbs least. zstd is that of github.com/klauspost/compress, in Go as
// well, with a window as large as the input.
//
// With -strict the exit status is 1 unless pack encodes in less time than zstd, by the median, and its blocks are smaller.
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
	turns    = flag.Int("turns", 30, "turns of each coder")
	strict   = flag.Bool("strict", false, "exit with status 1 when pack is slower than zstd, or larger than it should be")
)

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	fmt.Printf("%s/%s, %d readings, nanoseconds of processor time for each\n\n", runtime.GOOS, runtime.GOARCH, *readings)
	fmt.Println("              bytes each        pack             zstd 3       pack / zstd 3: median, least time")
	fmt.Println("set     block  pack  zstd  encode   check   encode  decode      encode    with checks   all of pack")
	missed := false
	for _, set := range append(packtest.Sets, packtest.Set{Name: "own", Make: packtest.Own}) {
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
	fmt.Printf("%-7s %5d %5.2f %5.2f", set, batch, ours.size(), theirs.size())
	median, least := ours.compared(theirs, middle), ours.compared(theirs, first)
	fmt.Printf(" %7d %7d  %7d %7d ", median.encode, median.seal-median.encode, median.zEncode, median.zDecode)
	fmt.Printf("   %4.2f %4.2f     %4.2f %4.2f     %4.2f %4.2f\n", median.alone(), least.alone(), median.checked(), least.checked(), median.all(), least.all())
	alone := median.alone()
	return alone < 1 && ours.size() < theirs.size()
}

// times are those for a reading.
type times struct{ encode, seal, zEncode, zDecode time.Duration }

func (t times) alone() float64   { return float64(t.encode) / float64(t.zEncode) }
func (t times) checked() float64 { return float64(t.seal) / float64(t.zEncode+t.zDecode) }
func (t times) all() float64     { return float64(t.seal) / float64(t.zEncode) }

func (c *packCoder) compared(z *zstdCoder, of func([]time.Duration) time.Duration) times {
	each := func(turns []time.Duration) time.Duration {
		return of(slices.Sorted(slices.Values(turns))) / time.Duration(*readings)
	}
	return times{each(c.encode), each(c.seal), each(z.result.encode), each(z.result.decode)}
}

func middle(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }
func first(sorted []time.Duration) time.Duration  { return sorted[0] }

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
