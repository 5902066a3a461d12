package server_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// patience is how long a test waits for what must come. It is never reached unless something is wrong.
const patience = 10 * time.Second

// station is a broker with a server on a disk in memory.
type station struct {
	t      testing.TB
	disk   *vfs.Disk
	server *server.Server
	broker *broker.Broker
	store  *queue.Store

	storeMayFail atomic.Bool // the test breaks the disk
	stop         func()      // ends the server, the broker and the store; called once more at the end of the test
}

// openStation makes a station that has no listener yet and does not run.
func openStation(t testing.TB, disk *vfs.Disk, o server.Options) *station {
	t.Helper()
	return openStationWith(t, disk, o, queue.Options{SlotSize: 1 << 20})
}

// openStationWith is openStation with bounds of the store.
func openStationWith(t testing.TB, disk *vfs.Disk, o server.Options, q queue.Options) *station {
	t.Helper()
	return openStationOf(t, disk, o, q, broker.Options{})
}

// openStationOf is openStation with options of all parts.
func openStationOf(t testing.TB, disk *vfs.Disk, o server.Options, q queue.Options, of broker.Options) *station {
	t.Helper()
	store, recovery, err := queue.Open(disk, "data", q)
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, recovery, of)
	if err != nil {
		t.Fatal(err)
	}
	st := &station{t: t, disk: disk, broker: b, store: store, server: server.New(b, o)}
	stopBroker := running(t, b.Run)
	stopStore := running(t, func(ctx context.Context) error {
		if err := store.Run(ctx); err != nil && !st.storeMayFail.Load() {
			return err
		}
		return nil
	})
	st.stop = func() {
		stopBroker()
		stopStore()
		store.Close()
	}
	t.Cleanup(func() { st.stop() })
	return st
}

// run starts the server; its listeners must be there.
func (st *station) run() *station {
	stopServer := running(st.t, st.server.Run)
	stopRest := st.stop
	st.stop = sync.OnceFunc(func() {
		stopServer()
		checkNoGoroutine(st.t)
		stopRest()
	})
	return st
}

// listen opens a listener on a port of the kernel's choice.
func (st *station) listen(l server.ListenerConfig) string {
	st.t.Helper()
	l.Address = "127.0.0.1:0"
	addr, err := st.server.Listen(l)
	if err != nil {
		st.t.Fatal(err)
	}
	return addr.String()
}

// start gives a running station with one listener that is open to all.
func start(t testing.TB, limits server.Limits) (st *station, address string) {
	t.Helper()
	st = openStation(t, vfs.NewDisk(), server.Options{Limits: limits})
	address = st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	return st.run(), address
}

// running runs f until the function that it gives is called.
func running(t testing.TB, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// checkNoGoroutine fails the test when a goroutine of the server is left. Run waits for all of them.
func checkNoGoroutine(t testing.TB) {
	t.Helper()
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(stack, "skerry/broker/server.(*conn)") || strings.Contains(stack, "skerry/broker/server.(*Server)") {
			t.Errorf("a goroutine is left:\n%s", stack)
		}
	}
}

// peer is a Client made of bytes.
type peer struct {
	t  testing.TB
	nc net.Conn
}

func dial(t testing.TB, address string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc}
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

func (p *peer) read(n int) ([]byte, error) {
	p.nc.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, n)
	got, err := io.ReadFull(p.nc, b)
	return b[:got], err
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
