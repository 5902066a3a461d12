package server_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// Some hundred Clients connect, subscribe, publish and drop, again and again, with and without a word, in sessions that last
// and that do not, and take each other's sessions over. Afterwards goroutines and memory are at their level again, and a
// Client that was there all the time has noticed nothing.
func TestStorm(t *testing.T) {
	const clients, turns = 200, 8
	st := openStationOf(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Connections: clients + 1, Shutdown: 50 * time.Millisecond}},
		queue.Options{SlotSize: 1 << 20, Limits: queue.Limits{Bytes: 64 << 20}}, broker.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	witness := dial(t, address)
	witness.script("> 10: 'MQTT' 04 02 0000 'witness' | 82: 0001 'w' 01", "< 20: 00 00 | 90: 0001 01")
	flap(address, clients, 2) // what is made once and kept: pools, maps
	st.clear(t, address, clients)
	goroutines, before := runtime.NumGoroutine(), heap()

	var storm sync.WaitGroup
	storm.Go(func() { flap(address, clients, turns) })
	over := make(chan struct{})
	go func() { storm.Wait(); close(over) }()
	for n, raging := 0, true; raging; n++ {
		select {
		case <-over:
			raging = false
		default:
		}
		text := fmt.Sprintf("'w' \"%08d\"", n)
		witness.script("> 30: "+text, "< 30: "+text)
		time.Sleep(time.Millisecond)
	}
	st.clear(t, address, clients)
	eventually(t, "the goroutines are as before", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	if left := int64(heap()) - int64(before); left > 8<<20 {
		t.Errorf("%d bytes of the heap are left of the storm", left)
	}
}

// flap has all Clients come and go, 50 at a time.
func flap(address string, clients, turns int) {
	var all sync.WaitGroup
	gate := make(chan struct{}, 50)
	for range turns {
		for i := range clients {
			gate <- struct{}{}
			all.Go(func() {
				defer func() { <-gate }()
				flapOnce(address, i)
			})
		}
	}
	all.Wait()
}

// flapOnce is one connection. It waits for nothing but CONNACK, and that not always.
func flapOnce(address string, i int) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	v := []packet.Version{packet.V311, packet.V5}[i%2]
	c := packet.Connect{Version: v, CleanStart: i%4 < 2, ClientID: stormID(i), WillFlag: i%5 == 0}
	if c.WillFlag {
		c.Will = packet.Will{TopicName: []byte("will"), Payload: []byte("gone")}
	}
	if v == packet.V5 && !c.CleanStart {
		c.Properties = c.Properties.AppendNumber(packet.SessionExpiryInterval, 3600)
	}
	b := c.Append(nil)
	s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: fmt.Appendf(nil, "s/%d/+", i%20), QoS: byte(i % 3)}, {TopicFilter: []byte("will")}}}
	b = s.Append(b, v)
	for n := range 6 {
		m := packet.Publish{QoS: byte(n % 3), TopicName: fmt.Appendf(nil, "s/%d/x", (i+n)%20), Payload: make([]byte, 50)}
		if m.QoS > 0 {
			m.PacketID = uint16(n + 1)
		}
		b = m.Append(b, v)
	}
	nc.Write(b)
	switch rand.IntN(4) {
	case 0: // at once
	case 1: // with a reset
		nc.(*net.TCPConn).SetLinger(0)
		io.ReadFull(nc, make([]byte, 4))
	case 2: // when something has come
		io.ReadFull(nc, make([]byte, 20))
	case 3:
		nc.Write([]byte{byte(packet.DISCONNECT) << 4, 0})
		io.Copy(io.Discard, nc)
	}
}

func stormID(i int) []byte { return fmt.Appendf(nil, "storm%d", i*2/3) } // some share one

// clear ends the sessions that last, and waits until all connections but the witness's are over.
func (st *station) clear(t *testing.T, address string, clients int) {
	t.Helper()
	for i := range clients {
		p := dial(t, address)
		c := packet.Connect{Version: packet.V311, CleanStart: true, ClientID: stormID(i)}
		p.send(append(c.Append(nil), byte(packet.DISCONNECT)<<4, 0))
		io.Copy(io.Discard, p.nc)
		p.nc.Close()
	}
	eventually(t, "the connections end", func() bool { return st.server.Stats().Connections == 1 })
	if n := len(broker.StoredSessions(st.store)); n > 0 {
		t.Errorf("%d sessions are left", n)
	}
}
