package server_test

import (
	"errors"
	"testing"

	"skerry/broker/server"
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
	c := dial(t, address) // a session that could not be kept is not promised
	c.script("> 10: 'MQTT' 04 00 003c 'c'", "< 20: 00 03", "< closed")
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
