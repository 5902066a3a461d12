package pack_test

import (
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

// figures are bytes for each reading of a block, all included: docs/pack.md gives them.
var figures = []struct {
	set   string
	batch int
	most  float64
}{
	{"regular", 1, 79}, {"regular", 20, 11}, {"regular", 100, 3.6}, {"regular", 1000, 1.7},
	{"hard", 1, 80}, {"hard", 20, 13.8}, {"hard", 100, 7.4}, {"hard", 1000, 4.9},
}

func TestFigures(t *testing.T) {
	const n = 10_000
	for _, f := range figures {
		for _, set := range packtest.Sets {
			if set.Name != f.set {
				continue
			}
			total := 0
			for _, b := range blocks(t, head, 0, f.batch, set.Make(n, 1)) {
				total += len(b)
			}
			each := float64(total) / n
			t.Logf("%s, %d in a block: %.2f bytes each", f.set, f.batch, each)
			if each > f.most {
				t.Errorf("%s, %d in a block: %.2f bytes each, want %.2f at most", f.set, f.batch, each, f.most)
			}
		}
	}
}

// alone are bytes for a reading that is a primed block of its own, all included, by how long the primer has served: it holds the first reading of each
// sensor, and so many come in between.
var alone = []struct {
	set   string
	gap   int
	after string
	most  float64
}{
	{"regular", 0, "at once", 18.4}, {"regular", 360 * 20, "an hour", 20.9}, {"regular", 8640 * 20, "a day", 23.6},
	{"hard", 0, "at once", 21.1}, {"hard", 360 * 20, "an hour", 23.1}, {"hard", 8640 * 20, "a day", 26.1},
}

func TestFiguresAlone(t *testing.T) {
	const n = 500
	for _, f := range alone {
		for _, set := range packtest.Sets {
			if set.Name != f.set {
				continue
			}
			first := 20
			if set.Name == "hard" { // in random order
				first = 60
			}
			messages := set.Make(first+f.gap+n, 1)
			primer, p := primed(t, messages[:first])
			total, longest := 0, 0
			for _, m := range messages[first+f.gap:] {
				b := primedBlock(t, p, m)
				total, longest = total+len(b), max(longest, len(b))
			}
			each := float64(total) / n
			t.Logf("%s, alone, %s after a primer of %d bytes: %.2f bytes each, %d at most", f.set, f.after, len(primer), each, longest)
			if each > f.most {
				t.Errorf("%s, alone, %s after a primer: %.2f bytes each, want %.2f at most", f.set, f.after, each, f.most)
			}
		}
	}
}

// TestOwnPayload: what the gateway itself publishes codes as well.
func TestOwnPayload(t *testing.T) {
	messages := packtest.Own(2000, 1)
	total := 0
	for _, b := range blocks(t, head, 0, 100, messages) {
		total += len(b)
	}
	if each := float64(total) / float64(len(messages)); each > 3.6 {
		t.Errorf("%.2f bytes each", each)
	}
}

// TestAllocations bounds what the coder allocates for each block, once it has its tables.
func TestAllocations(t *testing.T) {
	messages := packtest.Regular(100, 1)
	var e pack.Encoder
	var dst []byte
	seal := func() {
		e.Begin(head, 0)
		for _, m := range messages {
			if err := e.Append(m); err != nil {
				t.Fatal(err)
			}
		}
		dst, _ = e.Seal(dst[:0])
	}
	seal()
	if n := testing.AllocsPerRun(20, seal); n > 60 { // topics and skeletons, when it decodes to compare
		t.Errorf("%.0f allocations for a block of 100 messages", n)
	}
	if n := testing.AllocsPerRun(20, func() { pack.Decode(dst, pack.Limits{}) }); n > 250 {
		t.Errorf("%.0f allocations to decode a block of 100 messages", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, set := range packtest.Sets {
		b.Run(set.Name, func(b *testing.B) {
			messages := set.Make(100, 1)
			var e pack.Encoder
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				e.Begin(head, 0)
				for _, m := range messages {
					e.Append(m)
				}
				dst, _ = e.Seal(dst[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
		})
	}
}

// BenchmarkPrimed has each message alone in a block.
func BenchmarkPrimed(b *testing.B) {
	messages := packtest.Regular(40, 1)
	_, p := primed(b, messages[:20])
	var e pack.Encoder
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		e.BeginPrimed(head, p, 0)
		e.Append(messages[30])
		dst, _ = e.Seal(dst[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, set := range packtest.Sets {
		b.Run(set.Name, func(b *testing.B) {
			block := blocks(b, head, 0, 0, set.Make(100, 1))[0]
			b.ReportAllocs()
			for b.Loop() {
				pack.Decode(block, pack.Limits{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
		})
	}
}
