package edge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge"
	"skerry/edge/service"
	"skerry/queue/vfs"
)

// managed makes a service manager that feeds on being told, and what waits for a datagram that begins so: it gives all until then.
func managed(t *testing.T, timeout time.Duration) (*service.Manager, func(beginning string) string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", fmt.Sprint(timeout.Microseconds()))
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	m, err := service.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, func(beginning string) string {
		t.Helper()
		l.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 4096)
		var heard []string
		for {
			n, err := l.Read(buf)
			if err != nil {
				t.Fatalf("no %q, but %q", beginning, heard)
			}
			if heard = append(heard, string(buf[:n])); strings.HasPrefix(string(buf[:n]), beginning) {
				return strings.Join(heard, "\n")
			}
		}
	}
}

// TestServiceManager: it hears of the start, is fed, hears of storage that fails and is fed on, and of the end.
func TestServiceManager(t *testing.T) {
	manager, hears := managed(t, time.Second)
	disk := vfs.NewDisk()
	s := start(t, configure(t, threeSensors), edge.Options{FS: disk, Service: manager})
	hears("READY=1\nSTATUS=running")
	for range 3 {
		hears("WATCHDOG=1")
	}
	s.Reload()
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1\nSTATUS=running")
	passing(disk)
	hears("STATUS=runs without storage: ")
	for range 3 {
		hears("WATCHDOG=1")
	}
	s.end()
	hears("STOPPING=1")
	<-s.ended
	s.end = nil
}

// unwilling is a listener that never gives up a connection, though the kernel makes them.
type unwilling struct {
	net.Listener
	closed chan struct{}
}

func (d *unwilling) Accept() (net.Conn, error) {
	<-d.closed
	return nil, net.ErrClosed
}

func (d *unwilling) Close() error {
	close(d.closed)
	return d.Listener.Close()
}

// TestDeafListener: one that takes no connections any more is told the service manager, which is not fed, though the broker answers.
func TestDeafListener(t *testing.T) {
	manager, hears := managed(t, time.Second)
	g, err := edge.New(configure(t, threeSensors), edge.Options{FS: vfs.NewDisk(), Service: manager})
	if err != nil {
		t.Fatal(err)
	}
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Open(&unwilling{nl, make(chan struct{})})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	hears("READY=1\nSTATUS=running")
	if heard := hears("STATUS=does not get on: "); !strings.Contains(heard, "listener door takes no connections: one of our own waits in vain") || strings.Contains(heard, "listener local") {
		t.Error(heard)
	}
	time.Sleep(2 * time.Second) // in which it would be fed four times
	end()
	if heard := hears("STOPPING=1"); strings.Contains(heard, "WATCHDOG=1") {
		t.Error(heard)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFullStoreIsTold: a store that others have left no room says so to the service manager, and that it has room again; nothing is refused for
// another reason, and the station is not started anew.
func TestFullStoreIsTold(t *testing.T) {
	manager, hears := managed(t, time.Minute)
	disk := vfs.NewDisk()
	disk.SetCapacity(18 << 20)
	s := start(t, configure(t, "storage: {path: /data, when_full: reject}\nbroker: {listeners: {local: {tcp: \"127.0.0.1:0\", anonymous: true}}}\n"), edge.Options{FS: disk, Service: manager})
	hears("READY=1\nSTATUS=running")
	lasts := packet.Properties{}.AppendNumber(packet.SessionExpiryInterval, 3600)
	reader, err := s.dial(t, &packet.Connect{Version: packet.V5, ClientID: []byte("reader"), Properties: lasts})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Subscribe(t.Context(), packet.Subscription{TopicFilter: []byte("a"), QoS: 1}); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	writer, err := s.dial(t, &packet.Connect{Version: packet.V5, CleanStart: true})
	if err != nil {
		t.Fatal(err)
	}
	publish := func() error {
		return writer.Publish(t.Context(), &packet.Publish{TopicName: []byte("a"), QoS: 1, Payload: make([]byte, 100<<10)})
	}
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = publish()
	}
	if !errors.Is(err, packet.QuotaExceeded) || n < 20 {
		t.Fatalf("message %d: %v", n, err)
	}
	hears("STATUS=runs with a full store: new messages are refused: 512 KiB of the file system are left to others")
	disk.SetCapacity(0)
	hears("STATUS=running")
	if err := publish(); err != nil {
		t.Error(err)
	}
}

// TestWaitsForItsStore: under a service manager a data directory that cannot be opened is waited for, with a word, and without being
// started anew.
func TestWaitsForItsStore(t *testing.T) {
	manager, hears := managed(t, time.Minute)
	disk, log := vfs.NewDisk(), &record{}
	disk.SetReadOnly(true)
	g, err := edge.New(configure(t, threeSensors), edge.Options{FS: disk, Service: manager, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	hears("READY=1\nSTATUS=waits for its data directory: open the data directory ")
	hears("WATCHDOG=1")
	hears("WATCHDOG=1")
	g.Reload() // there is nothing to reload yet
	disk.SetReadOnly(false)
	hears("READY=1\nSTATUS=running")
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged, not one\n%s", n, log)
	}

	disk.SetReadOnly(true)
	g, err = edge.New(configure(t, threeSensors), edge.Options{FS: disk, Service: manager})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end = context.WithCancel(t.Context())
	defer end()
	go func() { ended <- g.Run(ctx) }()
	hears("READY=1\nSTATUS=waits")
	end()
	if err := <-ended; err != nil {
		t.Errorf("ended while it waits: %v", err)
	}
}
