package emulate

import (
	"math/rand/v2"
	"sync"
	"time"
)

// defaultQueue is what a modem or a terminal holds, in bytes.
const defaultQueue = 64 << 10

// Conditions are those of one direction of a link.
type Conditions struct {
	Rate   int64         // bit/s, of IP packets; 0: no limit
	Delay  time.Duration // one way, behind the sending itself
	Jitter time.Duration // up to so much more delay, evenly spread
	Loss   float64       // 0..1: part of the packets that is lost behind the queue
	Queue  int           // bytes that may wait to be sent; what comes above that is dropped. 0: 64 KiB
}

// Count sums up one direction.
type Count struct {
	Packets int64 // that were sent, whether they arrived or not
	Bytes   int64 // of them, with IP headers
	Payload int64 // of that TCP payload
	Lost    int64 // of the packets: by chance, in a black hole, or to a NAT that has forgotten
	Dropped int64 // packets for which the queue had no room: not sent, not among Packets
}

// Sub is what came since an earlier count.
func (c Count) Sub(o Count) Count {
	return Count{c.Packets - o.Packets, c.Bytes - o.Bytes, c.Payload - o.Payload, c.Lost - o.Lost, c.Dropped - o.Dropped}
}

// parcel is a packet on its way.
type parcel struct {
	b  []byte
	at time.Time // when it came into the queue; later, when it arrives
}

// direction carries packets one way.
type direction struct {
	wake chan struct{}

	mu      sync.Mutex
	c       Conditions
	stalled bool
	chance  *rand.Rand
	queue   []parcel // not yet sent
	queued  int      // bytes of it
	line    []parcel // sent, not yet there
	free    time.Time
	count   Count
}

func newDirection(c Conditions, seed uint64, number uint64) *direction {
	return &direction{wake: make(chan struct{}, 1), c: c, chance: rand.New(rand.NewPCG(seed, number))}
}

// change changes the conditions under the lock, and has run look again.
func (d *direction) change(f func()) {
	d.mu.Lock()
	f()
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// send puts a packet into the queue. b is kept.
func (d *direction) send(b []byte, payload int) {
	d.change(func() {
		room := d.c.Queue
		if room == 0 {
			room = defaultQueue
		}
		if d.queued+len(b) > room && (d.c.Rate > 0 || d.stalled) {
			d.count.Dropped++
			return
		}
		d.counted(len(b), payload)
		d.queue = append(d.queue, parcel{b, time.Now()})
		d.queued += len(b)
	})
}

// counted adds a packet that was sent. d.mu is held.
func (d *direction) counted(size, payload int) {
	d.count.Packets++
	d.count.Bytes += int64(size)
	d.count.Payload += int64(payload)
}

// vanish counts a packet that was sent and goes nowhere.
func (d *direction) vanish(size, payload int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counted(size, payload)
	d.count.Lost++
}

// run delivers until over is closed.
func (d *direction) run(over <-chan struct{}, deliver func([]byte)) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		b, wait := d.next(time.Now())
		if b != nil {
			deliver(b)
			continue
		}
		timer.Reset(wait)
		select {
		case <-over:
			return
		case <-d.wake:
		case <-timer.C:
		}
	}
}

// next gives the packet that arrives now, or how long it is until something happens.
func (d *direction) next(now time.Time) ([]byte, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := d.transmit(now)
	if len(d.line) == 0 {
		return nil, wait
	}
	first := d.line[0]
	if left := first.at.Sub(now); left > 0 {
		return nil, min(left, wait)
	}
	d.line[0] = parcel{}
	d.line = d.line[1:]
	return first.b, 0
}

// transmit moves what has been sent by now from the queue to the line, and tells when the next one will have been. The times follow
// from each other, not from when this is called: what a timer is late by does not add up.
func (d *direction) transmit(now time.Time) time.Duration {
	for len(d.queue) > 0 && !d.stalled {
		p := d.queue[0]
		through := p.at
		if d.free.After(through) {
			through = d.free
		}
		if d.c.Rate > 0 {
			through = through.Add(time.Duration(float64(len(p.b)) * 8 / float64(d.c.Rate) * float64(time.Second)))
		}
		if left := through.Sub(now); left > 0 {
			return left
		}
		d.queue[0] = parcel{}
		d.queue = d.queue[1:]
		d.queued -= len(p.b)
		d.free = through
		if d.c.Loss > 0 && d.chance.Float64() < d.c.Loss {
			d.count.Lost++
			continue
		}
		d.fly(p.b, through)
	}
	return time.Hour
}

// fly puts a packet on the line, behind those before it.
func (d *direction) fly(b []byte, through time.Time) {
	at := through.Add(d.c.Delay)
	if d.c.Jitter > 0 {
		at = at.Add(time.Duration(d.chance.Int64N(int64(d.c.Jitter))))
	}
	if n := len(d.line); n > 0 && d.line[n-1].at.After(at) {
		at = d.line[n-1].at
	}
	d.line = append(d.line, parcel{b, at})
}

// stall stops sending, or goes on with it.
func (d *direction) stall(on bool) {
	d.change(func() {
		if d.stalled && !on {
			d.free = time.Now()
		}
		d.stalled = on
	})
}

func (d *direction) sum() Count {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}
