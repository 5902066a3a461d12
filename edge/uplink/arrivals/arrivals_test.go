package arrivals_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"skerry/edge/uplink/arrivals"
)

// disk is where the slots lie.
type disk map[int][]byte

func (d disk) read(slot int) []byte { return d[slot] }

func (d disk) open(t *testing.T) *arrivals.Memory {
	t.Helper()
	m, damaged := arrivals.New(d.read)
	if damaged > 0 {
		t.Fatalf("%d slots are damaged", damaged)
	}
	return m
}

// come has a block come, and be stored if there is something new in it.
func (d disk) come(m *arrivals.Memory, gateway, stream string, epoch, floor uint64, sequences ...uint64) (fresh []uint64, news arrivals.News) {
	b := m.Begin(gateway, stream, epoch)
	for _, n := range sequences {
		if !b.Known(n) {
			fresh = append(fresh, n)
		}
	}
	if len(fresh) == 0 {
		return nil, arrivals.Nothing
	}
	news = b.Judge(floor)
	slot, content := b.With(fresh)
	d[slot] = content
	b.Keep()
	return fresh, news
}

// Whatever comes, in whatever order, is known from then on, also after a restart at any time, and nothing else is.
func TestKnown(t *testing.T) {
	d, r := disk{}, rand.New(rand.NewPCG(1, 2))
	m := d.open(t)
	const base, span = 1 << 20, 400
	var came [3]map[uint64]bool
	for i := range came {
		came[i] = map[uint64]bool{}
	}
	for range 3000 {
		i := r.IntN(len(came))
		var block, want []uint64
		for n := base + r.Uint64N(span); len(block) < 5; n += 1 + r.Uint64N(3) {
			block = append(block, n)
			if !came[i][n] {
				want = append(want, n)
			}
			came[i][n] = true
		}
		if got, _ := d.come(m, "a", []string{"x", "y", "z"}[i], 7, 0, block...); !slices.Equal(got, want) {
			t.Fatalf("%v: %v are new, want %v", block, got, want)
		}
		if r.IntN(50) == 0 {
			m = d.open(t)
		}
	}
	if m.Forgotten() > 0 {
		t.Errorf("%d were forgotten", m.Forgotten())
	}
}

func TestExtremes(t *testing.T) {
	d := disk{}
	m := d.open(t)
	for _, n := range []uint64{math.MaxUint64, 0, math.MaxUint64 - 1, 1, 3} {
		if fresh, _ := d.come(m, "a", "x", 1, 0, n); len(fresh) != 1 {
			t.Errorf("%d is known", n)
		}
		m = d.open(t)
		if fresh, _ := d.come(m, "a", "x", 1, 0, n); len(fresh) != 0 {
			t.Errorf("%d is not known", n)
		}
	}
	d.come(m, "a", "x", 1, math.MaxUint64, 2)
	m = d.open(t)
	if b := m.Begin("a", "x", 1); !b.Known(2) || b.Known(5) || !b.Known(math.MaxUint64) {
		t.Error("what comes with the highest floor is not kept")
	}
}

// Of the gaps below a floor only the latest are remembered, and the others cost nothing. A lower floor changes nothing.
func TestFloor(t *testing.T) {
	d := disk{}
	m := d.open(t)
	for n := uint64(1000); n < 1200; n += 2 {
		d.come(m, "a", "x", 1, 0, n)
	}
	_, before := m.Begin("a", "x", 1).With(nil)
	d.come(m, "a", "x", 1, 1200, 1300)
	d.come(m, "a", "x", 1, 1000, 1302)
	_, after := m.Begin("a", "x", 1).With(nil)
	if len(after) > len(before)/2 {
		t.Errorf("%d bytes before, %d after", len(before), len(after))
	}
	m = d.open(t)
	b := m.Begin("a", "x", 1)
	latest := uint64(1200 - 2*arrivals.Gaps)
	for n, want := range map[uint64]bool{999: true, 1001: true, latest - 3: true, latest - 1: false, 1199: false, 1200: false, 1299: false, 1300: true, 1301: false, 1302: true, 1303: false} {
		if b.Known(n) != want {
			t.Errorf("%d: known %v", n, !want)
		}
	}
}

// A block that comes behind one that was sent later is new, though it lies below the floor of that.
func TestBehindItsFloor(t *testing.T) {
	d := disk{}
	m := d.open(t)
	d.come(m, "a", "x", 1, 1, 1, 2, 3)
	d.come(m, "a", "x", 1, 7, 7, 8, 9)
	if fresh, news := d.come(m, "a", "x", 1, 4, 4, 5, 6); len(fresh) != 3 || news != arrivals.Nothing {
		t.Errorf("%d of 3 are new, news %v", len(fresh), news)
	}
	m = d.open(t)
	if fresh, _ := d.come(m, "a", "x", 1, 10, 4, 5, 6, 7, 8, 9, 10); len(fresh) != 1 {
		t.Errorf("%d are new, want 1", len(fresh))
	}
}

// At the bound the lowest are forgotten, and come as new: nothing is lost.
func TestBoundOfSpans(t *testing.T) {
	d := disk{}
	m := d.open(t)
	for n := range uint64(arrivals.Spans + 10) {
		d.come(m, "a", "x", 1, 0, 100+2*n)
	}
	if m.Forgotten() != 10 {
		t.Errorf("%d were forgotten", m.Forgotten())
	}
	b := m.Begin("a", "x", 1)
	if b.Known(100) || !b.Known(100+2*10) || !b.Known(100+2*(arrivals.Spans+9)) {
		t.Error("others are known than the highest")
	}
	if _, content := b.With(nil); len(content) > 2*arrivals.Spans+64 {
		t.Errorf("%d bytes", len(content))
	}
}

// The source that has been silent for longest makes room.
func TestBoundOfSources(t *testing.T) {
	d := disk{}
	m := d.open(t)
	name := func(i int) string { return string(rune('0' + i)) }
	for i := range arrivals.Sources {
		d.come(m, name(i), "x", 1, 0, 5)
	}
	d.come(m, name(0), "x", 1, 0, 6)
	d.come(m, "one more", "x", 1, 0, 5)
	for range 2 {
		if m.Begin(name(1), "x", 1).Known(5) || !m.Begin(name(0), "x", 1).Known(5) || !m.Begin(name(2), "x", 1).Known(5) || !m.Begin("one more", "x", 1).Known(5) {
			t.Error("another source has made room")
		}
		m = d.open(t)
	}
}

// A block that was not stored, because the power went, comes as new.
func TestNotStored(t *testing.T) {
	d := disk{}
	m := d.open(t)
	b := m.Begin("a", "x", 1)
	b.Judge(0)
	b.With([]uint64{5})
	if m.Begin("a", "x", 1).Known(5) {
		t.Error("what was not kept is known")
	}
	b.With([]uint64{6})
	b.Keep()
	if b.With([]uint64{7}); b.Known(5) || !b.Known(6) || b.Known(7) {
		t.Error("another part is known than was kept")
	}
}

func TestEpochs(t *testing.T) {
	d := disk{}
	m := d.open(t)
	n := uint64(0)
	comes := func(stream string, epoch uint64, want arrivals.News) {
		t.Helper()
		n++
		fresh, news := d.come(m, "a", stream, epoch, 0, n)
		if len(fresh) != 1 || news != want {
			t.Errorf("%d new, news %v, want %v", len(fresh), news, want)
		}
		m = d.open(t)
	}
	comes("x", 1, arrivals.Nothing)
	comes("x", 1, arrivals.Nothing)
	comes("x", 2, arrivals.Renewed)
	comes("x", 2, arrivals.Nothing)
	if fresh, news := d.come(m, "a", "x", 1, 0, 1, 2); len(fresh) > 0 || news != arrivals.Nothing {
		t.Error("what a server repeats of the epoch before is a clash")
	}
	comes("x", 1, arrivals.Raised)
	comes("x", 2, arrivals.Nothing)
	comes("x", 1, arrivals.Nothing)
	comes("y", 1, arrivals.Nothing)
	comes("y", 2, arrivals.Renewed)
	comes("y", 1, arrivals.Nothing) // the gateway is in a clash already
	m = d.open(t)
	for range arrivals.Calm - 1 {
		comes("x", 1, arrivals.Nothing)
		comes("y", 1, arrivals.Nothing)
	}
	comes("x", 1, arrivals.Nothing) // the other stream goes on
	comes("y", 1, arrivals.Cleared)
	comes("x", 1, arrivals.Nothing)
	if ids := m.Begin("a", "x", 1).Epochs(); !slices.Equal(ids, []uint64{2, 1}) {
		t.Errorf("epochs %v", ids)
	}
}

// A primer may come long after its time: it does not make its epoch the current one.
func TestPrimers(t *testing.T) {
	d := disk{}
	m := d.open(t)
	n := uint64(0)
	comes := func(epoch uint64, primer bool, want arrivals.News) {
		t.Helper()
		n++
		b := m.Begin("a", "x", epoch)
		if primer {
			b.Primer()
		}
		if news := b.Judge(0); news != want {
			t.Errorf("%d, epoch %d: news %v, want %v", n, epoch, news, want)
		}
		slot, content := b.With([]uint64{n})
		d[slot] = content
		b.Keep()
		if !m.Begin("a", "x", epoch).Known(n) {
			t.Errorf("%d is not known", n)
		}
	}
	comes(1, true, arrivals.Nothing)
	comes(1, false, arrivals.Nothing)
	comes(2, false, arrivals.Renewed)
	comes(1, true, arrivals.Nothing) // retained
	comes(2, false, arrivals.Nothing)
	comes(2, true, arrivals.Nothing)
	comes(9, true, arrivals.Nothing) // of another epoch before
	comes(2, false, arrivals.Nothing)
	comes(3, true, arrivals.Nothing)  // the first of an epoch
	comes(3, false, arrivals.Nothing) // a new one, which was told of within the hour
	comes(3, false, arrivals.Nothing)
	comes(2, false, arrivals.Raised)
	for epoch := range uint64(arrivals.Recent + 1) {
		comes(50+epoch, true, arrivals.Nothing)
	}
	comes(2, false, arrivals.Nothing)
	m = d.open(t)
	if !m.Begin("a", "x", 50+arrivals.Recent).Known(n-1) || m.Begin("a", "x", 52).Known(n-1-arrivals.Recent+2) || !m.Begin("a", "x", 2).Known(3) {
		t.Error("other epochs are forgotten than those of primers")
	}
}

// A primer of an epoch before is no second gateway after a restart either.
func TestPrimerBeforeRestart(t *testing.T) {
	d := disk{}
	m := d.open(t)
	d.come(m, "a", "x", 2, 0, 1)
	b := m.Begin("a", "x", 9)
	b.Primer()
	b.Judge(0)
	slot, content := b.With([]uint64{1})
	d[slot] = content
	b.Keep()
	m = d.open(t)
	if _, news := d.come(m, "a", "x", 2, 0, 2); news != arrivals.Nothing {
		t.Errorf("news %v", news)
	}
	if _, news := d.come(m, "a", "x", 9, 0, 3); news != arrivals.Renewed {
		t.Errorf("news %v of the first block of the epoch", news)
	}
}

// A store that is renewed ever again is told of once an hour, and the oldest epochs make room.
func TestManyEpochs(t *testing.T) {
	d := disk{}
	m := d.open(t)
	told := 0
	for epoch := range uint64(100) {
		if _, news := d.come(m, "a", "x", epoch, 0, 5); news == arrivals.Renewed {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	if n := len(m.Begin("a", "x", 99).Epochs()); n != arrivals.Epochs {
		t.Errorf("%d epochs", n)
	}
}

// Of a backlog of many runs all is known until so many blocks have come behind it that the server gives none of it again; then the record is as small as before.
func TestBacklogOfManyRuns(t *testing.T) {
	d := disk{}
	m := d.open(t)
	for epoch := range uint64(arrivals.Recent) {
		d.come(m, "a", "x", 100+epoch, 0, epoch)
	}
	m = d.open(t)
	last := uint64(100 + arrivals.Recent - 1)
	for n := range uint64(arrivals.Settled - 1) {
		if _, news := d.come(m, "a", "x", last, 0, 1000+n); news != arrivals.Nothing {
			t.Fatalf("news %v", news)
		}
	}
	for epoch := range uint64(arrivals.Recent) {
		if !m.Begin("a", "x", 100+epoch).Known(epoch) {
			t.Errorf("what has come of epoch %d is not known", epoch)
		}
	}
	slot, content := m.Begin("a", "x", last).With(nil)
	d.come(m, "a", "x", last, 0, 2000)
	if len(d[slot]) > len(content)/4 || m.Begin("a", "x", 100).Known(0) || !m.Begin("a", "x", last-1).Known(uint64(arrivals.Recent-2)) {
		t.Errorf("%d bytes before, %d after", len(content), len(d[slot]))
	}
}

// However many epochs with gaps come, the record of a source stays small.
func TestBoundOfManyRuns(t *testing.T) {
	d := disk{}
	m := d.open(t)
	for epoch := range uint64(arrivals.Recent + 10) {
		var sequences []uint64
		for n := range uint64(arrivals.Spans + 5) {
			sequences = append(sequences, 1<<40+n<<20)
		}
		d.come(m, "a", "x", epoch, 0, sequences...)
	}
	if len(d[0]) > 28_000 {
		t.Errorf("%d bytes", len(d[0]))
	}
	m = d.open(t)
	last := uint64(arrivals.Recent + 9)
	for n := range uint64(3) {
		if !m.Begin("a", "x", last-n).Known(1<<40 + 200<<20) {
			t.Errorf("epoch %d is forgotten", last-n)
		}
	}
}

// Slots that are damaged are counted and forgotten, and what is read is written as it was understood.
func FuzzSlot(f *testing.F) {
	d := disk{}
	m, _ := arrivals.New(d.read)
	for i := range uint64(20) {
		d.come(m, "farm/a", "x", i%3, i/4, 1000+3*i, 1001+3*i)
	}
	d.come(m, "farm/a", "x", 0, 0, math.MaxUint64)
	f.Add(d[0], uint64(1001), uint64(2))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0}, uint64(5), uint64(0))
	f.Fuzz(func(t *testing.T, content []byte, n, floor uint64) {
		m, damaged := arrivals.New(disk{3: content}.read)
		if damaged > 0 || len(content) == 0 {
			return
		}
		d := disk{}
		b := m.Begin("farm/a", "x", 1)
		if slot, _ := b.With(nil); slot != 3 {
			return
		}
		d.come(m, "farm/a", "x", 1, floor, n)
		_, before := m.Begin("farm/a", "x", 1).With(nil)
		m, damaged = arrivals.New(disk{0: before}.read)
		if b = m.Begin("farm/a", "x", 1); damaged > 0 || !b.Known(n) {
			t.Fatalf("%d damaged, %d is not known", damaged, n)
		}
		if _, after := b.With(nil); !bytes.Equal(before, after) {
			t.Errorf("%x became %x", before, after)
		}
	})
}
