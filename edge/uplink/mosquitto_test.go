package uplink_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/scripts/loopback"
)

// patience bounds every wait for something that must happen in real time.
const patience = 60 * time.Second

// mosquitto is Debian's broker with its data on disk, so that it can be stopped and started.
type mosquitto struct {
	t       *testing.T
	program string
	config  string
	address string
	cmd     *exec.Cmd
}

// newMosquitto makes one that is not started. extra are further lines of its configuration, behind those of its listener.
func newMosquitto(t *testing.T, extra ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{t: t}
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			m.program = path
		}
	}
	if m.program == "" && os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("mosquitto is not installed")
	}
	if m.program == "" {
		t.Skip("needs mosquitto (Debian package mosquitto)")
	}
	port := loopback.Port(t)
	m.address = loopback.Address(port)
	dir := t.TempDir()
	lines := append([]string{
		"persistence true", "persistence_location " + dir + "/", "max_queued_messages 0", "max_queued_bytes 0",
		"user root", // it would give up root and then not reach the folder
		fmt.Sprintf("listener %d 127.0.0.1", port),
	}, extra...)
	if !slices.ContainsFunc(extra, func(s string) bool { return strings.HasPrefix(s, "allow_anonymous") }) {
		lines = append(lines, "allow_anonymous true")
	}
	m.config = filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(m.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.end(syscall.SIGKILL) })
	return m
}

// start starts it and waits until it listens.
func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.program, "-c", m.config)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	eventually(m.t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", m.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// end ends it; with SIGTERM it saves its sessions.
func (m *mosquitto) end(s syscall.Signal) {
	if m.cmd != nil {
		m.cmd.Process.Signal(s)
		m.cmd.Wait()
		m.cmd = nil
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// reader is a persistent subscriber upstream. It survives restarts of the server.
type reader struct {
	t       *testing.T
	address string
	session *client.Session

	mu  sync.Mutex
	got []packet.Publish

	client *client.Client
	done   chan struct{}
}

func newReader(t *testing.T, address string) *reader {
	r := &reader{t: t, address: address, session: client.NewSession()}
	t.Cleanup(func() { r.leave() })
	return r
}

// join connects; first says that the session is new and is to subscribe.
func (r *reader) join(first bool) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	connect := &packet.Connect{Version: packet.V311, ClientID: []byte("reader"), KeepAlive: 30}
	r.client, err = client.Connect(ctx, conn, connect, client.Options{Session: r.session, OnMessage: r.note})
	if err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan struct{})
	go func() { defer close(r.done); r.client.Run(context.Background()) }()
	if !first {
		return
	}
	if _, err := r.client.Subscribe(ctx, packet.Subscription{TopicFilter: []byte("#"), QoS: 2}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) note(m *packet.Publish) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, packet.Publish{TopicName: slices.Clone(m.TopicName), Payload: slices.Clone(m.Payload), QoS: m.QoS, Retain: m.Retain})
}

func (r *reader) leave() {
	if r.client != nil {
		r.client.Close()
		<-r.done
		r.client = nil
	}
}

// payloads gives what has come on a topic.
func (r *reader) payloads(topic string) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		if string(m.TopicName) == topic {
			all = append(all, string(m.Payload))
		}
	}
	return all
}

// judge checks the numbers on a topic: all of want, in order; exactly: none twice.
func judge(t *testing.T, got []string, want []int, exactly bool) {
	t.Helper()
	seen, last := map[int]int{}, -1
	for _, p := range got {
		var i int
		fmt.Sscan(p, &i)
		if seen[i]++; seen[i] == 1 && i < last {
			t.Errorf("message %d came after %d", i, last)
		}
		last = max(last, i)
	}
	for _, i := range want {
		if seen[i] == 0 {
			t.Errorf("message %d is lost", i)
		}
		if exactly && seen[i] > 1 {
			t.Errorf("message %d came %d times", i, seen[i])
		}
	}
}
