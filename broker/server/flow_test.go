package server_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// No acknowledgement of QoS 1, QoS 2, SUBSCRIBE or UNSUBSCRIBE leaves before the disk has confirmed what it stands
// for, nor the CONNACK that makes or ends a durable session.
func TestAcknowledgementsWaitForTheDisk(t *testing.T) {
	disk := vfs.NewDisk()
	st := openStation(t, disk, server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	changed := dial(t, address)
	changed.script("> 10: 'MQTT' 05 02 003c [ 11 00000064 ] 'changed' | 82: 0001 00 'u' 01", "< 20: 00 00 ... | 90: 0001 00 01", "> e0:", "< closed")
	dial(t, address).script("> 10: 'MQTT' 04 02 003c 'q'", "< 20: 00 00", "> 32: 'u' 0001 \"waits\"", "< 40: 0001")
	keeper := dial(t, address) // a durable session, so that messages are owed to the disk
	keeper.script("> 10: 'MQTT' 04 00 003c 'keeper' | 82: 0001 't' 02", "< 20: 00 00 | 90: 0001 02")

	var stuck atomic.Bool
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo() // or a failed test would wait for the disk
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && stuck.Load() {
			<-release
		}
		return nil
	})
	p := dial(t, address)
	p.script("> 10: 'MQTT' 04 00 003c 'p'", "< 20: 00 00")
	stuck.Store(true)
	p.script("> 32: 't' 0001 \"1\" | 34: 't' 0002 \"2\" | 82: 0003 'u' 00 | a2: 0004 'u' | 62: 0002", "> c0:")
	p.script("< d0:") // the first thing to come is what waits for no disk
	fresh, clean := dial(t, address), dial(t, address)
	fresh.script("> 10: 'MQTT' 04 00 003c 'fresh' | c0:") // makes a durable session
	keeper.nc.Close()
	clean.script("> 10: 'MQTT' 04 02 003c 'keeper'") // ends one
	changed = dial(t, address)
	changed.script("> 10: 'MQTT' 05 00 003c [ 11 000000c8 ] 'changed'") // changes one, for which a message waits
	for who, c := range map[string]*peer{"CONNECT with another Session Expiry Interval": changed, "PUBLISH, SUBSCRIBE, UNSUBSCRIBE": p, "CONNECT": fresh, "CONNECT with CleanSession": clean} {
		c.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _ := c.nc.Read(make([]byte, 1)); n > 0 {
			t.Fatalf("the answer to %s left before the disk had confirmed it", who)
		}
	}
	stuck.Store(false)
	letGo()
	p.script("< 40: 0001 | 50: 0002 | 90: 0003 00 | b0: 0004 | 70: 0002")
	fresh.script("< 20: 00 00 | d0:")
	clean.script("< 20: 00 00")
	changed.script("< 20: 01 00 ... | 32: 'u' 0001 00 \"waits\"")
}

// A subscriber that does not read holds up neither the publisher nor others, and costs bounded memory.
func TestSlowConsumer(t *testing.T) {
	_, address := start(t, server.Limits{})
	slow, quick, publisher := dial(t, address), dial(t, address), dial(t, address)
	slow.script("> 10: 'MQTT' 04 02 0000 'slow' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	quick.script("> 10: 'MQTT' 04 02 0000 'quick' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01")
	publisher.script("> 10: 'MQTT' 04 02 0000 'publisher'", "< 20: 00 00")

	payload := strings.Repeat("x", 8<<10)
	const messages = 8000 // 64 MB in all
	before := heap()
	for i := range messages {
		p := packet.Publish{QoS: 1, TopicName: []byte("t"), PacketID: uint16(i%65535 + 1), Payload: fmt.Appendf(nil, "%08d%s", i, payload)}
		publisher.send(p.Append(nil, packet.V311))
		publisher.script(fmt.Sprintf("< 40: %04x", p.PacketID))
		got := quick.readPacket()
		var d packet.Publish
		if err := d.Decode(packet.V311, got); err != nil || !bytes.Equal(d.Payload, p.Payload) {
			t.Fatalf("message %d: got %.20q (%v)", i, d.Payload, err)
		}
		ack := packet.Ack{Type: packet.PUBACK, PacketID: d.PacketID}
		quick.send(ack.Append(nil, packet.V311))
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes for a subscriber that does not read", grown)
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools keep what they hold for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// readPacket reads one Control Packet.
func (p *peer) readPacket() packet.Header {
	p.t.Helper()
	return p.readRest(nil)
}

// readRest reads a packet whose beginning has been read.
func (p *peer) readRest(frame []byte) packet.Header {
	p.t.Helper()
	for need := 2; ; {
		b, err := p.read(need - len(frame))
		if err != nil {
			p.t.Fatalf("read a packet: %v", err)
		}
		frame = append(frame, b...)
		n, more, err := packet.Next(frame, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		if need = more; n == len(frame) && n > 0 {
			h, err := packet.Split(frame)
			if err != nil {
				p.t.Fatal(err)
			}
			return h
		}
	}
}

// A Client that writes without reading is not read any further once the bound is reached, and served on when it
// reads.
func TestBackPressure(t *testing.T) {
	_, address := start(t, server.Limits{Pending: 16 << 10})
	p := dial(t, address)
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	m := packet.Publish{QoS: 1, TopicName: []byte("nobody/listens"), PacketID: 1, Payload: make([]byte, 40)}
	const messages = 300_000 // both they and their acknowledgements are more than the system holds for us
	sent := make(chan error, 1)
	go func() {
		p.nc.SetWriteDeadline(time.Time{})
		_, err := p.nc.Write(bytes.Repeat(m.Append(nil, packet.V311), messages))
		sent <- err
	}()
	select {
	case err := <-sent:
		t.Fatalf("all was read though no answer was taken (%v)", err)
	case <-time.After(200 * time.Millisecond):
	}
	got, total := make([]byte, 64<<10), 0
	for total < 4*messages {
		p.nc.SetReadDeadline(time.Now().Add(patience))
		n, err := p.nc.Read(got)
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
		total += n
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A packet may come in any pieces.
func TestPiecemeal(t *testing.T) {
	_, address := start(t, server.Limits{})
	p := dial(t, address)
	b := encode(t, `10: 'MQTT' 04 02 003c 'a' | 82: 0001 't' 00 | 30: 't' "hello"`)
	for i := range b {
		p.send(b[i : i+1])
		time.Sleep(200 * time.Microsecond) // on its own, most of the time
	}
	p.script("< 20: 00 00 | 90: 0001 00", `< 30: 't' "hello"`)
}

// The largest packet passes, and leaves no large buffer behind.
func TestLargePacket(t *testing.T) {
	_, address := start(t, server.Limits{})
	p := dial(t, address)
	p.script("> 10: 'MQTT' 04 02 003c 'a' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	large := packet.Publish{TopicName: []byte("t"), Payload: bytes.Repeat([]byte("0123456789abcdef"), 1<<14-1)}
	for range 3 {
		p.send(large.Append(nil, packet.V311))
		var got packet.Publish
		if err := got.Decode(packet.V311, p.readPacket()); err != nil || !bytes.Equal(got.Payload, large.Payload) {
			t.Fatalf("%d bytes came back (%v), want %d", len(got.Payload), err, len(large.Payload))
		}
	}
}

// Many publishers and one subscriber: everything arrives, in each publisher's order.
func TestFanIn(t *testing.T) {
	_, address := start(t, server.Limits{})
	sub := dial(t, address)
	sub.script("> 10: 'MQTT' 04 02 0000 'sub' | 82: 0001 'f/+' 01", "< 20: 00 00 | 90: 0001 01")
	const publishers, messages = 20, 40 // in all less than a session holds that does not outlive its connection
	for i := range publishers {
		p := dial(t, address)
		p.script(fmt.Sprintf("> 10: 'MQTT' 04 02 0000 'p%02d'", i), "< 20: 00 00")
		go func() {
			for n := 1; n <= messages; n++ {
				m := packet.Publish{QoS: 1, TopicName: fmt.Appendf(nil, "f/%02d", i), PacketID: uint16(n), Payload: fmt.Append(nil, n)}
				if _, err := p.nc.Write(m.Append(nil, packet.V311)); err != nil {
					return
				}
				if _, err := p.read(4); err != nil {
					return
				}
			}
		}()
	}
	last := map[string]int{}
	for range publishers * messages {
		var m packet.Publish
		if err := m.Decode(packet.V311, sub.readPacket()); err != nil {
			t.Fatal(err)
		}
		last[string(m.TopicName)]++
		if want := fmt.Sprint(last[string(m.TopicName)]); string(m.Payload) != want {
			t.Fatalf("%s: message %s, want %s", m.TopicName, m.Payload, want)
		}
		ack := packet.Ack{Type: packet.PUBACK, PacketID: m.PacketID}
		sub.send(ack.Append(nil, packet.V311))
	}
}

// A session may change hands at any time, also while messages flow: the last one has it, and every message that
// was acknowledged arrives.
func TestTakeOverStorm(t *testing.T) {
	_, address := start(t, server.Limits{})
	stop := make(chan struct{})
	published := make(chan int, 1)
	p := dial(t, address)
	first := dial(t, address)
	first.script("> 10: 'MQTT' 04 00 0000 'one' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01")
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	go func() {
		n := 0
		defer func() { published <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			m := packet.Publish{QoS: 1, TopicName: []byte("t"), PacketID: uint16(n%65535 + 1), Payload: fmt.Append(nil, n)}
			if _, err := p.nc.Write(m.Append(nil, packet.V311)); err != nil {
				return
			}
			if _, err := p.read(4); err != nil {
				return
			}
			n++
		}
	}()
	seen := map[string]bool{}
	for range 30 {
		c := dial(t, address)
		c.script("> 10: 'MQTT' 04 00 0000 'one'", "< 20: 01 00")
		for range 20 {
			c.takeMessage(seen)
		}
	}
	close(stop)
	total := <-published
	c := dial(t, address)
	c.script("> 10: 'MQTT' 04 00 0000 'one'", "< 20: 01 00")
	for len(seen) < total {
		c.takeMessage(seen)
	}
}

// takeMessage reads a PUBLISH of QoS 1 and acknowledges it.
func (p *peer) takeMessage(seen map[string]bool) {
	p.t.Helper()
	var m packet.Publish
	if err := m.Decode(packet.V311, p.readPacket()); err != nil {
		p.t.Fatal(err)
	}
	seen[string(m.Payload)] = true
	ack := packet.Ack{Type: packet.PUBACK, PacketID: m.PacketID}
	p.send(ack.Append(nil, packet.V311))
}

// What Topic Aliases keep of a Client's names is bounded.
func TestAliasMemory(t *testing.T) {
	_, address := start(t, server.Limits{})
	p := dial(t, address)
	p.script("> 10: 'MQTT' 05 02 0000 00 'a'", "< 20: ??*16")
	name := strings.Repeat("n", 9000)
	for alias := range 2 {
		p.script(fmt.Sprintf(`> 30: '%s' 03 23 %04x "x"`, name, alias+1))
	}
	p.script("< e0: 97", "< closed")
}

// [MQTT-3.1.2-25]: what a Client does not take is left out, and counted.
func TestTooLargeIsCounted(t *testing.T) {
	st, address := start(t, server.Limits{})
	p := dial(t, address)
	p.script("> 10: 'MQTT' 05 02 0000 05 27 00000020 'p' | 82: 0001 00 't' 02", "< 20: ??*16 | 90: 0001 00 02")
	for qos := range byte(3) {
		m := packet.Publish{QoS: qos, TopicName: []byte("t"), PacketID: uint16(qos), Payload: make([]byte, 100)}
		p.send(m.Append(nil, packet.V5))
	}
	p.script("< 40: 0001 | 50: 0002", "> 30: 't' 00 \"short\"", "< 30: 't' 00 \"short\"")
	if got := st.server.Stats().TooLarge; got != 3 {
		t.Errorf("%d messages left out, want 3", got)
	}
}
