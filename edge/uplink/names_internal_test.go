package uplink

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestNameIsDoubted: where somebody opens the connection and does not accept the session, the name server is asked before the next attempt. On
// links that are paid by the byte the address would be used for a day otherwise, also when the Server has moved.
func TestNameIsDoubted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			conn.Close()
		}
	}()
	store, recovery, err := queue.Open(vfs.OS{}, t.TempDir(), queue.Options{SlotSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := config.Uplink{Name: "cloud", Servers: config.Servers{{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}, Version: config.V311, ClientID: "wx",
		KeepAlive: config.KeepAlive{Min: time.Minute, Max: time.Minute}, Retry: config.DurationRange{Min: 10 * time.Millisecond, Max: 20 * time.Millisecond}}
	u, err := New(c, []config.Stream{{Name: "all", Match: []string{"t/#"}}}, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	doubted := make(chan string, 1000)
	u.ways[0].doubt = func(host string) { doubted <- host }
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	running.Go(func() { b.Run(ctx) })
	running.Go(func() { u.Run(ctx) })
	select {
	case host := <-doubted:
		if host != "127.0.0.1" {
			t.Errorf("%s is doubted", host)
		}
	case <-time.After(10 * time.Second):
		t.Error("the name is believed")
	}
	cancel()
	running.Wait()
}
