package broker_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
	"skerry/queue/vfs"
)

// sink is a subscriber that takes and acknowledges what it is given as soon as it is flushed.
type sink struct {
	mu      sync.Mutex
	session *broker.Session
	got     []broker.Delivery
	count   atomic.Int64
	from    [50]atomic.Int64 // by the publisher's number, the first byte of the payload
	asked   atomic.Bool
}

func (k *sink) Wake()                   {}
func (k *sink) Close(packet.ReasonCode) {}

// Flush never waits: if another goroutine is at it, that one goes on until nobody has asked any more.
func (k *sink) Flush() {
	k.asked.Store(true)
	for k.asked.Load() && k.mu.TryLock() {
		k.asked.Store(false)
		k.drain()
		k.mu.Unlock()
	}
}

func (k *sink) drain() {
	for k.got = k.session.Next(k.got[:0], 256); len(k.got) > 0; k.got = k.session.Next(k.got[:0], 256) {
		for i := range k.got {
			if k.got[i].QoS > 0 {
				k.session.Ack(k.got[i].PacketID)
			}
			k.from[int(k.got[i].Message.Payload[0])%len(k.from)].Add(1)
		}
		k.count.Add(int64(len(k.got)))
	}
}

func benchBroker(b *testing.B) *broker.Broker { return benchBrokerWith(b, broker.Options{}) }

func benchBrokerWith(b *testing.B, o broker.Options) *broker.Broker {
	b.Helper()
	store, rec, err := queue.Open(vfs.NewDisk(), "queue", queue.Options{})
	if err != nil {
		b.Fatal(err)
	}
	br, err := broker.New(store, rec, o)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) })
	b.Cleanup(func() { cancel(); running.Wait(); _ = store.Close() })
	return br
}

func sinks(b *testing.B, br *broker.Broker, count int, qos byte, expiry uint32) []*sink {
	b.Helper()
	all := make([]*sink, count)
	for i := range all {
		all[i] = &sink{}
		s, _, err := br.Connect(broker.ConnectOptions{ClientID: fmt.Sprint("s", i), Version: packet.V5, Conn: all[i], SessionExpiryInterval: expiry})
		if err != nil {
			b.Fatal(err)
		}
		all[i].session = s
		s.Subscribe([]broker.Subscription{{TopicFilter: "site/gateway/air/temperature", QoS: qos}}, nil)
	}
	return all
}

const (
	batch    = 50  // messages per flush: what a read of a busy connection holds
	inFlight = 100 // messages of one publisher that the last subscriber has not got
)

func publishBatches(b *testing.B, br *broker.Broker, number byte, qos byte, to *sink, each func() bool) {
	s, _, err := br.Connect(broker.ConnectOptions{ClientID: fmt.Sprint("p", number), Version: packet.V5})
	if err != nil {
		b.Error(err)
		return
	}
	var touched broker.Touched
	payload := make([]byte, 64)
	payload[0] = number
	var sent int64
	for more := true; more; {
		for n := 0; n < batch && more; n++ {
			if more = each(); more {
				s.Publish(&broker.Message{TopicName: "site/gateway/air/temperature", Payload: payload, QoS: qos}, &touched)
				sent++
			}
		}
		touched.Flush()
		for sent-to.from[number].Load() > inFlight {
			runtime.Gosched()
		}
	}
}

// BenchmarkRoute counts messages published; the figure "delivered/s" is what the subscribers got.
func BenchmarkRoute(b *testing.B) {
	for _, tc := range []struct {
		name                    string
		publishers, subscribers int
		expiry                  uint32
	}{{"1:1", 1, 1, 0}, {"1:50", 1, 50, 0}, {"50:1", 50, 1, 0}, {"1:1 durable", 1, 1, broker.Never}} {
		for _, qos := range []byte{0, 1} {
			b.Run(fmt.Sprintf("%s/q%d", tc.name, qos), func(b *testing.B) {
				br := benchBroker(b)
				all := sinks(b, br, tc.subscribers, qos, tc.expiry)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for i := range tc.publishers {
					wg.Go(func() {
						publishBatches(b, br, byte(i), qos, all[len(all)-1], func() bool { return left.Add(-1) >= 0 })
					})
				}
				wg.Wait()
				b.StopTimer()
				var count int64
				for _, k := range all {
					k.Flush()
					count += k.count.Load()
				}
				b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "delivered/s")
				if count != int64(b.N*tc.subscribers) {
					b.Errorf("%d of %d delivered", count, b.N*tc.subscribers)
				}
			})
		}
	}
}

// BenchmarkShare counts messages from one publisher to four members of a shared subscription.
func BenchmarkShare(b *testing.B) {
	for _, qos := range []byte{0, 1} {
		b.Run(fmt.Sprintf("1:4/q%d", qos), func(b *testing.B) {
			br := benchBroker(b)
			all := sinks(b, br, 4, qos, 0)
			for _, k := range all {
				k.session.Unsubscribe([]string{"site/gateway/air/temperature"})
				k.session.Subscribe([]broker.Subscription{{TopicFilter: "$share/g/site/#", QoS: qos}}, nil)
			}
			got := func() (n int64) {
				for _, k := range all {
					n += k.count.Load()
				}
				return n
			}
			p, _, err := br.Connect(broker.ConnectOptions{ClientID: "p", Version: packet.V5})
			if err != nil {
				b.Fatal(err)
			}
			var touched broker.Touched
			payload := make([]byte, 64)
			b.ReportAllocs()
			for sent := int64(0); b.Loop(); {
				p.Publish(&broker.Message{TopicName: "site/gateway/air/temperature", Payload: payload, QoS: qos}, &touched)
				if sent++; sent%batch == 0 {
					touched.Flush()
				}
				for sent-got() > inFlight {
					runtime.Gosched()
				}
			}
		})
	}
}
