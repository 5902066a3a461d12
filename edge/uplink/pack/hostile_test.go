package pack_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

// claim is a block with a head of its own choice.
func claim(second byte, count uint64, body string) []byte {
	b := append([]byte{0xe1, second}, make([]byte, 8)...)
	b = append(b, "\x01s\x00"...)
	b = binary.AppendUvarint(b, count)
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

func TestBlocksThatAreRefused(t *testing.T) {
	good := blocks(t, head, 0, 0, packtest.Regular(50, 1))[0]
	summed := blocks(t, pack.Head{Epoch: 1, Stream: "s", Sum: true}, 0, 0, packtest.Regular(50, 1))[0]
	summed[len(summed)/2] ^= 4
	with := func(at int, v byte) []byte {
		b := append([]byte{}, good...)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		block []byte
		err   error
		says  string
	}{
		"nothing":          {nil, pack.ErrCorrupt, "0 bytes"},
		"text":             {[]byte(`{"value":1}`), pack.ErrCorrupt, "begins with 0x7b"},
		"a version":        {with(0, 0xe2), pack.ErrUnsupported, "version 2"},
		"a codec":          {with(1, 7), pack.ErrUnsupported, "codec 7"},
		"primed":           {claim(0x21, 1, ""), pack.ErrCorrupt, ""},
		"no sum":           {with(1, 0x81), pack.ErrCorrupt, "a primer without a check sum"},
		"primed primer":    {with(1, 0xb1), pack.ErrCorrupt, "a primer, and has one"},
		"primed list":      {with(1, 0x20), pack.ErrCorrupt, "a list"},
		"list as primer":   {with(1, 0x90), pack.ErrCorrupt, "a list"},
		"cut off":          {good[:len(good)-1], pack.ErrCorrupt, "cut off"},
		"more":             {append(append([]byte{}, good...), 1), pack.ErrCorrupt, "1 bytes follow"},
		"sum":              {summed, pack.ErrCorrupt, "check sum"},
		"no messages":      {claim(1, 0, ""), pack.ErrCorrupt, "no messages"},
		"too many":         {claim(1, 1<<40, ""), pack.ErrCorrupt, "claims 1099511627776"},
		"no stream":        {[]byte("\xe1\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"), pack.ErrCorrupt, "no name"},
		"floor of nothing": {[]byte("\xe1\x41\x00\x00\x00\x00\x00\x00\x00\x00\x01s\x05\x05\x01\x00"), pack.ErrCorrupt, "its floor"},
		"floor above":      {[]byte("\xe1\x41\x00\x00\x00\x00\x00\x00\x00\x00\x01s\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x00"), pack.ErrCorrupt, "its floor"},
		"list too short":   {claim(0, 2, "\x10\x00\x01a\x00"), pack.ErrCorrupt, "message 2: "},
		"list too long":    {claim(0, 1, "\x10\x00\x01a\x00\x00"), pack.ErrCorrupt, "1 bytes stand behind"},
		"list QoS 3":       {claim(0, 1, "\x13\x00\x01a\x00"), pack.ErrCorrupt, "flags 0x13"},
		"list flag":        {claim(0, 1, "\x50\x00\x01a\x00"), pack.ErrCorrupt, "flags 0x50"},
		"list no topic":    {claim(0, 1, "\x00\x00\x00"), pack.ErrCorrupt, "no Topic Name"},
		"list wildcard":    {claim(0, 1, "\x10\x00\x01#\x00"), pack.ErrCorrupt, "no Topic Name"},
		"list time":        {claim(0, 1, "\x18\x00\x01\x01a\x00"), pack.ErrCorrupt, "time is out of range"},
		"list sequences":   {claim(0, 2, "\x10\x00\x01a\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), pack.ErrCorrupt, "begin anew"},
		"list length":      {claim(0, 1, "\x10\x00\x01a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), pack.ErrCorrupt, "cut off"},
		"body with a zero": {claim(1, 1, "\xff\xff\x00"), pack.ErrCorrupt, ""},
	} {
		_, messages, err := pack.Decode(c.block, pack.Limits{})
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || messages != nil {
			t.Errorf("%s: %v and %d messages, want %v that says %q", name, err, len(messages), c.err, c.says)
		}
	}
}

func TestLimits(t *testing.T) {
	messages := make([]pack.Message, 1000)
	for i := range messages {
		messages[i] = pack.Message{Topic: "a", Payload: []byte(strings.Repeat("x", 199)), Sequence: uint64(i)}
	}
	block := blocks(t, head, 0, 0, messages)[0]
	if len(block) > 300 {
		t.Fatalf("the block has %d bytes", len(block))
	}
	for name, l := range map[string]pack.Limits{"messages": {Messages: 999}, "bytes": {Bytes: 199_999}, "ratio": {Ratio: 200}} {
		if _, _, err := pack.Decode(block, l); !errors.Is(err, pack.ErrLimit) {
			t.Errorf("%s: %v, want %v", name, err, pack.ErrLimit)
		}
	}
	if _, _, err := pack.Decode(block, pack.Limits{Messages: 1000, Bytes: 200_000, Ratio: 200_000/len(block) + 1}); err != nil {
		t.Error("at the limits:", err)
	}
	small := blocks(t, head, 0, 0, messages[:300])[0]
	if _, _, err := pack.Decode(small, pack.Limits{Ratio: 1}); err != nil {
		t.Error("60,000 bytes are allowed whatever the ratio:", err)
	}
}

// TestNoiseIsDecodedInBounds decodes bodies of noise, and of what decodes to very much: memory stays near what the limits allow.
func TestNoiseIsDecodedInBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	limits := pack.Limits{Messages: 10_000, Bytes: 1 << 20}
	worst := uint64(0)
	for i := range 400 {
		body := make([]byte, r.IntN(200))
		for j := range body {
			body[j] = byte(r.Uint32()) | byte(-(i & 1)) // every other one nothing but ones
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := pack.Decode(claim(1, 10_000, string(body)), limits)
		runtime.ReadMemStats(&after)
		worst = max(worst, after.TotalAlloc-before.TotalAlloc)
		if err == nil {
			t.Error("noise decodes to 10,000 messages")
		}
	}
	if worst > 16<<20 {
		t.Errorf("a block of 200 bytes that may decode to 1 MiB had %d bytes allocated", worst)
	}
	t.Logf("at most %d bytes were allocated for a block", worst)
}

// TestDamageIsNoticedOrHarmless flips each bit of a block that has a check sum, and of one that has none.
func TestDamageIsNoticedOrHarmless(t *testing.T) {
	for _, sum := range []bool{true, false} {
		block := blocks(t, pack.Head{Epoch: 1, Stream: "s", Sum: sum}, 0, 0, packtest.Hard(60, 1))[0]
		for i := range len(block) * 8 {
			block[i/8] ^= 1 << (i % 8)
			_, _, err := pack.Decode(block, pack.Limits{})
			if sum && err == nil {
				t.Errorf("bit %d: nobody noticed", i)
			}
			block[i/8] ^= 1 << (i % 8)
		}
	}
}
