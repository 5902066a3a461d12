package edge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/drivers/all"
	"skerry/edge"
	"skerry/edge/config"
)

// patience is how long a test waits for what must happen: far longer than it takes, for a slow machine.
const patience = 30 * time.Second

// configure reads a configuration; $DATA in it is a folder of the test.
func configure(t *testing.T, text string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "skerry.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "$DATA", filepath.Join(dir, "data"))), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// record is a log that a test can read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// station is a gateway that runs.
type station struct {
	*edge.Gateway
	t     *testing.T
	log   *record
	end   context.CancelFunc
	ended chan struct{}
	err   error // of Run, once ended
}

// start runs a gateway until it listens. It is stopped with the test, if not before.
func start(t *testing.T, cfg *config.Config, o edge.Options) *station {
	t.Helper()
	s := &station{t: t, log: &record{}, ended: make(chan struct{})}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	g, err := edge.New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.Gateway, s.end = g, cancel
	go func() {
		defer close(s.ended)
		s.err = g.Run(ctx)
	}()
	t.Cleanup(s.stop)
	select {
	case <-g.Listening():
	case <-s.ended:
		s.end = nil
		t.Fatalf("Run ended: %v\n%s", s.err, s.log)
	case <-time.After(patience):
		t.Fatalf("not listening\n%s", s.log)
	}
	return s
}

// stop ends the gateway in good order.
func (s *station) stop() {
	if s.end == nil {
		return
	}
	s.end()
	s.end = nil
	from := time.Now()
	select {
	case <-s.ended:
		if took := time.Since(from); s.err != nil || took > 20*time.Second {
			s.t.Errorf("Run ended after %v with %v\n%s", took, s.err, s.log)
		}
	case <-time.After(patience):
		s.t.Fatalf("Run does not end\n%s", s.log)
	}
}

// ear is a client that hears what is published.
type ear struct {
	t       *testing.T
	mu      sync.Mutex
	heard   []packet.Publish
	news    chan struct{}
	closing func()
}

// hear connects a client to a listener and subscribes it.
func (s *station) hear(listener, filter string) *ear {
	s.t.Helper()
	return hearAt(s.t, s.Address(listener), filter)
}

// hearAt does the same at an address.
func hearAt(t *testing.T, address net.Addr, filter string) *ear {
	t.Helper()
	nc, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{t: t, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, nc, &packet.Connect{Version: packet.V5, CleanStart: true}, client.Options{OnMessage: e.note})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { c.Run(context.Background()) })
	e.closing = func() {
		c.Disconnect(packet.NormalDisconnection)
		running.Wait()
	}
	t.Cleanup(e.close)
	if _, err := c.Subscribe(ctx, packet.Subscription{TopicFilter: []byte(filter), QoS: 1}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *ear) close() {
	if e.closing != nil {
		e.closing()
		e.closing = nil
	}
}

func (e *ear) note(m *packet.Publish) {
	e.mu.Lock()
	e.heard = append(e.heard, packet.Publish{TopicName: bytes.Clone(m.TopicName), Payload: bytes.Clone(m.Payload), QoS: m.QoS, Retain: m.Retain})
	e.mu.Unlock()
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// wait returns the first message, heard or to come, that a test is looking for, and forgets those before it.
func (e *ear) wait(what string, is func(topic, payload string) bool) packet.Publish {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		if m, ok := e.find(is); ok {
			return m
		}
		select {
		case <-e.news:
		case <-deadline:
			e.t.Fatalf("nothing heard of: %s", what)
		}
	}
}

func (e *ear) find(is func(topic, payload string) bool) (packet.Publish, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, m := range e.heard {
		if is(string(m.TopicName), string(m.Payload)) {
			e.heard = e.heard[i+1:]
			return m, true
		}
	}
	return packet.Publish{}, false
}

// on is a message on a topic whose payload holds a text.
func on(topic, text string) (string, func(string, string) bool) {
	return topic + " " + text, func(t, p string) bool { return t == topic && strings.Contains(p, text) }
}

// good is a good reading on a topic.
func good(topic string) func(string, string) bool {
	return func(t, payload string) bool { return t == topic && !strings.Contains(payload, `"quality"`) }
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// leavesNothing checks that a test leaves no goroutine behind.
func leavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}

// runsInto runs a gateway that cannot start, and returns why.
func runsInto(t *testing.T, cfg *config.Config) error {
	t.Helper()
	g, err := edge.New(cfg, edge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = g.Run(ctx)
	if err == nil {
		t.Fatal("Run found nothing wrong")
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatal("Run did not end by itself")
	}
	return err
}
