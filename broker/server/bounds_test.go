package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// A Client that sends PINGREQ without reading the answers is not read any further: all that is owed to it is built in
// one piece when it reads again.
func TestPingsNotRead(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
		const pings, atOnce = 512 << 10, 512
		var mu sync.Mutex
		sent := 0
		go func() {
			c.nc.SetWriteDeadline(time.Time{})
			for range pings / atOnce {
				if _, err := c.nc.Write(bytes.Repeat([]byte{byte(packet.PINGREQ) << 4, 0}, atOnce)); err != nil {
					return
				}
				mu.Lock()
				sent += atOnce
				mu.Unlock()
			}
		}()
		synctest.Wait()
		mu.Lock()
		if sent > 64<<10 {
			t.Errorf("%d PINGREQ were taken from a Client that reads no PINGRESP", sent)
		}
		mu.Unlock()
		c.nc.SetReadDeadline(time.Time{})
		if _, err := io.ReadFull(c.nc, make([]byte, 2*pings)); err != nil {
			t.Errorf("the answers: %v", err)
		}
	})
}

// While more waits for the disk than memory may hold, reading stops. Nobody is refused for the disk's sake, and none of
// what a Client sent is published twice or out of order.
func TestFullStoreStopsReading(t *testing.T) {
	for _, version := range []packet.Version{packet.V311, packet.V5} {
		for _, qos := range []byte{1, 2} {
			t.Run(fmt.Sprint(version, " QoS ", qos), func(t *testing.T) {
				disk := vfs.NewDisk()
				st := openStationWith(t, disk, server.Options{}, queue.Options{SlotSize: 1 << 20, PendingBytes: 64 << 10})
				address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
				st.run()
				fillStore(t, st, disk, address, version, qos)
			})
		}
	}
}

func fillStore(t *testing.T, st *station, disk *vfs.Disk, address string, version packet.Version, qos byte) {
	keeper, observer := dial(t, address), dial(t, address) // one makes the messages owed to the disk, one sees them early
	keeper.script("> 10: 'MQTT' 04 00 0000 'keeper' | 82: 0001 't' 02", "< 20: 00 00 | 90: 0001 02")
	observer.script("> 10: 'MQTT' 04 02 0000 'observer' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")

	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			<-release
		}
		return nil
	})
	const messages = 8 // of which the store takes two at a time
	var sent []byte
	for i := range messages {
		p := packet.Publish{QoS: qos, TopicName: []byte("t"), PacketID: uint16(i + 1), Payload: bytes.Repeat([]byte{byte('0' + i)}, 30<<10)}
		sent = p.Append(sent, version)
	}
	p := connected(t, address, version)
	p.send(sent)
	observer.sees(t, 0, 2)
	letGo()
	answer := packet.PUBACK
	if qos == 2 {
		answer = packet.PUBREC
	}
	for i := range messages {
		var a packet.Ack
		h := p.readPacket()
		if err := a.Decode(version, h); err != nil || h.Type != answer || a.PacketID != uint16(i+1) || a.ReasonCode.IsError() {
			t.Fatalf("answer %d: %v %+v (%v)", i+1, h.Type, a, err)
		}
	}
	observer.sees(t, 2, messages)
	if observer.readBefore(20 * time.Millisecond) {
		t.Error("something was published twice")
	}
}

// connected gives a Client of that version that may send.
func connected(t *testing.T, address string, version packet.Version) *peer {
	t.Helper()
	p := dial(t, address)
	c := packet.Connect{Version: version, CleanStart: true, ClientID: []byte("p")}
	p.send(c.Append(nil))
	if h := p.readPacket(); h.Type != packet.CONNACK {
		t.Fatalf("%v instead of CONNACK", h.Type)
	}
	return p
}

// sees reads the messages from one number to before another.
func (p *peer) sees(t *testing.T, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		var m packet.Publish
		if err := m.Decode(packet.V311, p.readPacket()); err != nil || m.Payload[0] != byte('0'+n) {
			t.Fatalf("message %q (%v), want %d", m.Payload[:1], err, n)
		}
	}
}

// readBefore tells whether anything comes within a time.
func (p *peer) readBefore(d time.Duration) bool {
	p.nc.SetReadDeadline(time.Now().Add(d))
	_, err := p.nc.Read(make([]byte, 1))
	var late interface{ Timeout() bool }
	return !errors.As(err, &late) || !late.Timeout()
}
