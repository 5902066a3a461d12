package sampler_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/sampler"
	"skerry/queue"
	"skerry/queue/vfs"
)

// house is a broker on a disk in memory.
func house(t *testing.T, disk *vfs.Disk, o queue.Options) (*broker.Broker, func()) {
	t.Helper()
	store, found, err := queue.Open(disk, "data", o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- store.Run(ctx) }()
	go func() { ended <- b.Run(ctx) }()
	return b, func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func session(t *testing.T, b *broker.Broker) *sampler.Session {
	t.Helper()
	s, err := sampler.NewSession(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listener hears messages inside the program.
type listener struct{}

func (*listener) Wake()                   {}
func (*listener) Flush()                  {}
func (*listener) Close(packet.ReasonCode) {}

func reading(payload string) *broker.Message {
	return &broker.Message{TopicName: "rain/total", Payload: []byte(payload), QoS: 1, Retain: true, Origin: queue.Gateway}
}

func TestSessionPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := house(t, vfs.NewDisk(), queue.Options{})
		defer end()
		s := session(t, b)
		defer s.Close()
		if err := s.Publish(t.Context(), []*broker.Message{reading("1"), reading("2")}); err != nil {
			t.Fatal(err)
		}
		ear, _, err := b.Connect(broker.ConnectOptions{ClientID: "ear", Internal: true, Version: packet.V5, CleanStart: true, Conn: &listener{}})
		if err != nil {
			t.Fatal(err)
		}
		defer ear.Disconnect(broker.DisconnectOptions{})
		ear.Subscribe([]broker.Subscription{{TopicFilter: "#", QoS: 1}}, nil)
		got := ear.Next(nil, 10)
		if len(got) != 1 || string(got[0].Message.Payload) != "2" || !got[0].Retain {
			t.Errorf("heard %+v", got)
		}
	})
}

func TestSessionKeepsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		b, end := house(t, disk, queue.Options{})
		s := session(t, b)
		if got := s.State("rain"); got != nil {
			t.Errorf("state before any: %q", got)
		}
		for _, state := range []string{"1", "2"} {
			if err := s.Keep("rain", []byte(state), func() {}); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		end()

		b, end = house(t, disk, queue.Options{})
		defer end()
		s = session(t, b)
		defer s.Close()
		if got := string(s.State("rain")); got != "2" {
			t.Errorf("state after a restart: %q", got)
		}
	})
}

// TestSessionWaitsForStorage fills the memory of a store whose disk is slow.
func TestSessionWaitsForStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		b, end := house(t, disk, queue.Options{PendingBytes: 4 << 10})
		defer end()
		s := session(t, b)
		defer s.Close()
		disk.Hook(func(vfs.Op) error { time.Sleep(time.Second); return nil })
		payload := string(make([]byte, 1000))
		for n := range 100 {
			m := reading(payload)
			m.TopicName = fmt.Sprint("rain/", n) // or else the newest would stand for all
			if err := s.Publish(t.Context(), []*broker.Message{m}); err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
		}
	})
}

// TestSessionWithoutStorage: whoever hears readings goes on hearing them when storage has failed, also those that follow from a state which
// cannot be written.
func TestSessionWithoutStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		store, found, err := queue.Open(disk, "data", queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := broker.New(store, found, broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, b)
		defer s.Close()
		ear, _, err := b.Connect(broker.ConnectOptions{ClientID: "ear", Version: packet.V5, CleanStart: true, Conn: &listener{}})
		if err != nil {
			t.Fatal(err)
		}
		ear.Subscribe([]broker.Subscription{{TopicFilter: "#", QoS: 1}}, nil)
		disk.SetReadOnly(true)
		if err := s.Publish(t.Context(), []*broker.Message{reading("0")}); err != nil {
			t.Fatal(err)
		}
		safe := 0
		if err := s.Keep("rain", []byte("1"), func() { safe++ }); err != nil || safe != 0 {
			t.Fatal(err, safe)
		}
		if err := store.Commit(); err == nil || safe != 1 {
			t.Fatalf("a commit to a read-only disk: %v; %d", err, safe)
		}
		ear.Next(nil, 10)
		m := reading("1")
		if err := s.Publish(t.Context(), []*broker.Message{m}); err != nil || m.QoS != 1 {
			t.Errorf("QoS %d, %v", m.QoS, err)
		}
		if got := ear.Next(nil, 10); len(got) != 1 || string(got[0].Message.Payload) != "1" || got[0].QoS != 0 {
			t.Errorf("heard %+v", got)
		}
		if err := s.Keep("rain", []byte("2"), func() { safe++ }); err != nil || safe != 2 {
			t.Errorf("readings wait for a state that cannot be written: %v, %d", err, safe)
		}
		_ = store.Close()
	})
}

func TestSessionGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := house(t, vfs.NewDisk(), queue.Options{})
		defer end()
		s := session(t, b)
		defer s.Close()
		from := time.Now()
		m := reading(string(make([]byte, 8<<20))) // more than the log can hold in one piece
		if err := s.Publish(t.Context(), []*broker.Message{m}); err == nil {
			t.Error("no error")
		}
		if took := time.Since(from); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
