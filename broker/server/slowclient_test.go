package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// safeLog is a log that a test reads while it is written.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestSlowClient: one that does not acknowledge is found slow and named once, and so is that it has caught up.
func TestSlowClient(t *testing.T) {
	var log safeLog
	st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Limits: server.Limits{Inflight: 1}})
	address := st.listen(server.ListenerConfig{Name: "lan", Anonymous: true})
	st.run()
	if all := st.server.Clients(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	idle, lazy := dial(t, address), dial(t, address)
	for id, p := range map[string]*peer{"idle": idle, "lazy": lazy} {
		p.send((&packet.Connect{Version: packet.V311, CleanStart: true, KeepAlive: 30, ClientID: []byte(id)}).Append(nil))
		p.readPacket()
	}
	lazy.send((&packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("a"), QoS: 1}}}).Append(nil, packet.V311))
	lazy.readPacket()
	for range 3 {
		idle.send((&packet.Publish{TopicName: []byte("a"), QoS: 1, PacketID: 1, Payload: []byte("x")}).Append(nil, packet.V311))
		idle.readPacket()
	}
	one := func(id string) server.Client {
		for _, c := range st.server.Clients() {
			if c.ClientID == id {
				return c
			}
		}
		return server.Client{}
	}
	lazy.readPacket()
	eventually(t, "two wait behind one in flight", func() bool { c := one("lazy"); return c.Queued == 2 && c.Queue.InFlight == 1 })
	if c := one("idle"); c.Listener != "lan" || c.Version != "3.1.1" || c.KeepAlive.Seconds() != 30 || c.Address == "" ||
		c.Connected <= 0 || c.Received.Publishes != 3 || c.Queued != 0 {
		t.Errorf("%+v", c)
	}
	for look := range 6 {
		st.server.Look()
		if slow := one("lazy").Slow; slow != (look >= 3) {
			t.Errorf("slow at look %d: %v", look, slow)
		}
	}
	for id := range 3 {
		if id > 0 {
			lazy.readPacket()
		}
		lazy.send((&packet.Ack{Type: packet.PUBACK, PacketID: uint16(id + 1)}).Append(nil, packet.V311))
	}
	eventually(t, "the queue is empty", func() bool { return one("lazy").Queued == 0 })
	st.server.Look()
	st.server.Look()
	if one("lazy").Slow || one("idle").Slow || log.count("slow client") != 1 || log.count("has caught up") != 1 {
		t.Errorf("log\n%s", log.text.String())
	}
}
