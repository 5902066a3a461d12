package brokertest_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/brokertest"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// open makes a broker with a server on a disk in memory.
func open(t *testing.T, l brokertest.Limits, boot queue.Boot) (*server.Server, func(context.Context) error) {
	t.Helper()
	store, recovery, err := queue.Open(vfs.NewDisk(), "data", queue.Options{SlotSize: 1 << 20, Boot: boot})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(b, server.Options{Limits: server.Limits{Inflight: l.Inflight, Packet: l.Packet}})
	return s, func(ctx context.Context) error {
		lower, stop := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{store.Run, b.Run} {
			all.Go(func() {
				if err := run(lower); err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		}
		err := s.Run(ctx)
		stop()
		all.Wait()
		store.Close()
		return err
	}
}

// serve runs a server until the test ends.
func serve(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestLoopback plays the suite over TCP. Time is real, so that only short waits are possible.
func TestLoopback(t *testing.T) {
	brokertest.Run(t, brokertest.Broker{
		Waits:  3 * time.Second,
		Around: func(t *testing.T, play func(t *testing.T)) { t.Parallel(); play(t) },
		Start: func(t *testing.T, l brokertest.Limits) brokertest.Dial {
			s, run := open(t, l, queue.Boot{})
			addr, err := s.Listen(server.ListenerConfig{Name: "loopback", Address: "127.0.0.1:0", Anonymous: true})
			if err != nil {
				t.Fatal(err)
			}
			serve(t, run)
			return func() (net.Conn, error) { return net.Dial("tcp", addr.String()) }
		},
	})
}

// TestInProcess plays the suite over pipes in a bubble: hours of waiting cost nothing.
func TestInProcess(t *testing.T) {
	brokertest.Run(t, brokertest.Broker{
		Around: synctest.Test,
		Start: func(t *testing.T, l brokertest.Limits) brokertest.Dial {
			begin := time.Now()
			s, run := open(t, l, queue.Boot{Clock: func() time.Duration { return time.Since(begin) }})
			p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
			if err := s.Serve(p, server.ListenerConfig{Name: "pipe", Anonymous: true}); err != nil {
				t.Fatal(err)
			}
			serve(t, run)
			return p.dial
		},
	})
}

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
