package server_test

import (
	"log/slog"
	"strings"
	"testing"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// A publisher to a session that is full and rejects is told so, at every version in its own way. QoS 0 is not refused,
// and no packet id stays held.
func TestQueueFull(t *testing.T) {
	var log lines
	limits := broker.Options{Queue: queue.SessionOptions{Limits: queue.Limits{Messages: 1, WhenFull: queue.Reject}}}
	st := openStationOf(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, queue.Options{SlotSize: 1 << 20}, limits)
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	away := dial(t, address)
	away.script("> 10: 'MQTT' 04 00 003c 'away' | 82: 0001 't' 02", "< 20: 00 00 | 90: 0001 02", "> e0:", "< closed")

	five := dial(t, address)
	five.script("> 10: 'MQTT' 05 02 003c 00 'five'", "< 20: ??*16")
	five.script("> 32: 't' 0001 00 \"fits\"", "< 40: 0001")
	five.script("> 32: 't' 0002 00 \"x\"", "< 40: 0002 97")
	five.script("> 34: 't' 0003 00 \"x\"", "< 50: 0003 97", "> 62: 0003", "< 70: 0003 92") // not held
	five.script("> 30: 't' 00 \"x\"", "> c0:", "< d0:")
	for _, old := range []struct{ name, connect, publish string }{
		{"older", "10: 'MQTT' 04 02 003c 'older'", "32: 't' 0001 \"x\""},
		{"oldest", "10: 'MQIsdp' 03 02 003c 'oldest'", "34: 't' 0001 \"x\""},
	} {
		p := dial(t, address)
		p.script("> "+old.connect, "< 20: 00 00", "> "+old.publish, "< closed")
		p = dial(t, address) // and QoS 0
		p.script("> "+old.connect, "< 20: 00 00", "> 30: 't' \"x\" | c0:", "< d0:")
	}

	away = dial(t, address)
	away.script("> 10: 'MQTT' 04 00 003c 'away'", "< 20: 01 00 | 32: 't' 0001 \"fits\"", "> 40: 0001 | c0:", "< d0:")
	five.script("> 34: 't' 0003 00 \"again\"", "< 50: 0003")
	away.script("< 34: 't' 0002 \"again\"")
	st.stop()
	told := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "publish refused: the queue of client away (session 1) is full: it may hold 1 messages: Quota exceeded") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d lines say why a client was disconnected:\n%s", told, log.String())
	}
}
