package server_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// When the disk fails, what waits for it is never acknowledged and its connection is closed. QoS 0 flows on.
func TestDiskFails(t *testing.T) {
	disk := vfs.NewDisk()
	st := openStation(t, disk, server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	st.storeMayFail.Store(true)
	a, b, other := dial(t, address), dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 00 003c 'a' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01")
	b.script("> 10: 'MQTT' 05 02 003c 00 'b'", "< 20: ??*16")
	other.script("> 10: 'MQTT' 04 02 003c 'other' | 82: 0001 'u' 00", "< 20: 00 00 | 90: 0001 00")

	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return errors.New("input/output error")
		}
		return nil
	})
	b.script("> 32: 't' 0001 00 \"x\"", "< e0: 83", "< closed")
	d := dial(t, address) // not refused for good either: it keeps the message and comes again
	d.script("> 10: 'MQTT' 05 02 003c 00 'd'", "< 20: ??*16", "> 34: 't' 0001 00 \"x\"", "< e0: 83", "< closed")
	other.script("> 30: 'u' \"still here\"", "< 30: 'u' \"still here\"")
	a.script("< 32: 't' 0001 \"x\"", "> a2: 0002 't'", "< closed") // UNSUBACK would say that it is done
	c := dial(t, address)                                          // a session that could not be kept is not promised
	c.script("> 10: 'MQTT' 04 00 003c 'c'", "< 20: 00 03", "< closed")
}

// A session whose CONNACK waits for the disk when that fails is refused: a DISCONNECT would have to come after CONNACK
// [MQTT-3.14.0-1].
func TestDiskFailsBeforeConnack(t *testing.T) {
	for name, lines := range map[string][]string{
		"3.1.1": {"> 10: 'MQTT' 04 00 003c 'a' | c0:", "< 20: 00 03", "< closed"},
		"5.0":   {"> 10: 'MQTT' 05 02 003c [ 11 ffffffff ] 'a' | c0:", "< 20: 00 88 00", "< closed"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewDisk()
			st := openStation(t, disk, server.Options{})
			address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
			st.run()
			st.storeMayFail.Store(true)
			disk.Hook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSync {
					return errors.New("input/output error")
				}
				return nil
			})
			dial(t, address).script(lines...)
		})
	}
}

// What would have to wait for the disk longer than memory lasts is not refused: SUBSCRIBE and UNSUBSCRIBE wait, and most Clients would
// not ask again.
func TestSubscribeWhileTheDiskIsSlow(t *testing.T) {
	disk := vfs.NewDisk()
	st := openStationWith(t, disk, server.Options{}, queue.Options{SlotSize: 1 << 20, PendingBytes: 4096})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	keeper, a, b, p := dial(t, address), dial(t, address), dial(t, address), dial(t, address)
	keeper.script("> 10: 'MQTT' 04 00 003c 'keeper' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01", "> e0:", "< closed")
	old, fresh := fmt.Sprintf("'old/%03000d'", 0), fmt.Sprintf("'new/%03000d'", 0)
	a.script("> 10: 'MQTT' 04 00 003c 'a' | 82: 0001 "+old+" 01", "< 20: 00 00 | 90: 0001 01")
	b.script("> 10: 'MQTT' 05 00 003c [ 11 ffffffff ] 'b' | 82: 0001 00 "+old+" 01", "< 20: 00 00 ... | 90: 0001 00 01")
	p.script("> 10: 'MQTT' 04 02 003c 'p'", "< 20: 00 00")

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
	stuck.Store(true)
	fill := fmt.Sprintf("32: 't' 0001 \"%01500d\"", 0)
	p.script("> " + strings.Join([]string{fill, fill, fill, fill}, " | "))
	time.Sleep(20 * time.Millisecond) // if it is not full yet the answers wait all the same
	a.script("> a2: 0002 " + old + " | 82: 0003 " + fresh + " 01")
	b.script("> a2: 0002 00 " + old + " | 82: 0003 00 " + fresh + " 01")
	for _, c := range []*peer{a, b} {
		c.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _ := c.nc.Read(make([]byte, 1)); n > 0 {
			t.Fatal("an answer came before the disk")
		}
	}
	stuck.Store(false)
	letGo()
	a.script("< b0: 0002 | 90: 0003 01")
	b.script("< b0: 0002 00 00 | 90: 0003 00 01")
	p.script("< 40: 0001 | 40: 0001 | 40: 0001 | 40: 0001")
}

// A restart of everything keeps sessions, subscriptions and what waits for them.
func TestRestart(t *testing.T) {
	disk := vfs.NewDisk()
	open := func() (*station, string) {
		st := openStation(t, disk, server.Options{})
		address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
		return st.run(), address
	}
	st, address := open()
	a, b := dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 00 003c 'a' | 82: 0001 't' 02", "< 20: 00 00 | 90: 0001 02")
	b.script("> 10: 'MQTT' 04 00 003c 'b'", "< 20: 00 00")
	b.script("> 34: 't' 0001 \"two\"", "< 50: 0001")
	a.script("< 34: 't' 0001 \"two\"", "> 50: 0001", "< 62: 0001")
	a.nc.Close()
	b.script("> 32: 't' 0002 \"one\" | 33: 'r' 0003 \"kept\"", "< 40: 0002 | 40: 0003")
	st.stop()

	_, address = open()
	// After a restart nobody knows what the Client has seen: DUP may be set on what is new to it.
	a, b = dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 00 003c 'a'", "< 20: 01 00 | 62: 0001 | ?? 08 't' 0002 \"one\"", "> 70: 0001 | 40: 0002")
	b.script("> 10: 'MQTT' 04 00 003c 'b'", "< 20: 01 00")
	b.script("> 3c: 't' 0001 \"two\"", "< 50: 0001", "> 62: 0001", "< 70: 0001") // the id was held
	b.script("> 82: 0004 'r' 00", "< 90: 0004 00 | 31: 'r' \"kept\"")
	a.script("> c0:", "< d0:") // and nothing came twice
}
