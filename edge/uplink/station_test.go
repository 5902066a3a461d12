package uplink_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
	"skerry/queue/vfs"
)

// stateTopic is that of the uplink in these tests.
const stateTopic = "farm/lake/wx-042/uplink/cloud"

// station is a gateway's store, broker and uplink on a memory disk, with a server upstream. It lives in a synctest bubble.
type station struct {
	t      *testing.T
	server *upstream
	log    *journal

	config     config.Uplink
	streams    []config.Stream
	options    uplink.Options
	disk       *vfs.Disk
	boot       byte
	wall       func() (milliseconds int64, trusted bool) // nil: the machine's
	store      *queue.Store
	broker     *broker.Broker
	uplink     *uplink.Uplink
	device     *broker.Session
	stopUplink func()
	stop       func()
}

// play runs a test in a bubble with a station whose uplink has the configuration of every example.
func play(t *testing.T, f func(t *testing.T, at *station)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, newStation(t))
	})
}

// newStation makes a station whose uplink has the configuration of every example.
func newStation(t *testing.T) *station {
	at := &station{t: t, server: newUpstream(t), log: &journal{}, disk: vfs.NewDisk(), boot: 1}
	at.config = config.Uplink{
		Name: "cloud", Servers: config.Servers{{Host: "up.example", Port: 1883}}, Version: config.V5, ClientID: "wx-042",
		Prefix: "farm/", KeepAlive: config.KeepAlive{Min: time.Minute, Max: time.Minute}, Retry: config.DurationRange{Min: 5 * time.Second, Max: 5 * time.Minute},
	}
	at.streams = []config.Stream{{Name: "all", Match: []string{"#"}}}
	at.options = uplink.Options{Site: "lake", Gateway: "wx-042", Dial: at.server.dial, Log: slog.New(at.log)}
	t.Cleanup(func() {
		if at.stop != nil {
			at.stop()
		}
	})
	return at
}

// start starts everything.
func (at *station) start() {
	at.t.Helper()
	at.startBroker()
	at.startUplink()
}

func (at *station) startBroker() {
	at.t.Helper()
	booted := time.Now()
	store, recovery, err := queue.Open(at.disk, "queue", queue.Options{
		SlotSize: 1 << 20,
		Boot:     queue.Boot{ID: [16]byte{at.boot}, Clock: func() time.Duration { return time.Since(booted) }, Wall: at.wall},
	})
	if err != nil {
		at.t.Fatal(err)
	}
	b, err := broker.New(store, recovery, broker.Options{Filters: uplink.ContentFilters(at.streams)})
	if err != nil {
		at.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	running.Go(func() { b.Run(ctx) })
	at.store, at.broker, at.stopUplink = store, b, func() {}
	at.stop = func() {
		at.stopUplink()
		cancel()
		running.Wait()
		store.Close()
		at.stop = nil
	}
	at.device = at.connect("device", nil)
}

func (at *station) startUplink() {
	at.t.Helper()
	u, err := uplink.New(at.config, at.streams, at.broker, at.options)
	if err != nil {
		at.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	at.uplink = u
	at.stopUplink = func() {
		cancel()
		if err := <-done; err != nil {
			at.t.Errorf("uplink: %v", err)
		}
		at.stopUplink = func() {}
	}
	synctest.Wait()
}

// restartUplink stops and starts the uplink, perhaps with another configuration.
func (at *station) restartUplink() {
	at.t.Helper()
	at.stopUplink()
	at.startUplink()
}

// reboot lets the power go, and starts again with what was synced. The old process ends on a disk that nobody sees.
func (at *station) reboot() {
	at.t.Helper()
	at.rebootWith(vfs.Fate{Dropped: 1}, rand.New(rand.NewPCG(1, 2)))
}

// rebootWith is reboot with a disk that loses what was not synced as fate wants it.
func (at *station) rebootWith(fate vfs.Fate, r *rand.Rand) {
	at.t.Helper()
	at.server.with(func() { at.server.down = true })
	at.server.cut() // first: what is heard of the gateway must not be younger than its disk
	after := at.disk.Crash(r, fate)
	at.stop()
	at.server.with(func() { at.server.down = false })
	at.disk, at.boot = after, at.boot+1
	at.start()
}

// connect connects a local client.
func (at *station) connect(id string, conn broker.Conn) *broker.Session {
	at.t.Helper()
	s, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: id, Version: packet.V5, CleanStart: true, Conn: conn})
	if err != nil {
		at.t.Fatal(err)
	}
	return s
}

// publish publishes as a local device and waits until it would be acknowledged.
func (at *station) publish(m *broker.Message) {
	at.t.Helper()
	receipt, code := at.device.Publish(m, nil)
	if code.IsError() {
		at.t.Fatal(code)
	}
	if err := at.broker.Wait(at.t.Context(), receipt); err != nil {
		at.t.Fatal(err)
	}
}

// publishMany publishes n messages with their numbers, beginning with from, on t/0 .. t/9 and gives their number back.
func (at *station) publishMany(from, n int, qos byte) {
	at.t.Helper()
	for i := from; i < from+n; i++ {
		at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Append(nil, i), QoS: qos})
	}
}

// arrived checks that the Server took the numbers 0..n-1 of publishMany: each, and in order on every topic; exactly tells
// that none may be there twice.
func (at *station) arrived(n int, exactly bool) {
	at.t.Helper()
	for topic := range 10 {
		last, seen := -1, map[string]int{}
		for _, p := range at.server.payloads(fmt.Sprintf("farm/t/%d", topic)) {
			var i int
			fmt.Sscan(p, &i)
			if seen[p]++; seen[p] > 1 && exactly {
				at.t.Errorf("message %s has arrived twice", p)
			}
			if seen[p] == 1 && i < last {
				at.t.Errorf("message %d has arrived after %d", i, last)
			}
			last = max(last, i)
		}
		for i := topic; i < n; i += 10 {
			if seen[fmt.Sprint(i)] == 0 {
				at.t.Errorf("message %d has not arrived", i)
			}
		}
	}
}

// online waits until the uplink is.
func (at *station) online() {
	at.t.Helper()
	for range 1000 {
		if synctest.Wait(); at.uplink.Status().Online {
			return
		}
		time.Sleep(time.Second)
	}
	at.t.Fatalf("the uplink does not come online: %+v", at.uplink.Status())
}

// until waits for a condition, for up to an hour of the bubble.
func (at *station) until(what string, ok func() bool) {
	at.t.Helper()
	for range 3600 {
		if synctest.Wait(); ok() {
			return
		}
		time.Sleep(time.Second)
	}
	at.t.Fatalf("waited in vain: %s; %+v", what, at.uplink.Status())
}

// taken waits until the Server has taken n messages of publishMany.
func (at *station) taken(n int) {
	at.t.Helper()
	at.until(fmt.Sprintf("%d messages upstream", n), func() bool {
		total := 0
		for topic := range 10 {
			total += len(at.server.payloads(fmt.Sprintf("farm/t/%d", topic)))
		}
		return total >= n
	})
}

// subscriber is a local client that notes what it gets.
type subscriber struct {
	session *broker.Session
	wake    chan struct{}
	mu      sync.Mutex
	got     []string
	raw     []*broker.Message
}

func (s *subscriber) Wake()                   { s.pull() }
func (s *subscriber) Flush()                  { s.pull() }
func (s *subscriber) Close(packet.ReasonCode) {}

func (s *subscriber) pull() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// listen subscribes locally until the test ends.
func (at *station) listen(filter string) *subscriber {
	at.t.Helper()
	s := &subscriber{wake: make(chan struct{}, 1)}
	s.session = at.connect("listener", s)
	codes, _ := s.session.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: 2, RetainAsPublished: true}}, nil)
	if codes[0].IsError() {
		at.t.Fatal(codes[0])
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			for _, d := range s.session.Next(nil, 1000) {
				s.note(&d)
			}
			select {
			case <-s.wake:
			case <-done:
				return
			}
		}
	})
	stop := at.stop
	at.stop = func() { close(done); running.Wait(); stop() }
	return s
}

func (s *subscriber) note(d *broker.Delivery) {
	if d.Release {
		s.session.Ack(d.PacketID)
		return
	}
	s.mu.Lock()
	s.got = append(s.got, d.Message.TopicName+"="+string(d.Message.Payload))
	s.raw = append(s.raw, d.Message)
	s.mu.Unlock()
	switch d.QoS {
	case 1:
		s.session.Ack(d.PacketID)
	case 2:
		s.session.Received(d.PacketID)
		s.session.Ack(d.PacketID)
	}
}

func (s *subscriber) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// journal is a slog.Handler that keeps lines.
type journal struct {
	mu    sync.Mutex
	lines []string
}

// branch is the journal of a Logger.With.
type branch struct {
	*journal
	attrs string
}

func (b branch) WithAttrs(a []slog.Attr) slog.Handler {
	return branch{b.journal, b.attrs + fmt.Sprint(" ", a)}
}
func (b branch) Handle(_ context.Context, r slog.Record) error { return b.note(b.attrs, r) }

func (j *journal) Enabled(context.Context, slog.Level) bool      { return true }
func (j *journal) WithAttrs(a []slog.Attr) slog.Handler          { return branch{j, fmt.Sprint(" ", a)} }
func (j *journal) WithGroup(string) slog.Handler                 { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error { return j.note("", r) }

func (j *journal) note(attrs string, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Level.String() + " " + r.Message + attrs)
	r.Attrs(func(a slog.Attr) bool { b.WriteString(" " + a.String()); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, b.String())
	return nil
}

// matching gives the lines that contain a text.
func (j *journal) matching(text string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

func stream(name string, match ...string) config.Stream {
	return config.Stream{Name: name, Match: match, Class: "live", Encode: "pass"}
}
