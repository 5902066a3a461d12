package broker_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
	"skerry/queue/vfs"
)

// site is a broker on a memory disk, which can be stopped, killed and started again. It lives in a synctest bubble.
type site struct {
	*broker.Broker
	t       *testing.T
	disk    *vfs.Disk
	folder  string // not empty: a folder on the machine's disk instead
	options broker.Options
	boot    byte
	booted  time.Time
	asleep  atomic.Int64 // time that the machine was suspended: the boot clock goes on meanwhile, timers do not
	store   *queue.Store
	stop    func()
	broken  bool // the disk was made to fail
}

// run plays a test in a bubble, with a new site.
func run(t *testing.T, play func(t *testing.T, at *site)) { runWith(t, broker.Options{}, play) }

func runWith(t *testing.T, o broker.Options, play func(t *testing.T, at *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		at := &site{t: t, disk: vfs.NewDisk(), options: o, boot: 1, booted: time.Now()}
		at.start()
		t.Cleanup(func() { at.stop() })
		play(t, at)
	})
}

// runOnDisk is runWith on the machine's disk: for those who measure memory, of which that of the disk would be a part.
func runOnDisk(t *testing.T, o broker.Options, play func(t *testing.T, at *site)) {
	t.Helper()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		at := &site{t: t, folder: folder, options: o, boot: 1, booted: time.Now()}
		at.start()
		t.Cleanup(func() { at.stop() })
		play(t, at)
	})
}

// live is a site in real time, for what runs on many goroutines.
func live(t *testing.T) *site {
	t.Helper()
	return liveWith(t, broker.Options{})
}

func liveWith(t *testing.T, o broker.Options) *site {
	t.Helper()
	at := &site{t: t, disk: vfs.NewDisk(), options: o, boot: 1, booted: time.Now()}
	at.start()
	t.Cleanup(func() { at.stop() })
	return at
}

// versions plays a test for 3.1.1 and for 5.0.
func versions(t *testing.T, play func(t *testing.T, at *site, v packet.Version)) {
	for _, v := range []packet.Version{packet.V311, packet.V5} {
		t.Run(v.String(), func(t *testing.T) {
			run(t, func(t *testing.T, at *site) { play(t, at, v) })
		})
	}
}

func (at *site) start() {
	at.t.Helper()
	booted := at.booted
	var fs vfs.FS = at.disk
	if at.folder != "" {
		fs = vfs.OS{}
	}
	store, rec, err := queue.Open(fs, filepath.Join(at.folder, "queue"), queue.Options{
		SlotSize: 1 << 20, Log: at.options.Log,
		Boot: queue.Boot{ID: [16]byte{at.boot}, Clock: func() time.Duration { return time.Since(booted) + time.Duration(at.asleep.Load()) }},
	})
	if err != nil {
		at.t.Fatal(err)
	}
	b, err := broker.New(store, rec, at.options)
	if err != nil {
		at.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := store.Run(ctx); err != nil && !at.broken {
			at.t.Errorf("store: %v", err)
		}
	})
	running.Go(func() { _ = b.Run(ctx) })
	at.Broker, at.store = b, store
	at.stop = func() {
		cancel()
		running.Wait()
		if err := store.Close(); err != nil && !at.broken {
			at.t.Error(err)
		}
	}
}

// restart stops and starts the program on the running machine.
func (at *site) restart() {
	at.t.Helper()
	at.stop()
	at.start()
}

// reboot lets the power go, for as long as off, and starts again. What was not synced is lost.
func (at *site) reboot(off time.Duration) {
	at.t.Helper()
	after := at.disk.Crash(rand.New(rand.NewPCG(1, 2)), vfs.Fate{Dropped: 1})
	at.stop() // the process that lost its power ends on its own disk, which is not the one that comes back
	time.Sleep(off)
	at.disk = after
	at.boot++
	at.booted = time.Now()
	at.start()
}

// quiet waits until everything that may wait for its commit has been committed: lazy acknowledgements, wills.
func (at *site) quiet() { time.Sleep(10 * time.Second) }

// client is a Client in the test, and the Conn behind its session.
type client struct {
	*broker.Session
	broker.Connected
	at      *site
	mu      sync.Mutex
	closed  packet.ReasonCode
	flushed int
}

func (c *client) Wake() {}

func (c *client) Flush() {
	c.mu.Lock()
	c.flushed++
	c.mu.Unlock()
}

func (c *client) Close(code packet.ReasonCode) {
	c.mu.Lock()
	c.closed = code
	c.mu.Unlock()
}

func (c *client) closedWith() packet.ReasonCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

type option func(*broker.ConnectOptions)

func keep(seconds uint32) option {
	return func(o *broker.ConnectOptions) { o.SessionExpiryInterval = seconds }
}

func version(v packet.Version) option { return func(o *broker.ConnectOptions) { o.Version = v } }
func user(name string) option         { return func(o *broker.ConnectOptions) { o.User = name } }
func clean(o *broker.ConnectOptions)  { o.CleanStart = true }

func with(edit func(o *broker.ConnectOptions)) option { return edit }

// will of QoS 1 on the topic "will".
func will(delay uint32) option {
	return func(o *broker.ConnectOptions) {
		o.Will = &broker.Will{Delay: delay, Message: &broker.Message{TopicName: "will", Payload: []byte(o.ClientID), QoS: 1}}
	}
}

// dial connects without judging the result.
func (at *site) dial(clientID string, options ...option) (*client, error) {
	at.t.Helper()
	c := &client{at: at}
	o := broker.ConnectOptions{ClientID: clientID, Version: packet.V5, Conn: c}
	for _, edit := range options {
		edit(&o)
	}
	var err error
	c.Session, c.Connected, err = at.Connect(o)
	if err == nil {
		at.settle(c.Connected.Receipt)
	}
	return c, err
}

func (at *site) connect(clientID string, options ...option) *client {
	at.t.Helper()
	c, err := at.dial(clientID, options...)
	if err != nil {
		at.t.Fatalf("connect %q: %v", clientID, err)
	}
	return c
}

// settle waits for a receipt.
func (at *site) settle(r queue.Receipt) {
	at.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := at.Wait(ctx, r); err != nil {
		at.t.Fatalf("receipt %d: %v", r, err)
	}
}

func (c *client) subscribe(filter string, qos byte) {
	c.at.t.Helper()
	c.subscribeAs(broker.Subscription{TopicFilter: filter, QoS: qos})
}

func (c *client) subscribeAs(subs ...broker.Subscription) {
	c.at.t.Helper()
	codes, r := c.Subscribe(subs, nil)
	c.at.settle(r)
	for i, code := range codes {
		if code != packet.ReasonCode(subs[i].QoS) {
			c.at.t.Fatalf("subscribe %q: %v", subs[i].TopicFilter, code)
		}
	}
}

func message(topic, payload string, qos byte) *broker.Message {
	return &broker.Message{TopicName: topic, Payload: []byte(payload), QoS: qos}
}

func retain(topic, payload string, qos byte) *broker.Message {
	m := message(topic, payload, qos)
	m.Retain = true
	return m
}

// send publishes and waits until it may be acknowledged.
func (c *client) send(m *broker.Message) packet.ReasonCode {
	c.at.t.Helper()
	r, code := c.Publish(m, nil)
	if code.IsError() {
		c.at.t.Fatalf("publish to %q: %v", m.TopicName, code)
	}
	c.at.settle(r)
	return code
}

func (c *client) publish(topic, payload string, qos byte) {
	c.at.t.Helper()
	c.send(message(topic, payload, qos))
}

// describe writes a delivery as "topic payload qN", with "retained", "dup", "ids=[..]" behind.
func describe(d broker.Delivery) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s q%d", d.Message.TopicName, d.Message.Payload, d.QoS)
	if d.Retain {
		s.WriteString(" retained")
	}
	if d.Dup {
		s.WriteString(" dup")
	}
	if len(d.SubscriptionIDs) > 0 {
		ids := slices.Clone(d.SubscriptionIDs)
		slices.Sort(ids)
		fmt.Fprintf(&s, " ids=%v", ids)
	}
	return s.String()
}

// take waits until there are n messages, or long enough to know that there are not, and does not acknowledge them.
func (c *client) take(n int) []broker.Delivery {
	var got []broker.Delivery
	for range 10 {
		for _, d := range c.Next(nil, math.MaxInt) {
			if d.Release {
				c.ack([]broker.Delivery{d}) // PUBREL is answered with PUBCOMP at once
			} else {
				got = append(got, d)
			}
		}
		if len(got) >= n {
			return got
		}
		time.Sleep(time.Millisecond)
	}
	return got
}

// ack completes deliveries as a Client would.
func (c *client) ack(deliveries []broker.Delivery) {
	c.at.t.Helper()
	for _, d := range deliveries {
		if d.QoS == 2 && !d.Release {
			r, code := c.Received(d.PacketID)
			if code.IsError() {
				c.at.t.Fatalf("PUBREC %d: %v", d.PacketID, code)
			}
			c.at.settle(r)
		}
		if d.QoS > 0 {
			if code := c.Ack(d.PacketID); code.IsError() {
				c.at.t.Fatalf("acknowledge %d: %v", d.PacketID, code)
			}
		}
	}
}

// expect takes what is wanted, acknowledges it, and fails if it was anything else, or more.
func (c *client) expect(want ...string) {
	c.at.t.Helper()
	got := c.take(len(want) + 1)
	c.ack(got)
	var text []string
	for _, d := range got {
		text = append(text, describe(d))
	}
	if !slices.Equal(text, want) {
		c.at.t.Fatalf("got  %q\nwant %q", text, want)
	}
}

// expectAnyOrder is expect where the order is nobody's promise.
func (c *client) expectAnyOrder(want ...string) {
	c.at.t.Helper()
	got := c.take(len(want) + 1)
	c.ack(got)
	var text []string
	for _, d := range got {
		text = append(text, describe(d))
	}
	slices.Sort(text)
	slices.Sort(want)
	if !slices.Equal(text, want) {
		c.at.t.Fatalf("got  %q\nwant %q", text, want)
	}
}

// lose ends the connection without a DISCONNECT; leave with one.
func (c *client) lose()  { c.Disconnect(broker.DisconnectOptions{Will: true}) }
func (c *client) leave() { c.Disconnect(broker.DisconnectOptions{}) }

func wantCode(t *testing.T, what string, got, want packet.ReasonCode) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
