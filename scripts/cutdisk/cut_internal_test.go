package cutdisk

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

const cell = 4 * sector

// filled is a disk, or a part of one, of one byte.
func filled(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func writeOp(place int, b byte) op {
	return op{kind: opWrite, at: int64(place) * cell, data: filled(b, cell)}
}

// short is a trace of five writes to a cell each: the first is durable, the second was under way when the flush began, the third is
// durable by the second flush, the others by none.
func short() *Trace {
	return &Trace{Base: filled('-', 5*cell), ops: []op{
		writeOp(0, 'a'),
		writeOp(1, 'b'),
		{kind: opFlush, covers: 1},
		writeOp(2, 'c'),
		{kind: opFlush, covers: 4},
		writeOp(3, 'd'),
		writeOp(4, 'e'),
	}}
}

// content says of each cell which byte it is filled with, '?' if with several.
func content(disk []byte) string {
	text := ""
	for at := 0; at < len(disk); at += cell {
		c := disk[at]
		if !bytes.Equal(disk[at:at+cell], filled(c, cell)) {
			c = '?'
		}
		text += string(c)
	}
	return text
}

// all are the disks that a cut may leave, by many trials.
func all(t *testing.T, cut, lies int, garble bool) map[string]int {
	c := &Cutter{trace: short(), lies: lies, durable: bytes.Clone(short().Base)}
	chance := rand.New(rand.NewPCG(1, uint64(cut)))
	found := map[string]int{}
	disk := make([]byte, 5*cell)
	for range 300 {
		c.Cut(disk, cut, garble, chance)
		found[content(disk)]++
	}
	return found
}

func TestCutKeepsWhatAFlushCovers(t *testing.T) {
	for _, c := range []struct {
		name    string
		cut     int
		lies    int
		certain string // '.' is anything
	}{
		{"before anything", 0, 0, "-----"},
		{"a write alone", 1, 0, ".----"},
		{"before the flush", 2, 0, "..---"},
		{"a write under way is not covered", 3, 0, "a.---"},
		{"after the flush", 4, 0, "a..--"},
		{"after the second flush", 5, 0, "abc--"},
		{"the end", 7, 0, "abc.."},
		{"the second flush lied", 7, 1, "a...."},
		{"both flushes lied", 7, 2, "....."},
		{"more lies than flushes", 7, 8, "....."},
	} {
		t.Run(c.name, func(t *testing.T) {
			for disk := range all(t, c.cut, c.lies, true) {
				for i := range disk {
					if c.certain[i] != '.' && disk[i] != c.certain[i] {
						t.Fatalf("%s, want %s", disk, c.certain)
					}
				}
			}
		})
	}
}

func TestCutHarmsTheRestInEveryWay(t *testing.T) {
	found := all(t, 7, 0, false)
	for _, want := range []string{"abc--", "abcd-", "abc-e", "abcde", "abc?-", "abc?e", "abcd?", "abc-?", "abc??"} {
		if found[want] == 0 {
			t.Errorf("%s was not among %v", want, found)
		}
	}
}

func TestTornWritesAreOldOrNewBySector(t *testing.T) {
	c := &Cutter{trace: short(), durable: bytes.Clone(short().Base)}
	chance := rand.New(rand.NewPCG(2, 2))
	disk := make([]byte, 5*cell)
	garbage := 0
	for i := range 400 {
		garble := i >= 200
		c.Cut(disk, 7, garble, chance)
		for at := 3 * cell; at < len(disk); at += sector {
			s := disk[at : at+sector]
			if whole := bytes.Equal(s, filled(s[0], sector)) && bytes.ContainsAny(s[:1], "-de"); !whole {
				garbage++
				if !garble {
					t.Fatal("an honest device left rubbish")
				}
			}
		}
	}
	if garbage == 0 {
		t.Error("a garbling device left none")
	}
}

func TestVitalPlacesAreNeverTorn(t *testing.T) {
	c := &Cutter{trace: short(), durable: bytes.Clone(short().Base), whole: []int64{3*cell + 100}}
	chance := rand.New(rand.NewPCG(3, 3))
	disk := make([]byte, 5*cell)
	for range 200 {
		c.Cut(disk, 7, true, chance)
		if got := content(disk)[3]; got != '-' && got != 'd' {
			t.Fatalf("it is %c", got)
		}
	}
}

func TestDiscardedIsKeptOrZero(t *testing.T) {
	trace := short()
	trace.ops = append(trace.ops, op{kind: opDiscard, at: 0, length: cell})
	c := &Cutter{trace: trace, durable: bytes.Clone(trace.Base)}
	chance := rand.New(rand.NewPCG(4, 4))
	disk, found := make([]byte, 5*cell), map[byte]int{}
	for range 100 {
		c.Cut(disk, 8, false, chance)
		found[content(disk)[0]]++
	}
	if len(found) != 2 || found['a'] == 0 || found[0] == 0 {
		t.Errorf("%v", found)
	}
}

func TestTraceIsReadAsWritten(t *testing.T) {
	f, err := memory("trace", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := append(short().ops, op{kind: opDiscard, at: 7, length: 9})
	for i := range want {
		if err := appendOp(f, &want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	got, err := readTrace(f)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d ops, %v; want %d", len(got), err, len(want))
	}
	for i, g := range got {
		w := want[i]
		if g.kind != w.kind || g.at != w.at || g.length != w.length || g.covers != w.covers || !bytes.Equal(g.data, w.data) {
			t.Errorf("op %d: %+v, want %+v", i, g, w)
		}
	}
}
