package pace_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"skerry/edge/uplink/pace"
)

// road is a link of a model: one message after the other at its rate, then the way there and back. A loss holds up all that is behind
// it for a round trip and a half, as TCP does.
type road struct {
	rate float64 // bytes per second
	trip time.Duration
	loss float64 // of a message
	r    *rand.Rand

	now  time.Time
	free time.Time // when the sender's end is
	last time.Time // arrival of the latest
	out  []arrival
	most time.Duration // the longest that a message waited before the link took it, once the window had settled
}

type arrival struct {
	id uint16
	at time.Time
}

func (l *road) send(id uint16, bytes int) {
	begin := l.now
	if l.free.After(begin) {
		begin = l.free
	}
	l.free = begin.Add(time.Duration(float64(bytes) / l.rate * float64(time.Second)))
	at := l.free.Add(l.trip)
	if l.r.Float64() < l.loss {
		at = at.Add(l.trip * 3 / 2)
	}
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	l.out = append(l.out, arrival{id, at})
}

// drain sends n messages of so many bytes and returns how long it took.
func (l *road) drain(w *pace.Window, n, bytes int) time.Duration {
	began := l.now
	for sent, acked := 0, 0; acked < n; {
		for sent < n && w.Room(true) > 0 {
			sent++
			if sent > n/2 {
				l.most = max(l.most, l.free.Sub(l.now))
			}
			w.Sent(uint16(sent%60000), bytes, l.now)
			l.send(uint16(sent%60000), bytes)
		}
		l.now = l.out[0].at
		w.Acked(l.out[0].id, l.now)
		l.out = l.out[1:]
		acked++
	}
	return l.now.Sub(began)
}

func newRoad(rate float64, trip time.Duration, loss float64) *road {
	return &road{rate: rate, trip: trip, loss: loss, r: rand.New(rand.NewPCG(1, 2)), now: time.Unix(1_000_000, 0)}
}

// A backlog leaves at the rate of the link, and what is sent meanwhile waits for little more than a quarter of a round trip, or for one after a
// loss.
func TestFull(t *testing.T) {
	for _, c := range []struct {
		name string
		rate float64
		trip time.Duration
		loss float64
		n    int
	}{
		{"GEO", 16_000, 600 * time.Millisecond, 0, 5_000},
		{"GEO with loss", 16_000, 600 * time.Millisecond, 0.005, 5_000},
		{"Certus", 2_750, time.Second, 0.005, 5_000},
		{"LTE", 1_000_000, 60 * time.Millisecond, 0.001, 20_000},
		{"LTE-M", 40_000, 150 * time.Millisecond, 0.001, 5_000},
		{"LAN", 50_000_000, time.Millisecond, 0, 200_000},
	} {
		l, w := newRoad(c.rate, c.trip, c.loss), pace.New()
		const bytes = 100
		took := l.drain(w, c.n, bytes)
		least := time.Duration(float64(c.n*bytes) / c.rate * float64(time.Second))
		losses := time.Duration(c.loss * float64(c.n) * 1.5 * float64(c.trip))
		if most := least*5/4 + losses + 12*c.trip; took > most {
			t.Errorf("%s: took %v, the link needs %v and the losses %v", c.name, took, least, losses)
		}
		most := c.trip/2 + time.Duration(4096/c.rate*float64(time.Second))
		if c.loss > 0 { // a loss has the whole window leave at once afterwards
			most = c.trip*7/4 + time.Duration(4096/c.rate*float64(time.Second))
		}
		if l.most > most {
			t.Errorf("%s: a message waited %v in front of a link with a round trip of %v", c.name, l.most, c.trip)
		}
		if s := w.State(); !s.Full || s.Rate < c.rate*3/4 || s.Rate > c.rate*3/2 || s.Shortest > c.trip*3/2+least/time.Duration(c.n) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// A link that becomes faster is used, and one that becomes slower is not flooded.
func TestChange(t *testing.T) {
	l, w := newRoad(10_000, 500*time.Millisecond, 0), pace.New()
	l.drain(w, 2000, 100)
	l.rate = 100_000
	if took := l.drain(w, 20_000, 100); took > 45*time.Second {
		t.Errorf("2 MB over a link that carries 100 kB/s now took %v", took)
	}
	l.rate = 5_000
	l.drain(w, 3000, 100)
	if s := w.State(); s.Size > 12_000 {
		t.Errorf("the window of a link that holds 2.5 kB is %d bytes", s.Size)
	}
}

// Readings that come one by one do not make the window of a fast link small.
func TestLittleToSend(t *testing.T) {
	l, w := newRoad(100_000, 500*time.Millisecond, 0), pace.New()
	l.drain(w, 5000, 100)
	before := w.State()
	for range 1000 {
		l.drain(w, 1, 100)
		l.now = l.now.Add(time.Second)
	}
	if s := w.State(); s.Size < before.Size/2 || s.Used != 0 {
		t.Errorf("the window was %d bytes and is %d; %d are on their way", before.Size, s.Size, s.Used)
	}
}

// Acknowledgements of what was not sent, and messages that are sent again under their ids, leave the account right.
func TestAccount(t *testing.T) {
	w, now := pace.New(), time.Unix(0, 0)
	w.Acked(1, now)
	w.Sent(1, 100, now)
	w.Sent(1, 100, now)
	w.Acked(1, now)
	w.Acked(1, now)
	if s := w.State(); s.Used != 0 {
		t.Errorf("%d bytes are on their way", s.Used)
	}
	if w.Room(true) <= 0 {
		t.Error("no room for anything, and nothing is on its way")
	}
	w.Sent(2, 1<<20, now)
	if w.Room(true) != 0 {
		t.Error("there is room beside a message larger than the window")
	}
}
