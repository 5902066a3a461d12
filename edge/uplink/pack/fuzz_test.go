package pack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// FuzzDecode: whatever comes is refused or decodes within the limits, and what decodes can be packed again.
func FuzzDecode(f *testing.F) {
	for _, set := range packtest.Sets {
		f.Add(blocks(f, head, 0, 0, set.Make(30, 1))[0])
	}
	f.Add(blocks(f, pack.Head{Epoch: 1, Stream: "s", Sum: true}, 0, 0, packtest.Any(20, 1))[0])
	f.Add([]byte("\xe1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01s\x00\x01\x05\x10\x00\x01a\x00"))
	limits := pack.Limits{Messages: 2000, Bytes: 200_000, Ratio: 1000}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, messages, err := pack.Decode(b, limits)
		if err != nil {
			if !errors.Is(err, pack.ErrCorrupt) && !errors.Is(err, pack.ErrUnsupported) && !errors.Is(err, pack.ErrLimit) && !errors.Is(err, pack.ErrNoPrimer) {
				t.Fatal("an error of no kind:", err)
			}
			return
		}
		total := 0
		for _, m := range messages {
			total += len(m.Topic) + len(m.Payload) + len(m.Properties)
		}
		if len(messages) > limits.Messages || total > limits.Bytes {
			t.Fatalf("%d messages of %d bytes", len(messages), total)
		}
		var e pack.Encoder
		e.Begin(h, 0)
		for i, m := range messages {
			if err := e.Append(m); errors.Is(err, pack.ErrFull) {
				messages = messages[:i]
				break
			} else if err != nil {
				t.Fatalf("message %d decodes and cannot be packed: %v", i, err)
			}
		}
		block, _ := e.Seal(nil)
		_, again, err := pack.Decode(block, pack.Limits{})
		if err != nil || e.Fallbacks > 0 {
			t.Fatalf("%v, %d fallbacks", err, e.Fallbacks)
		}
		compare(t, again, messages)
	})
}

// FuzzRoundTrip packs payloads, which lines of the input are.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(5) {
		var lines []byte
		for _, m := range packtest.Any(30, seed) {
			lines = append(append(lines, m.Payload...), '\n')
		}
		f.Add(lines, seed)
	}
	f.Add([]byte("{\"v\":1.5}\n{\"v\":1.50}\n{\"v\":2}\n{\"v\":-0.5}\n{\"v\":007}\n2026-11-22T04:16:00.1Z\n2026-11-22T04:16:00.25Z\n"), uint64(7))
	f.Fuzz(func(t *testing.T, lines []byte, seed uint64) {
		like := packtest.Any(20, seed%16)
		var messages []pack.Message
		for i, line := range bytes.Split(lines, []byte("\n")) {
			m := like[i%len(like)]
			m.Payload, m.Sequence = line, like[0].Sequence+uint64(i)
			messages = append(messages, m)
		}
		compare(t, decoded(t, blocks(t, head, int(seed%2000), 0, messages)), messages)
	})
}

// FuzzPrimer: a primer of bytes that may be hostile, and a block that is to be decoded with it, are refused or decode within the limits; what they
// decode to can be packed with that primer, and comes back.
func FuzzPrimer(f *testing.F) {
	for _, set := range packtest.Sets {
		messages := set.Make(60, 1)
		block, p := primed(f, messages[:40])
		b := primedBlock(f, p, messages[50:53]...)
		f.Add(block[:len(block)-4], b[6:])
	}
	limits := pack.Limits{Messages: 2000, Bytes: 200_000, Ratio: 1000}
	f.Fuzz(func(t *testing.T, block, rest []byte) {
		block = binary.BigEndian.AppendUint32(slices.Clip(block), crc32c(block))
		p, err := pack.NewPrimer(block)
		if err != nil {
			if !errors.Is(err, pack.ErrCorrupt) && !errors.Is(err, pack.ErrUnsupported) && !errors.Is(err, pack.ErrLimit) && !errors.Is(err, pack.ErrNoPrimer) {
				t.Fatal("an error of no kind:", err)
			}
			return
		}
		if p.Size() > 4<<20 {
			t.Fatalf("it takes %d bytes", p.Size())
		}
		b := append(binary.BigEndian.AppendUint32([]byte{0xe1, 0x21}, p.ID()), rest...)
		h, messages, err := pack.DecodeWith(b, limits, one(p))
		if err != nil {
			if !errors.Is(err, pack.ErrCorrupt) && !errors.Is(err, pack.ErrUnsupported) && !errors.Is(err, pack.ErrLimit) && !errors.Is(err, pack.ErrNoPrimer) {
				t.Fatal("an error of no kind:", err)
			}
			return
		}
		primedBlocks(t, p, h, 0, messages)
	})
}
