package server_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
)

// flapper is a Client that comes and goes.
type flapper struct {
	p     *pipes
	id    int
	r     *rand.Rand
	conns *atomic.Int64
}

// run connects again and again, with a minute and a half between on average, and leaves all by the end.
func (f *flapper) run(end time.Time) {
	for time.Now().Before(end) {
		time.Sleep(time.Duration(f.r.Int64N(int64(3 * time.Minute))))
		f.once()
	}
}

// once is one connection, which ends in one of the ways in which connections end.
func (f *flapper) once() {
	ours, theirs := net.Pipe()
	f.p.conns <- theirs
	f.conns.Add(1)
	defer ours.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	switch f.r.IntN(20) {
	case 0: // never says a word
		io.Copy(io.Discard, ours)
		return
	case 1: // half a CONNECT
		ours.Write([]byte{0x10, 0xff, 0xff, 0x03, 0, 4, 'M', 'Q'})
		io.Copy(io.Discard, ours)
		return
	case 2: // does not read what it is sent; after CONNACK somebody fills its queue
		ours.SetDeadline(time.Now().Add(3 * time.Minute))
		ours.Write(f.hello(false))
		time.Sleep(time.Duration(f.r.Int64N(int64(3 * time.Minute))))
		return
	}
	reading.Go(func() { io.Copy(io.Discard, ours) })
	ours.SetWriteDeadline(time.Now().Add(time.Minute))
	ours.Write(f.hello(true))
	time.Sleep(time.Duration(f.r.Int64N(int64(30 * time.Second))))
	switch f.r.IntN(4) {
	case 0: // says good-bye
		ours.Write([]byte{byte(packet.DISCONNECT) << 4, 0})
	case 1: // something that is no MQTT
		ours.Write([]byte{0xff, 0xff, 0xff, 0xff, 0xff})
	case 2: // falls silent
		reading.Wait()
	}
	ours.Close()
}

// hello is what it sends when it comes.
func (f *flapper) hello(mayStay bool) []byte {
	v := []packet.Version{packet.V311, packet.V5}[f.id%2]
	c := packet.Connect{
		Version: v, CleanStart: f.r.IntN(2) == 0, KeepAlive: uint16(5 + f.r.IntN(60)), ClientID: fmt.Appendf(nil, "flap%d", f.id*2/3), // some share one
		WillFlag: f.r.IntN(5) == 0,
	}
	if c.WillFlag {
		c.Will = packet.Will{TopicName: []byte("will"), Payload: make([]byte, f.r.IntN(1000)), Retain: f.r.IntN(4) == 0}
	}
	if v == packet.V5 && mayStay && f.r.IntN(2) == 0 {
		c.Properties = c.Properties.AppendNumber(packet.SessionExpiryInterval, uint32(f.r.IntN(600)))
		c.Properties = c.Properties.AppendNumber(packet.TopicAliasMaximum, 10)
	}
	if v == packet.V311 {
		c.CleanStart = true
	}
	filters := []string{"s/%d/+", "s/%d/x", "$share/g/s/%d/#"}
	s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{
		{TopicFilter: fmt.Appendf(nil, filters[f.r.IntN(3)], f.r.IntN(200)), QoS: byte(f.r.IntN(3))}, {TopicFilter: fmt.Appendf(nil, "will/%d", f.id%50)}}}
	b := s.Append(c.Append(nil), v)
	for n := range f.r.IntN(6) {
		m := packet.Publish{QoS: byte(f.r.IntN(3)), TopicName: fmt.Appendf(nil, "s/%d/x", f.r.IntN(200)), Payload: make([]byte, f.r.IntN(200))}
		if m.QoS > 0 {
			m.PacketID = uint16(n + 1)
		}
		b = m.Append(b, v)
	}
	return b
}

// A thousand Clients come and go for an hour, in every way in which connections begin and end: with sessions that last, Wills,
// shared subscriptions, and under names that others have. Then memory and goroutines are at their level again, and a Client
// that was there all the time has been served all the time.
func TestThousandFlapForAnHour(t *testing.T) {
	length := time.Hour
	if testing.Short() {
		length = 12 * time.Minute
	}
	const clients = 1000
	inBubble(t, server.Limits{Connections: clients + 1}, func(t *testing.T, p *pipes) {
		witness := p.dial(t)
		witness.nc.SetDeadline(time.Time{})
		witness.script("> 10: 'MQTT' 04 02 0000 'witness' | 82: 0001 'w' 01", "< 20: 00 00 | 90: 0001 01")
		var conns atomic.Int64
		flap := func(seed uint64, lasting time.Duration) {
			var all sync.WaitGroup
			end := time.Now().Add(lasting)
			for i := range clients {
				f := &flapper{p: p, id: i, r: rand.New(rand.NewPCG(seed, uint64(i))), conns: &conns}
				all.Go(func() { f.run(end) })
			}
			for n := 0; time.Now().Before(end); n++ {
				text := fmt.Sprintf("'w' \"%08d\"", n)
				witness.script("> 30: "+text, "< 30: "+text)
				time.Sleep(time.Second)
			}
			all.Wait()
			time.Sleep(time.Hour) // sessions end, and what was retained or logged for them is given back
			synctest.Wait()
		}
		level := func() (memory int64, goroutines int) {
			for range 2 { // pools live for one collection more
				runtime.GC()
			}
			return int64(heap()), runtime.NumGoroutine()
		}
		flap(1, length*3/4) // what is made once and kept: pools, maps, the files of the log on the disk in memory
		memory, goroutines := level()
		before := conns.Load()
		flap(2, length)
		after, running := level()
		t.Logf("%d connections; heap %d KiB, was %d KiB; %d goroutines, were %d", conns.Load()-before, after>>10, memory>>10, running, goroutines)
		if running > goroutines {
			t.Errorf("%d goroutines, there were %d", running, goroutines)
		}
		if after > memory+2<<20 {
			t.Errorf("%d bytes of the heap are left", after-memory)
		}
		if n := p.server.Stats().Connections; n != 1 {
			t.Errorf("%d connections are left", n)
		}
	})
}
