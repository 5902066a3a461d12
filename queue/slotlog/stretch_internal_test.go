package slotlog

import (
	"slices"
	"strings"
	"testing"

	"skerry/queue/vfs"
)

// slotOf makes a slot by hand: what was written to its places, in order. An empty block leaves a place as it was.
func slotOf(t *testing.T, h header, blocks ...block) *vfs.Disk {
	t.Helper()
	disk := vfs.NewDisk()
	f, err := disk.Create("log/slot-0000")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Allocate(32 << 10); err != nil {
		t.Fatal(err)
	}
	h.major, h.blockSize, h.slotSize, h.uuid, h.incompat = major, 1024, 32<<10, testUUID, resumable
	_, _ = f.WriteAt(h.append(h.append(nil)), 0)
	b := make([]byte, 1024)
	for i, x := range blocks {
		if x.segment == 0 {
			continue
		}
		x.put(b, testUUID.seed())
		_, _ = f.WriteAt(b, int64(i+1)*1024)
	}
	return disk
}

// written is a block of boot, whose chunk holds a record for each word, and before whose group the log ended at
// durable.
func written(boot uint32, chunk uint64, words string, durable Position) block {
	b := block{segment: 1, chunk: chunk, boot: boot, life: 7, durable: durable.Chunk, durableUsed: uint16(durable.Offset)}
	for _, w := range strings.Fields(words) {
		b.payload = AppendRecord(b.payload, 1, []byte(w))
	}
	return b
}

// full is a chunk without room: one word, and the beginning of a record that the next chunk ends, if it is there.
func full(boot uint32, chunk uint64, word string, durable Position) block {
	b := written(boot, chunk, word, durable)
	b.payload = AppendRecord(b.payload, 1, make([]byte, 2000))[:1024-blockHeader]
	return b
}

func resumed(boot uint32, end Position) block {
	return marker(&segment{number: 1, life: 7}, boot, end, 1)
}

// TestStretches builds what restarts leave in a slot, and says which records are alive.
func TestStretches(t *testing.T) {
	const a, ab = 3, 6 // bytes used by one and by two words of a letter
	other := func(b block, segment uint64, life uint16) block { b.segment, b.life = segment, life; return b }
	for _, c := range []struct {
		name   string
		blocks []block
		want   string
		next   int // the place where the next boot goes on
	}{
		{"nothing", nil, "", 0},
		{"one boot", []block{written(1, 1, "a", Position{}), written(1, 1, "a b", Position{1, a})}, "a b", 2},
		{"torn group without a restart", []block{written(1, 1, "a", Position{}), {}, written(1, 3, "x", Position{1, a})}, "a", 3},
		{"torn group before a restart", []block{
			written(1, 1, "a", Position{}), {}, written(1, 3, "x", Position{1, a}), resumed(2, Position{1, a}), {},
			written(2, 2, "b", Position{1, a}),
		}, "a b", 6},
		{"torn group whose chunks the next boot took again", []block{
			written(1, 1, "a", Position{}), {}, written(1, 3, "x", Position{1, a}), written(1, 4, "y", Position{1, a}),
			resumed(2, Position{1, a}), {}, written(2, 2, "b", Position{1, a}), written(2, 2, "b c", Position{2, a}),
		}, "a b c", 8},
		{"the durable chunk made longer by a torn group", []block{
			written(1, 1, "a", Position{}), written(1, 1, "a x", Position{1, a}), resumed(2, Position{1, a}), {},
			written(2, 2, "b", Position{1, a}),
		}, "a b", 5},
		{"a torn group that ends with a full chunk", []block{
			full(1, 1, "a", Position{}), resumed(2, Position{1, 1024 - blockHeader}), {},
			written(2, 2, "b", Position{1, 1024 - blockHeader}),
		}, "a b", 4},
		{"boots that wrote nothing", []block{
			written(1, 1, "a", Position{}), resumed(2, Position{1, a}), {}, resumed(3, Position{2, 0}), {},
			resumed(4, Position{3, 0}), {}, written(4, 4, "b", Position{3, 0}),
		}, "a b", 8},
		{"the first boot wrote nothing", []block{
			written(1, 2, "x", Position{}), resumed(2, Position{1, 0}), {}, written(2, 2, "a", Position{1, 0}),
		}, "a", 4},
		{"torn group of every boot", []block{
			written(1, 1, "a", Position{}), {}, written(1, 3, "x", Position{1, a}), resumed(2, Position{1, a}), {},
			written(2, 2, "b", Position{1, a}), {}, written(2, 4, "y", Position{2, a}), resumed(3, Position{2, a}), {},
			written(3, 3, "c", Position{2, a}), {}, written(3, 5, "z", Position{3, a}),
		}, "a b c", 13},
		{"both markers lost, first group there", []block{
			written(1, 1, "a", Position{}), written(1, 1, "a x", Position{1, a}), {}, {},
			written(2, 2, "b", Position{1, a}), written(2, 2, "b c", Position{2, a}),
		}, "a b c", 6},
		{"both markers lost, and the first group written over", []block{
			written(1, 1, "a", Position{}), {}, {}, {},
			written(2, 2, "b c d", Position{2, ab}), written(2, 2, "b c", Position{2, a}),
		}, "a b c d", 6},
		{"both markers lost, two boots after another", []block{
			written(1, 1, "a", Position{}), {}, {}, written(2, 2, "b", Position{1, a}), {}, {},
			written(3, 3, "c", Position{2, a}),
		}, "a b c", 7},
		{"markers lost of a boot that a later one cut short", []block{
			written(1, 1, "a", Position{}), {}, {}, written(2, 2, "b", Position{1, a}), {}, written(2, 4, "x", Position{2, a}),
			resumed(3, Position{2, a}), {}, written(3, 3, "c", Position{2, a}),
		}, "a b c", 9},
		{"an earlier life of the segment", []block{
			written(1, 1, "a", Position{}), other(written(1, 2, "x", Position{1, a}), 1, 6), other(resumed(5, Position{}), 1, 6),
		}, "a", 1},
		{"an earlier segment of the slot", []block{
			written(1, 1, "a", Position{}), other(written(1, 2, "x", Position{1, a}), 9, 7), other(resumed(5, Position{}), 9, 7),
		}, "a", 1},
		{"the last group copied", []block{
			written(1, 1, "a", Position{}), written(1, 1, "a b", Position{1, a}), written(1, 1, "a b", Position{1, a}),
			resumed(2, Position{1, ab}), {}, written(2, 2, "c", Position{1, ab}),
		}, "a b c", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := slotOf(t, header{segment: 1, boot: 1, firstChunk: 1, firstSeq: 1, life: 7}, c.blocks...)
			for range 2 { // the second time with what the first has added
				l, err := Open(disk, "log", Options{SlotSize: 32 << 10, BlockSize: 1024})
				if err != nil {
					t.Fatal(err)
				}
				var words []string
				rep := l.Replay(func(r Record) { words = append(words, string(r.Body)) })
				if got := strings.Join(words, " "); got != c.want || rep.Damaged > 0 {
					t.Fatalf("found %q, want %q, %+v", got, c.want, rep)
				}
				if l.last.next != c.next {
					t.Errorf("goes on at place %d, want %d", l.last.next, c.next)
				}
				var g Group
				g.Append(1, []byte("new"))
				if err := l.Commit(&g); err != nil || l.Segments() != 1 {
					t.Fatalf("%d segments, %v", l.Segments(), err)
				}
				c.want = strings.TrimSpace(c.want + " new")
				c.next = l.w.next
			}
		})
	}
}

// FuzzStretches makes slots of any blocks: Open and Replay must not fail, and what is committed then must be there.
func FuzzStretches(f *testing.F) {
	f.Add([]byte{1, 1, 3, 0, 0, 1, 0, 0, 1, 3, 2, 2, 5, 1, 3})
	f.Add([]byte{1, 1, 3, 0, 0, 2, 2, 3, 1, 1, 3, 200, 255, 255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var blocks []block
		for x := range slices.Chunk(b, 5) {
			if len(x) == 5 && len(blocks) < 10 {
				n := block{
					segment: 1, boot: uint32(x[0]), chunk: uint64(x[1]), life: 7, durable: uint64(x[3]), durableUsed: uint16(x[4]),
					payload: AppendRecord(nil, 1, make([]byte, x[2])),
				}
				if x[1] == 255 {
					n.chunk, n.durable = 1<<63+uint64(x[3]), 1<<64-1
				}
				blocks = append(blocks, n)
			}
		}
		disk := slotOf(t, header{segment: 1, boot: 1, firstChunk: 1, firstSeq: 1, life: 7}, blocks...)
		for n := 1; n < 3; n++ {
			l, err := Open(disk, "log", Options{SlotSize: 32 << 10, BlockSize: 1024})
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			l.Replay(func(r Record) {
				if string(r.Body) == "new" {
					found++
				}
			})
			if found != n-1 {
				t.Fatalf("%d records of %d are there", found, n-1)
			}
			var g Group
			g.Append(1, []byte("new"))
			if err := l.Commit(&g); err != nil {
				t.Fatal(err)
			}
		}
	})
}
