package queue_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// BenchmarkVolatile is the hot path: one publisher, one volatile subscriber, nothing owed to the disk.
func BenchmarkVolatile(b *testing.B) {
	for _, qos := range []byte{0, 1} {
		b.Run(string('0'+rune(qos)), func(b *testing.B) {
			s, _ := open(b, vfs.NewDisk(), queue.Options{})
			x := s.NewVolatile(queue.SessionOptions{})
			x.Resume(0)
			to := []queue.Target{at(x, qos)}
			m := message("%100d", 1)
			var ds []queue.Delivery
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Publish(m, to); err != nil {
					b.Fatal(err)
				}
				if i%64 < 63 {
					continue
				}
				ds = x.Next(ds[:0], 64)
				for i := range ds {
					x.Ack(ds[i].PacketID)
				}
			}
		})
	}
}

// BenchmarkDurable is group commit on the memory disk: 64 messages to one durable session that acknowledges later.
func BenchmarkDurable(b *testing.B) {
	s, _ := open(b, vfs.NewDisk(), queue.Options{})
	x := create(b, s, queue.SessionOptions{RingMessages: 64})
	x.Resume(0)
	to := []queue.Target{at(x, 1)}
	m := message("%100d", 1)
	var ds []queue.Delivery
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		publish(b, s, m, to...)
		if i%64 == 63 {
			commit(b, s)
			ds = x.Next(ds[:0], 64)
			ack(b, x, ds...)
		}
	}
	st := s.Stats()
	b.ReportMetric(float64(st.Bytes)/float64(b.N), "log-B/op")
	b.ReportMetric(float64(st.Flushes)/float64(b.N), "flush/op")
}

// BenchmarkDrain reads a backlog from the log.
func BenchmarkDrain(b *testing.B) {
	s, _ := open(b, vfs.NewDisk(), queue.Options{})
	x := create(b, s, queue.SessionOptions{})
	for i := range b.N {
		publish(b, s, message("%100d", i), at(x, 1))
		if i%256 == 255 {
			commit(b, s)
		}
	}
	commit(b, s)
	run(b, s)
	x.Resume(0)
	b.ResetTimer()
	drain(b, x, b.N, func(queue.Delivery) {})
}
