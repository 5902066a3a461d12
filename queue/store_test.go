package queue_test

import (
	"fmt"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

var small = queue.Options{SlotSize: 64 << 10, BlockSize: 1024}

func open(t *testing.T, fs vfs.FS, o queue.Options) (*queue.Store, *queue.Recovery) {
	t.Helper()
	s, r, err := queue.Open(fs, "q", o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s, r
}

func create(t *testing.T, s *queue.Store, o queue.SessionOptions) *queue.Session {
	t.Helper()
	b := s.NewBatch()
	x := b.Create(o)
	if _, err := s.Apply(b); err != nil {
		t.Fatalf("create session: %v", err)
	}
	return x
}

func publish(t *testing.T, s *queue.Store, m *queue.Message, to ...queue.Target) queue.Receipt {
	t.Helper()
	r, err := s.Publish(m, to)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return r
}

func commit(t *testing.T, s *queue.Store) {
	t.Helper()
	if err := s.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func text(format string, args ...any) *queue.Message {
	return &queue.Message{TopicName: "a/b", Payload: fmt.Appendf(nil, format, args...), QoS: 1}
}

func TestBacklogSurvivesRestartInOrder(t *testing.T) {
	const n = 3000
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	for i := range n {
		publish(t, s, text("%d", i), queue.Target{Session: x, QoS: byte(1 + i%2)})
		if i%100 == 0 {
			commit(t, s)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, r := open(t, disk, small)
	if r.Report.Unclean || r.Report.Messages != n {
		t.Fatalf("report %+v", r.Report)
	}
	x = s.Session(x.Number())
	x.Resume(0)
	var got int
	for got < n {
		d := x.Next(nil, 100)
		for _, d := range d {
			if d.Release {
				x.Ack(d.PacketID)
				continue
			}
			if string(d.Message.Payload) != fmt.Sprint(got) {
				t.Fatalf("got %s, want %d", d.Message.Payload, got)
			}
			got++
			if d.QoS == 1 && !x.Ack(d.PacketID) {
				t.Fatal("unknown packet id")
			}
			if d.QoS == 2 {
				if _, ok := x.Received(d.PacketID); !ok {
					t.Fatal("unknown packet id")
				}
				x.Ack(d.PacketID)
			}
		}
		commit(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.Resume(0)
	commit(t, s)
	if d := x.Next(nil, 10); len(d) != 0 || x.Waiting() {
		t.Fatalf("%d deliveries left", len(d))
	}
}
