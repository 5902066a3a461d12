package broker_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// consumer is a subscriber with a goroutine of its own. It checks the order of each topic: the payloads are numbers.
type consumer struct {
	t       *testing.T
	session *broker.Session
	signal  chan struct{}
	closed  atomic.Bool
	count   atomic.Int64
	last    map[string]int
	done    sync.WaitGroup
}

func (c *consumer) poke() {
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

func (c *consumer) Wake()                   { c.poke() }
func (c *consumer) Flush()                  { c.poke() }
func (c *consumer) Close(packet.ReasonCode) { c.closed.Store(true); c.poke() }

func consume(t *testing.T, b *broker.Broker, ctx context.Context, o broker.ConnectOptions) *consumer {
	c := &consumer{t: t, signal: make(chan struct{}, 1), last: map[string]int{}}
	o.Conn = c
	s, _, err := b.Connect(o)
	if err != nil {
		t.Error(err)
		return c
	}
	c.session = s
	c.done.Go(func() { c.run(ctx, b) })
	return c
}

func (c *consumer) run(ctx context.Context, b *broker.Broker) {
	var got []broker.Delivery
	for {
		for got = c.session.Next(got[:0], 64); len(got) > 0; got = c.session.Next(got[:0], 64) {
			for _, d := range got {
				c.take(ctx, b, d)
			}
		}
		if c.closed.Load() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-c.signal:
		}
	}
}

func (c *consumer) take(ctx context.Context, b *broker.Broker, d broker.Delivery) {
	if !d.Release {
		n, err := strconv.Atoi(string(d.Message.Payload))
		if err != nil {
			return
		}
		key := fmt.Sprint(d.Message.TopicName, d.QoS)
		if last := c.last[key]; n <= last && !d.Dup && !d.Retain {
			c.t.Errorf("%s: %d after %d", key, n, last)
		}
		c.last[key] = max(c.last[key], n)
		if d.QoS == 2 {
			if r, code := c.session.Received(d.PacketID); !code.IsError() {
				_ = b.Wait(ctx, r)
			}
		}
		c.count.Add(1)
	}
	if d.QoS > 0 {
		c.session.Ack(d.PacketID)
	}
}

// waitFor waits for a condition with a generous deadline.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("%s: not within a minute", what)
}

// TestManyToMany: every durable subscriber gets every message of QoS 1 and 2, and everybody gets each topic in order.
func TestManyToMany(t *testing.T) {
	const publishers, messages = 8, 600
	at := live(t)
	ctx, cancel := context.WithCancel(t.Context())
	var subscribers []*consumer
	for i := range 6 {
		expiry := uint32(0)
		if i%2 == 1 {
			expiry = broker.Never
		}
		c := consume(t, at.Broker, ctx, broker.ConnectOptions{ClientID: fmt.Sprint("s", i), Version: packet.V5, SessionExpiryInterval: expiry})
		filter := []string{"#", "p/+", "+/+"}[i%3]
		if codes, _ := c.session.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: 2}, {TopicFilter: "p/#", QoS: 1}}, nil); codes[0] != 2 {
			t.Fatal(codes)
		}
		subscribers = append(subscribers, c)
	}
	var publishing sync.WaitGroup
	for i := range publishers {
		publishing.Go(func() { publishMany(t, at.Broker, fmt.Sprint("p/", i), messages) })
	}
	publishing.Wait()
	for i, c := range subscribers {
		if i%2 == 1 {
			waitFor(t, fmt.Sprint("subscriber ", i), func() bool { return c.count.Load() >= publishers*messages })
		}
	}
	cancel()
	for i, c := range subscribers {
		c.done.Wait()
		if n := c.count.Load(); n > publishers*messages {
			t.Errorf("subscriber %d got %d messages of %d", i, n, publishers*messages)
		}
	}
}

// publishMany publishes numbers from 1 at QoS 1 and 2 in turn, in batches, each of them retained now and then.
func publishMany(t *testing.T, b *broker.Broker, topicName string, count int) {
	s, _, err := b.Connect(broker.ConnectOptions{ClientID: "publisher of " + topicName, Version: packet.V5})
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Disconnect(broker.DisconnectOptions{})
	var touched broker.Touched
	defer touched.Flush()
	for i := 1; i <= count; i++ {
		m := message(topicName, strconv.Itoa(i), byte(1+i%2))
		m.Retain = i%7 == 0
		var r queue.Receipt
		var code packet.ReasonCode
		if m.QoS == 2 {
			r, code = s.Receive(uint16(i), m, &touched)
			s.Release(uint16(i))
		} else {
			r, code = s.Publish(m, &touched)
		}
		if code.IsError() {
			t.Errorf("publish: %v", code)
		}
		if i%32 == 0 {
			touched.Flush()
			_ = b.Wait(t.Context(), r)
		}
	}
}

// TestStorms lets Clients come, go, take each other over, subscribe and unsubscribe, while one durable subscriber is to get
// everything, once and in order; afterwards nothing is left of the others.
func TestStorms(t *testing.T) {
	const publishers, messages = 4, 500
	at := live(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steady := consume(t, at.Broker, ctx, broker.ConnectOptions{ClientID: "steady", Version: packet.V5, SessionExpiryInterval: broker.Never})
	steady.session.Subscribe([]broker.Subscription{{TopicFilter: "p/+", QoS: 2}}, nil)

	var publishing, storm sync.WaitGroup
	over := make(chan struct{})
	for i := range 6 {
		storm.Go(func() { flap(t, at.Broker, rand.New(rand.NewPCG(uint64(i), 1)), over) })
	}
	for i := range publishers {
		publishing.Go(func() { publishMany(t, at.Broker, fmt.Sprint("p/", i), messages) })
	}
	publishing.Wait()
	close(over)
	storm.Wait()
	waitFor(t, "the steady subscriber", func() bool { return steady.count.Load() >= publishers*messages })
	cancel()
	steady.done.Wait()
	if n := steady.count.Load(); n != publishers*messages {
		t.Errorf("the steady subscriber got %d messages of %d", n, publishers*messages)
	}
	for id := range 4 {
		c := at.connect(fmt.Sprint("flapping ", id), clean)
		c.leave()
	}
	at.connect("steady", clean).leave()
	if _, code := at.connect("last").Publish(message("p/0", "1", 1), nil); code != packet.NoMatchingSubscribers {
		t.Errorf("publish after everybody has left: %v", code)
	}
}

// flap does to four ClientIDs whatever a Client can do.
func flap(t *testing.T, b *broker.Broker, r *rand.Rand, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		c := consume(t, b, ctx, broker.ConnectOptions{
			ClientID:              fmt.Sprint("flapping ", r.IntN(4)),
			Version:               packet.V5,
			CleanStart:            r.IntN(3) == 0,
			SessionExpiryInterval: []uint32{0, 1000, broker.Never}[r.IntN(3)],
			ReceiveMaximum:        uint16(1 + r.IntN(10)),
			Will:                  &broker.Will{Message: retain("will", "gone", byte(r.IntN(3))), Delay: uint32(r.IntN(2))},
		})
		for range r.IntN(8) {
			filter := strings.Join([]string{[]string{"p", "+", "#"}[r.IntN(3)], strconv.Itoa(r.IntN(4))}, "/")
			if strings.HasPrefix(filter, "#") {
				filter = "#"
			}
			switch r.IntN(3) {
			case 0:
				c.session.Unsubscribe([]string{filter})
			default:
				c.session.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: byte(r.IntN(3)), NoLocal: r.IntN(2) == 0, ID: uint32(r.IntN(5))}}, nil)
			}
			c.session.Publish(message("x/"+strconv.Itoa(r.IntN(4)), "chatter", byte(r.IntN(2))), nil)
		}
		if r.IntN(3) > 0 {
			c.session.Disconnect(broker.DisconnectOptions{Will: r.IntN(2) == 0})
		}
		cancel()
		c.done.Wait()
	}
}

// TestPublisherFlushesForAnother: two publishers touch one session; whichever flushes, the messages of both are seen.
func TestPublisherFlushesForAnother(t *testing.T) {
	at := live(t)
	s := at.connect("s")
	s.subscribe("a", 0)
	a, b := at.connect("a"), at.connect("b")
	var ofA, ofB broker.Touched
	a.Publish(message("a", "1", 0), &ofA)
	b.Publish(message("a", "2", 0), &ofB)
	ofB.Flush()
	ofA.Flush()
	if s.flushed == 0 {
		t.Error("not flushed")
	}
	if got := s.Next(nil, math.MaxInt); len(got) != 2 {
		t.Errorf("%d deliveries", len(got))
	}
}

// receiver is the state of one Client over all its connections, which take each other over.
type receiver struct {
	mu   sync.Mutex
	held map[uint16]bool // QoS 2 packet ids between PUBLISH and PUBREL
	got  map[string]int
}

// handle does what a Client does with a delivery. What comes on a connection that it has given up it does not read.
func (r *receiver) handle(ctx context.Context, at *site, s *client, d broker.Delivery) {
	r.mu.Lock()
	if s.closedWith() != 0 {
		r.mu.Unlock()
		return
	}
	if !d.Release && !(d.QoS == 2 && r.held[d.PacketID]) {
		r.got[string(d.Message.Payload)]++
		r.held[d.PacketID] = d.QoS == 2
	}
	r.mu.Unlock()
	if d.QoS == 2 && !d.Release {
		receipt, code := s.Received(d.PacketID)
		if code.IsError() || at.Wait(ctx, receipt) != nil {
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.QoS == 2 && s.Ack(d.PacketID) == packet.Success {
		delete(r.held, d.PacketID)
	} else if d.QoS == 1 {
		s.Ack(d.PacketID)
	}
}

// TestTakeOverStorm: connections of one Client take each other over in the middle of deliveries. Every message arrives, and
// those of QoS 2 once.
func TestTakeOverStorm(t *testing.T) {
	const messages = 1000
	at := live(t)
	r := &receiver{held: map[uint16]bool{}, got: map[string]int{}}
	at.connect("c", keep(broker.Never)).subscribe("p", 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var connections sync.WaitGroup
	for range 3 {
		connections.Go(func() {
			for ctx.Err() == nil {
				c := at.connect("c", keep(broker.Never))
				for c.closedWith() == 0 && ctx.Err() == nil {
					for _, d := range c.Next(nil, 7) {
						r.handle(ctx, at, c, d)
					}
					time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
				}
			}
		})
	}
	publishMany(t, at.Broker, "p", messages)
	waitFor(t, "all messages", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.got) == messages
	})
	cancel()
	connections.Wait()
	for i := 1; i <= messages; i++ {
		if n := r.got[strconv.Itoa(i)]; n < 1 || i%2 == 1 && n != 1 {
			t.Errorf("message %d of QoS %d arrived %d times", i, 1+i%2, n)
		}
	}
}
