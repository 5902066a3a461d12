package pack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

// primed makes a primer of messages.
func primed(t testing.TB, messages []pack.Message) ([]byte, *pack.Primer) {
	t.Helper()
	h := head
	h.Keep = true
	all := blocks(t, h, 0, 0, messages)
	if len(all) != 1 {
		t.Fatalf("%d primers", len(all))
	}
	p, err := pack.NewPrimer(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return all[0], p
}

// primedBlock makes one primed block.
func primedBlock(t testing.TB, p *pack.Primer, messages ...pack.Message) []byte {
	t.Helper()
	return primedBlocks(t, p, head, 0, messages)[0]
}

// primedBlocks packs messages into blocks of at most so many bytes, each with the primer, and checks what they decode to.
func primedBlocks(t testing.TB, p *pack.Primer, h pack.Head, limit int, messages []pack.Message) (out [][]byte) {
	t.Helper()
	var e pack.Encoder
	for left := messages; len(left) > 0; {
		e.BeginPrimed(h, p, limit)
		n := 0
		for ; n < len(left); n++ {
			if err := e.Append(left[n]); errors.Is(err, pack.ErrFull) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		size := e.Size()
		block, sealed := e.Seal(nil)
		if sealed != n || len(block) > size || limit > 0 && n > 1 && len(block) > limit {
			t.Fatalf("%d of %d messages in %d bytes, %d were said", sealed, n, len(block), size)
		}
		_, got, err := pack.DecodeWith(block, pack.Limits{}, one(p))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got, left[:n])
		out, left = append(out, block), left[n:]
	}
	if e.Fallbacks > 0 {
		t.Errorf("%d blocks did not decode to what they were made of", e.Fallbacks)
	}
	return out
}

// one knows one primer.
func one(p *pack.Primer) func(uint32) *pack.Primer {
	return func(id uint32) *pack.Primer {
		if p == nil || id != p.ID() {
			return nil
		}
		return p
	}
}

func TestPrimedBlocksComeBack(t *testing.T) {
	for seed := range uint64(20) {
		messages := packtest.Any(400, seed)
		_, p := primed(t, messages[:100])
		for _, limit := range []int{0, 300, 1350} {
			for _, sum := range []bool{false, true} {
				h := head
				h.Sum = sum
				for _, b := range primedBlocks(t, p, h, limit, messages[100:]) {
					id, needs := pack.Needs(b)
					if list := b[1]&1 == 0; needs == list || needs && id != p.ID() {
						t.Fatalf("it needs %08x, %v, want %08x", id, needs, p.ID())
					}
				}
			}
		}
		for _, m := range messages[100:] { // each alone, and each as if what is before it were lost
			primedBlock(t, p, m)
		}
	}
}

// TestPrimerStaysAsItIs: what blocks learn is theirs.
func TestPrimerStaysAsItIs(t *testing.T) {
	messages := packtest.Any(300, 3)
	_, p := primed(t, messages[:60])
	want := primedBlocks(t, p, head, 0, messages[60:])
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for _, m := range messages[60+i:] {
				var e pack.Encoder
				e.BeginPrimed(head, p, 0)
				if e.Append(m) != nil {
					t.Error("it does not fit")
				}
				b, _ := e.Seal(nil)
				if _, got, err := pack.DecodeWith(b, pack.Limits{}, one(p)); err != nil || len(got) != 1 || !bytes.Equal(got[0].Payload, m.Payload) || e.Fallbacks > 0 {
					t.Error("it does not come back:", err)
				}
			}
		})
	}
	all.Wait()
	if again := primedBlocks(t, p, head, 0, messages[60:]); !slices.EqualFunc(again, want, bytes.Equal) {
		t.Error("the same messages give other blocks later on")
	}
}

// TestPrimerIsABlock: who knows nothing of primers' use decodes one as any other.
func TestPrimerIsABlock(t *testing.T) {
	messages := packtest.Regular(40, 1)
	block, p := primed(t, messages)
	h, got, err := pack.Decode(block, pack.Limits{})
	if want := (pack.Head{Epoch: head.Epoch, Stream: head.Stream, Sum: true, Keep: true}); err != nil || h != want || p.Head() != want {
		t.Fatalf("head %+v and %+v, want %+v: %v", h, p.Head(), want, err)
	}
	compare(t, got, messages)
	if id := binary.BigEndian.Uint32(block[len(block)-4:]); id != p.ID() {
		t.Errorf("the id is %08x, want the check sum %08x", p.ID(), id)
	}
	if _, needs := pack.Needs(block); needs {
		t.Error("it needs a primer")
	}
}

func TestPrimedHead(t *testing.T) {
	messages := packtest.Regular(70, 1)
	_, p := primed(t, messages[:20])
	h := head
	h.Floor, h.Sum = messages[0].Sequence-5, true
	b := primedBlocks(t, p, h, 0, messages[20:])[0]
	got, _, err := pack.DecodeWith(b, pack.Limits{}, one(p))
	if h.Primer = p.ID(); err != nil || got != h {
		t.Errorf("the head is %+v, want %+v: %v", got, h, err)
	}
	if _, rest, err := pack.Split(slices.Concat(b, b)); err != nil || len(rest) != len(b) {
		t.Errorf("Split leaves %d bytes of %d: %v", len(rest), len(b), err)
	}
	b[len(b)-5] ^= 1
	if _, _, err := pack.DecodeWith(b, pack.Limits{}, one(p)); !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
}

// TestPrimerThatCannotServe: the block stands by itself then.
func TestPrimerThatCannotServe(t *testing.T) {
	messages := packtest.Regular(60, 1)
	_, p := primed(t, messages[20:40])
	for name, c := range map[string]struct {
		head     pack.Head
		primer   *pack.Primer
		messages []pack.Message
	}{
		"none":    {head, nil, messages[50:]},
		"epoch":   {pack.Head{Epoch: 1, Stream: head.Stream}, p, messages[50:]},
		"stream":  {pack.Head{Epoch: head.Epoch, Stream: "other"}, p, messages[50:]},
		"earlier": {head, p, messages[10:]},
		"first":   {head, p, messages[20:]},
		"keep":    {pack.Head{Epoch: head.Epoch, Stream: head.Stream, Keep: true}, p, messages[50:]},
	} {
		b := primedBlocks(t, c.primer, c.head, 0, c.messages)[0]
		if _, needs := pack.Needs(b); needs {
			t.Errorf("%s: it needs the primer", name)
		}
		h, got, err := pack.Decode(b, pack.Limits{})
		if err != nil || h.Epoch != c.head.Epoch || h.Stream != c.head.Stream {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
		compare(t, got, c.messages)
	}
}

// TestPrimedFallback has a payload change under the encoder: the block is a list then, which needs nobody.
func TestPrimedFallback(t *testing.T) {
	messages := packtest.Regular(60, 1)
	_, p := primed(t, messages[:20])
	var e pack.Encoder
	e.BeginPrimed(head, p, 0)
	for _, m := range messages[20:] {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	messages[30].Payload[9] ^= 1
	b, n := e.Seal(nil)
	if _, needs := pack.Needs(b); needs || e.Fallbacks != 1 || n != 40 {
		t.Errorf("it needs a primer, or %d fallbacks, %d messages", e.Fallbacks, n)
	}
	compare(t, decoded(t, [][]byte{b}), messages[20:])
}

// TestNoPrimer: neither none nor a wrong one decodes anything.
func TestNoPrimer(t *testing.T) {
	messages := packtest.Regular(70, 1)
	_, p := primed(t, messages[:20])
	_, other := primed(t, messages[:21])
	b := primedBlock(t, p, messages[50])
	for name, lookup := range map[string]func(uint32) *pack.Primer{
		"no lookup": nil, "not there": one(other), "another": func(uint32) *pack.Primer { return other },
	} {
		_, got, err := pack.DecodeWith(b, pack.Limits{}, lookup)
		if !errors.Is(err, pack.ErrNoPrimer) || !strings.Contains(err.Error(), fmt.Sprintf("%08x", p.ID())) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := pack.Decode(b, pack.Limits{}); !errors.Is(err, pack.ErrNoPrimer) {
		t.Error(err)
	}
}

// TestPrimersThatAreRefused has blocks that are none, or too large.
func TestPrimersThatAreRefused(t *testing.T) {
	messages := packtest.Regular(600, 1)
	good, p := primed(t, messages[:20])
	cut := good[:len(good)-1]
	wrong := slices.Clone(good)
	wrong[30] ^= 1
	for name, c := range map[string]struct {
		block []byte
		err   error
	}{
		"ordinary": {blocks(t, head, 0, 0, messages[:20])[0], pack.ErrUnsupported},
		"primed":   {primedBlock(t, p, messages[30]), pack.ErrUnsupported},
		"cut off":  {cut, pack.ErrCorrupt}, "damaged": {wrong, pack.ErrCorrupt}, "nothing": {nil, pack.ErrCorrupt},
		"messages": {kept(blocks(t, head, 0, 0, messages)[0]), pack.ErrLimit},
		"bytes": {kept(blocks(t, head, 0, 0, []pack.Message{
			{Topic: "a", Payload: bytes.Repeat([]byte("x"), pack.MaxPrimerBytes), Sequence: 1},
		})[0]), pack.ErrLimit},
		"length": {kept(blocks(t, head, 0, 0, packtest.Any(500, 1))[0]), pack.ErrLimit},
	} {
		if _, err := pack.NewPrimer(c.block); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
}

// kept makes a primer of a block by hand.
func kept(block []byte) []byte {
	block[1] |= 0x90
	return binary.BigEndian.AppendUint32(block, crc32c(block))
}

// TestPrimerIsFull: an encoder makes none that a decoder would refuse.
func TestPrimerIsFull(t *testing.T) {
	h := head
	h.Keep = true
	long := packtest.Regular(10, 1)
	for i := range long {
		long[i].Payload = bytes.Repeat(long[i].Payload, 200)
	}
	for name, messages := range map[string][]pack.Message{"messages": packtest.Regular(2000, 1), "bytes": long, "length": packtest.Any(2000, 1)} {
		all := blocks(t, h, 0, 0, messages)
		if len(all) < 2 {
			t.Errorf("%s: %d blocks", name, len(all))
		}
		for i, b := range all[:len(all)-1] {
			if _, err := pack.NewPrimer(b); err != nil {
				t.Errorf("%s %d: %v", name, i, err)
			}
		}
		compare(t, decoded(t, all), messages)
	}
	huge := []pack.Message{{Topic: "a", Payload: bytes.Repeat([]byte("1 "), pack.MaxPrimerBytes), Sequence: 1}}
	b := blocks(t, h, 0, 0, huge)[0]
	if _, err := pack.NewPrimer(b); !errors.Is(err, pack.ErrUnsupported) {
		t.Errorf("a message that is more than a primer can have: %v", err)
	}
	compare(t, decoded(t, [][]byte{b}), huge)
}

// TestPrimerMemory: the worst primer, and what a block decodes to with it, stay in bounds.
func TestPrimerMemory(t *testing.T) {
	var messages []pack.Message
	for i := range pack.MaxPrimerMessages {
		messages = append(messages, pack.Message{Topic: fmt.Sprint(i), Payload: []byte("1" + strings.Repeat(" 1", 32)), Sequence: uint64(i)})
	}
	_, p := primed(t, messages)
	if p.Size() > 2<<20 {
		t.Errorf("it takes %d bytes", p.Size())
	}
	next := messages[7]
	next.Sequence = 1 << 20
	block := primedBlock(t, p, next)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	pack.DecodeWith(block, pack.Limits{}, one(p))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("a block of %d bytes had %d allocated", len(block), n)
	}
	t.Logf("%d bytes, and %d to decode a block of %d", p.Size(), after.TotalAlloc-before.TotalAlloc, len(block))
}

// TestPrimedDamage flips each bit of a primed block.
func TestPrimedDamage(t *testing.T) {
	messages := packtest.Hard(120, 1)
	_, p := primed(t, messages[:60])
	block := primedBlock(t, p, messages[70:90]...)
	for i := range len(block) * 8 {
		block[i/8] ^= 1 << (i % 8)
		if _, got, err := pack.DecodeWith(block, pack.Limits{}, one(p)); err == nil && i >= 16 && i < 48 {
			t.Errorf("bit %d of the id: %d messages", i, len(got))
		}
		block[i/8] ^= 1 << (i % 8)
	}
}

func TestPrimedSequences(t *testing.T) {
	messages := packtest.Regular(20, 1)
	for i := range messages {
		messages[i].Sequence = 1<<64 - 100 + uint64(i)
	}
	_, p := primed(t, messages)
	last := messages[3]
	last.Sequence = 1<<64 - 1
	b := primedBlock(t, p, last)
	b[6]++ // its sequence
	if _, _, err := pack.DecodeWith(b, pack.Limits{}, one(p)); !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("a sequence beyond 64 bits: %v", err)
	}
	b[6] = 0
	if _, _, err := pack.DecodeWith(b, pack.Limits{}, one(p)); !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("the sequence of the primer: %v", err)
	}
}
