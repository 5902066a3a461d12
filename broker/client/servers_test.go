package client_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
	"skerry/scripts/loopback"
)

// mosquitto starts Debian's broker and gives its address.
func mosquitto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			if os.Getenv("SKERRY_NO_SKIP") == "1" {
				t.Fatal("mosquitto is not installed")
			}
			t.Skip("needs mosquitto (Debian package mosquitto)")
		}
	}
	port := loopback.Port(t)
	address := loopback.Address(port)
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n", port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("mosquitto does not listen")
		}
	}
}

// join connects a Client to a real server and runs it until the test ends.
func join(t *testing.T, address, id string, v packet.Version, o client.Options) *client.Client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, conn, &packet.Connect{Version: v, CleanStart: true, ClientID: []byte(id), KeepAlive: 10}, o)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(context.WithoutCancel(t.Context())) })
	t.Cleanup(func() { c.Close(); wg.Wait() })
	return c
}

// skerry starts our own server and gives its address.
func skerry(t *testing.T) string {
	t.Helper()
	store, recovery, err := queue.Open(vfs.NewDisk(), "queue", queue.Options{SlotSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(b, server.Options{})
	address, err := s.Listen(server.ListenerConfig{Address: "127.0.0.1:0", Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	running.Go(func() { b.Run(ctx) })
	running.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); store.Close() })
	return address.String()
}

// TestServers sends a thousand messages at a time. Mosquitto in its default configuration takes 20 of QoS 2; of those it
// cannot take it says so to a 5.0 Client only.
func TestServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{"mosquitto": mosquitto, "skerry": skerry} {
		for _, v := range []packet.Version{packet.V311, packet.V5} {
			t.Run(name+" "+v.String(), func(t *testing.T) { throughServer(t, start(t), v) })
		}
	}
}

// throughServer sends messages from one Client to another.
func throughServer(t *testing.T, address string, v packet.Version) {
	const n = 1000
	got := make(chan string, 3*n)
	sub := join(t, address, "sub", v, client.Options{OnMessage: func(m *packet.Publish) { got <- string(m.TopicName) + string(m.Payload) }})
	codes, err := sub.Subscribe(t.Context(), packet.Subscription{TopicFilter: []byte("t/#"), QoS: 2})
	if err != nil || !slices.Equal(codes, []packet.ReasonCode{packet.GrantedQoS2}) {
		t.Fatalf("SUBACK %v, %v", codes, err)
	}
	pub := join(t, address, "pub", v, client.Options{})
	var done sync.WaitGroup
	for i := range n {
		done.Add(1)
		m := &packet.Publish{TopicName: []byte("t/x"), QoS: byte(1 + i%2), Payload: fmt.Append(nil, i)}
		err := pub.Send(t.Context(), m, func(err error) {
			if err != nil {
				t.Errorf("message %d: %v", i, err)
			}
			done.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	done.Wait()
	seen := map[string]int{}
	for range n {
		seen[result(t, got)]++
	}
	for i := range n {
		if seen[fmt.Sprint("t/x", i)] != 1 {
			t.Errorf("message %d arrived %d times", i, seen[fmt.Sprint("t/x", i)])
		}
	}
	if err := pub.Disconnect(packet.NormalDisconnection); err != nil {
		t.Error(err)
	}
}
