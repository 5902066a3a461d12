package pack_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

var head = pack.Head{Epoch: 0x1234567890abcdef, Stream: "readings"}

// blocks packs messages into blocks of at most so many messages and bytes; 0: any.
func blocks(t testing.TB, h pack.Head, limit, most int, messages []pack.Message) [][]byte {
	t.Helper()
	var e pack.Encoder
	var out [][]byte
	for left := messages; len(left) > 0; {
		e.Begin(h, limit)
		n := 0
		for ; n < len(left) && (most == 0 || n < most); n++ {
			if err := e.Append(left[n]); errors.Is(err, pack.ErrFull) {
				break
			} else if err != nil {
				t.Fatalf("message %d, %q: %v", n, left[n].Payload, err)
			}
		}
		size := e.Size()
		block, sealed := e.Seal(nil)
		if sealed != n {
			t.Fatalf("%d of %d messages are in the block", sealed, n)
		}
		if len(block) > size {
			t.Fatalf("a block has %d bytes, and was to have %d at most", len(block), size)
		}
		if limit > 0 && n > 1 && len(block) > limit {
			t.Fatalf("a block of %d messages has %d bytes, the limit is %d", n, len(block), limit)
		}
		out = append(out, block)
		left = left[n:]
	}
	if e.Fallbacks > 0 {
		t.Errorf("%d blocks did not decode to what they were made of", e.Fallbacks)
	}
	return out
}

func decoded(t testing.TB, blocks [][]byte) (all []pack.Message) {
	t.Helper()
	for i, b := range blocks {
		h, messages, err := pack.Decode(b, pack.Limits{})
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if h.Epoch != head.Epoch || h.Stream != head.Stream {
			t.Fatalf("the head is %+v", h)
		}
		all = append(all, messages...)
	}
	return all
}

func compare(t testing.TB, got, want []pack.Message) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		same := g.Topic == w.Topic && g.QoS == w.QoS && g.Retain == w.Retain && g.Time == w.Time && g.Sequence == w.Sequence
		if !same || !bytes.Equal(g.Payload, w.Payload) || !bytes.Equal(g.Properties, w.Properties) {
			t.Fatalf("message %d is\n%+v %q, want\n%+v %q", i, *g, g.Payload, *w, w.Payload)
		}
	}
}

func TestEverythingComesBack(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for seed := range uint64(seeds) {
		messages := packtest.Any(300, seed)
		for _, limit := range []int{0, 300, 1350} {
			h := head
			h.Sum = seed%2 == 0
			compare(t, decoded(t, blocks(t, h, limit, 0, messages)), messages)
		}
	}
}

func TestPayloadsComeBack(t *testing.T) {
	payloads := []string{
		"", "0", "-0", "-0.0", "00", "007", "7.", ".7", "1.50", "1.5", "-1.5", "1e5", "1E-05", "-", "--5", "5-", "1-2", "1.2.3", "1..2", "0.", "00.5",
		"9223372036854775807", "-9223372036854775808", "4611686018427387903", "4611686018427387904", "-4611686018427387903", "18446744073709551616",
		"0.0000000000000000001", "0.000000000000000001", "123456789012345678901234567890", "1234567890123456789.5", "-00", "-01",
		"2026-11-22T04:16:00.123Z", "2026-11-22T04:16:00Z", "2026-02-29T00:00:00Z", "2024-02-29T23:59:59.999999999Z", "1970-01-01T00:00:00",
		"1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z", "2026-11-22T24:00:00Z", "2026-11-22T04:16:00.Z", "2026-11-22t04:16:00Z",
		"2026-11-22T23:59:60Z", "0000-00-00T00:00:00Z", "2026-11-22", "04:16:00", "\x00", "\xff", "a\x00b1", "1\x002", "\xff1", "gh01", "v1", "_1", "1_000", "5°C", "°5",
		strings.Repeat("1,", 100), strings.Repeat("x", 5000), strings.Repeat("x", 4096) + "1", strings.Repeat("\x00", 9000), strings.Repeat("12", 70000),
	}
	var messages []pack.Message
	for round := range 3 {
		for _, p := range payloads {
			m := pack.Message{Topic: "a", Payload: []byte(p), Sequence: uint64(len(messages))}
			if round == 1 {
				m.Topic = "b" + p[:min(1, len(p))]
				m.Topic = strings.Map(func(r rune) rune {
					if r == 0 || r == 0xfffd || r == '+' || r == '#' {
						return 'x'
					}
					return r
				}, m.Topic)
			}
			messages = append(messages, m)
		}
	}
	compare(t, decoded(t, blocks(t, head, 0, 0, messages)), messages)
	compare(t, decoded(t, blocks(t, head, 0, 1, messages)), messages)
}

// TestMoreThanTheTablesHold fills each table.
func TestMoreThanTheTablesHold(t *testing.T) {
	var messages []pack.Message
	for i := range 5000 {
		text := strings.Repeat("x", i%400) + "1" + strings.Repeat(" 2", i%37)
		messages = append(messages, pack.Message{
			Topic: fmt.Sprint("topic/", i%1500), Payload: []byte(text), Properties: fmt.Appendf(nil, "p%d", i%300), QoS: byte(i % 3), Sequence: uint64(i),
		})
	}
	compare(t, decoded(t, blocks(t, head, 0, 0, messages)), messages)
}

func TestLargest(t *testing.T) {
	messages := make([]pack.Message, pack.MaxMessages+10)
	for i := range messages {
		messages[i] = pack.Message{Topic: "a", Payload: []byte("1"), Sequence: uint64(i)}
	}
	all := blocks(t, head, 0, 0, messages)
	if len(all) != 2 {
		t.Errorf("%d blocks, want 2", len(all))
	}
	compare(t, decoded(t, all), messages)

	half := pack.Message{Topic: "a", Payload: bytes.Repeat([]byte("x"), pack.MaxBytes/2), Sequence: 1}
	more := half
	more.Sequence = 2
	if all := blocks(t, head, 0, 0, []pack.Message{half, more}); len(all) != 2 {
		t.Errorf("%d blocks of more than 16 MiB together, want 2", len(all))
	}
	last := pack.Message{Topic: "a", Sequence: 1<<64 - 1}
	compare(t, decoded(t, blocks(t, head, 0, 0, []pack.Message{{Topic: "a"}, last})), []pack.Message{{Topic: "a"}, last})
}

func TestBlocksAreIndependent(t *testing.T) {
	messages := packtest.Regular(400, 1)
	all := blocks(t, head, 0, 100, messages)
	slices.Reverse(all)
	for i, b := range all {
		compare(t, decoded(t, [][]byte{b}), messages[300-100*i:][:100])
	}
	again := blocks(t, head, 0, 100, messages)
	slices.Reverse(again)
	for i := range all {
		if !bytes.Equal(all[i], again[i]) {
			t.Errorf("block %d is another when it is made again", i)
		}
	}
}

func TestRandomBytesAreNotBlownUp(t *testing.T) {
	var messages []pack.Message
	total := 0
	for _, m := range packtest.Any(2000, 9) {
		if bytes.IndexByte(m.Payload, 0) < 0 {
			continue
		}
		m.Topic, m.Properties, m.Payload = "a", nil, bytes.Repeat(m.Payload, 1)
		total += len(m.Payload) + 5
		messages = append(messages, m)
	}
	b := blocks(t, head, 0, 0, messages)
	if len(b) != 1 || len(b[0]) > total+100 {
		t.Errorf("%d bytes of noise became %d", total, len(b[0]))
	}
}

// TestRowsOfOneByte: what is empty takes little room, whatever it is empty of.
func TestRowsOfOneByte(t *testing.T) {
	for _, b := range []byte{0, 3, 'x', ' ', 0xff} { // 3 is what stands before payloads in the text model
		row := bytes.Repeat([]byte{b}, 1<<20)
		messages := []pack.Message{{Topic: "a", Payload: bytes.Repeat([]byte{b, 'y'}, 1<<19)}, {Topic: "a", Payload: row}}
		for i := range 4 {
			messages = append(messages, pack.Message{Topic: "a", Payload: append(bytes.Clone(row), "\xfe\xfd\xfc\xfd"[i])})
		}
		for i := range messages {
			messages[i].Sequence = uint64(i)
		}
		all := blocks(t, head, 0, 0, messages)
		if len(all[0]) > 150 {
			t.Errorf("6 MiB of 0x%02x became %d bytes", b, len(all[0]))
		}
		compare(t, decoded(t, all), messages)
	}
}

func TestMessagesThatNoBlockCarries(t *testing.T) {
	var e pack.Encoder
	e.Begin(head, 0)
	for name, m := range map[string]pack.Message{
		"QoS":       {Topic: "a", QoS: 3},
		"no topic":  {},
		"wildcard":  {Topic: "a/+"},
		"NUL":       {Topic: "a\x00"},
		"not UTF-8": {Topic: "\xff"},
		"topic":     {Topic: strings.Repeat("a", 65536)},
		"size":      {Topic: "a", Payload: make([]byte, pack.MaxBytes)},
		"time":      {Topic: "a", Time: -1},
		"late":      {Topic: "a", Time: 1 << 60},
	} {
		if err := e.Append(m); !errors.Is(err, pack.ErrMessage) {
			t.Errorf("%s: %v, want %v", name, err, pack.ErrMessage)
		}
	}
	good := []pack.Message{{Topic: "a", Sequence: 5}, {Topic: "a", Sequence: 6}}
	for i, m := range good {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
		if err := e.Append(good[0]); !errors.Is(err, pack.ErrMessage) {
			t.Errorf("after message %d: the same sequence again: %v", i, err)
		}
	}
	block, n := e.Seal(nil)
	if n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	compare(t, decoded(t, [][]byte{block}), good)
	if block, n := e.Seal(nil); n != 0 || len(block) != 0 {
		t.Errorf("an empty block has %d messages and %d bytes", n, len(block))
	}
	e.Begin(pack.Head{}, 0)
	if err := e.Append(good[0]); !errors.Is(err, pack.ErrMessage) {
		t.Errorf("a stream without a name: %v", err)
	}
}

// TestFullStaysFull: what was learned from the message that did not fit must not be gone on with.
func TestFullStaysFull(t *testing.T) {
	messages := packtest.Hard(400, 1)
	var e pack.Encoder
	e.Begin(head, 500)
	n := 0
	for n < len(messages) && e.Append(messages[n]) == nil {
		n++
	}
	if err := e.Append(pack.Message{Topic: "a", Payload: []byte("1"), Sequence: messages[n].Sequence}); !errors.Is(err, pack.ErrFull) {
		t.Errorf("a small message after one that did not fit: %v", err)
	}
	block, sealed := e.Seal([]byte("before"))
	if sealed != n || n < 20 || !bytes.HasPrefix(block, []byte("before")) {
		t.Fatalf("%d messages sealed of %d", sealed, n)
	}
	block = block[len("before"):]
	if len(block) > 500 || len(block) < 470 {
		t.Errorf("the block has %d bytes of 500", len(block))
	}
	compare(t, decoded(t, [][]byte{block}), messages[:n])
}

// TestTheSameText: a payload that is carried as text is told each time, also when it is that of the message before.
func TestTheSameText(t *testing.T) {
	var messages []pack.Message
	for i := range 8 {
		messages = append(messages, pack.Message{Topic: "a", Payload: []byte("\x00on"), Sequence: uint64(i)})
	}
	compare(t, decoded(t, blocks(t, head, 0, 0, messages)), messages)
}

// TestFallback has a payload change under the encoder, which breaks its contract, so that the block decodes to something else.
func TestFallback(t *testing.T) {
	messages := packtest.Regular(60, 1)
	for _, limit := range []int{0, 1350} {
		var e pack.Encoder
		e.Begin(head, limit)
		n := 0
		for n < len(messages) && e.Append(messages[n]) == nil {
			n++
		}
		messages[7].Payload[9] ^= 1
		block, sealed := e.Seal(nil)
		if e.Fallbacks != 1 || sealed == 0 || limit == 0 && sealed != n || limit > 0 && (len(block) > limit || sealed >= n) {
			t.Errorf("limit %d: %d fallbacks, %d of %d messages in %d bytes", limit, e.Fallbacks, sealed, n, len(block))
		}
		compare(t, decoded(t, [][]byte{block}), messages[:sealed])
	}
}

func TestSplit(t *testing.T) {
	messages := packtest.Regular(50, 1)
	file := bytes.Join(blocks(t, head, 0, 20, messages), nil)
	var all [][]byte
	for rest := file; len(rest) > 0; {
		block, after, err := pack.Split(rest)
		if err != nil {
			t.Fatal(err)
		}
		all, rest = append(all, block), after
	}
	if len(all) != 3 {
		t.Errorf("%d blocks, want 3", len(all))
	}
	compare(t, decoded(t, all), messages)
	if _, _, err := pack.Decode(file, pack.Limits{}); !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("several blocks as one: %v", err)
	}
}

func TestFloor(t *testing.T) {
	messages := packtest.Regular(30, 1)
	first := messages[0].Sequence
	bare := len(blocks(t, head, 0, 0, messages)[0])
	for _, c := range []struct {
		floor uint64
		more  int
	}{{first, 1}, {first - 100, 1}, {1, 3}} {
		for _, sum := range []bool{false, true} {
			h := head
			h.Floor, h.Sum = c.floor, sum
			block := blocks(t, h, 0, 0, messages)[0]
			got, _, err := pack.Decode(block, pack.Limits{})
			if err != nil || got != h {
				t.Errorf("the head is %+v, want %+v: %v", got, h, err)
			}
			if more := len(block) - bare; !sum && more != c.more {
				t.Errorf("floor %d takes %d bytes, want %d", c.floor, more, c.more)
			}
		}
	}
	var e pack.Encoder
	e.Begin(pack.Head{Stream: "s", Floor: first + 1}, 0)
	if err := e.Append(messages[0]); !errors.Is(err, pack.ErrMessage) {
		t.Errorf("a message below the floor: %v", err)
	}
	if err := e.Append(messages[1]); err != nil {
		t.Errorf("the message at the floor: %v", err)
	}
}
