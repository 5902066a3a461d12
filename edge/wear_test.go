package edge_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/edge"
	"skerry/edge/config"
	"skerry/queue"
	"skerry/queue/vfs"
)

// shore is a Server upstream on a false clock, a broker like ours. What it says arrives late.
type shore struct {
	late time.Duration
	line chan net.Conn
	up   atomic.Bool
	conn atomic.Pointer[lateConn] // the last

	gone   chan struct{}
	closed func() // closes it
}

// openShore runs one until the test ends.
func openShore(t *testing.T, late time.Duration) *shore {
	store, rec, err := queue.Open(vfs.NewDisk(), "up", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, rec, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shore{late: late, line: make(chan net.Conn), gone: make(chan struct{})}
	s.closed = sync.OnceFunc(func() { close(s.gone) })
	s.up.Store(true)
	srv := server.New(b, server.Options{})
	if err := srv.Serve(s, server.ListenerConfig{Name: "up", Anonymous: true}); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{store.Run, b.Run, srv.Run} {
		running.Go(func() { run(ctx) })
	}
	t.Cleanup(func() { end(); running.Wait() })
	return s
}

func (s *shore) Addr() net.Addr { return &net.TCPAddr{} }
func (s *shore) Close() error   { s.closed(); return nil }

func (s *shore) Accept() (net.Conn, error) {
	select {
	case c := <-s.line:
		return c, nil
	case <-s.gone:
		return nil, net.ErrClosed
	}
}

// dial is the way of an uplink.
func (s *shore) dial(ctx context.Context, _ config.Server) (net.Conn, error) {
	ours, theirs := net.Pipe()
	if !s.up.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	select {
	case s.line <- theirs:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c := newLateConn(ours, s.late)
	s.conn.Store(c)
	return c, nil
}

// cut ends the link, and keeps it down.
func (s *shore) cut() {
	s.up.Store(false)
	s.conn.Load().Close()
}

// lateConn gives what the other side says only after some time.
type lateConn struct {
	net.Conn
	heard *io.PipeReader
}

func newLateConn(c net.Conn, late time.Duration) *lateConn {
	type piece struct {
		at   time.Time
		data []byte
	}
	pieces := make(chan piece, 1000)
	heard, say := io.Pipe()
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 4096)
			n, err := c.Read(b)
			if err != nil {
				return
			}
			pieces <- piece{time.Now().Add(late), b[:n]}
		}
	}()
	go func() {
		defer say.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.at))
			say.Write(p.data)
		}
	}()
	return &lateConn{c, heard}
}

func (c *lateConn) Read(b []byte) (int, error) { return c.heard.Read(b) }
func (c *lateConn) Close() error {
	c.heard.Close()
	return c.Conn.Close()
}
func (c *lateConn) SetReadDeadline(time.Time) error { return nil }

const sensors = 20

// weather is a station with 20 sensors that are read every 10 s, and no listener: a false clock stands still while somebody
// waits for the network.
func weather(retained bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gateway: {id: wx-042, site: lake, board: sim}\nstorage: {path: /data}\nbroker: {listeners: {}}\ndefaults: {every: 10s, retain: %v}\n", retained)
	b.WriteString("uplinks: {cloud: {mqtt: \"tcp://up.example:1883\", prefix: farm/, retry: 5s..1min}}\nbuses:\n")
	for i := range sensors {
		fmt.Fprintf(&b, "  i2c%d: {i2c: /dev/i2c-%d}\n", i, i)
	}
	b.WriteString("sensors:\n")
	for i := range sensors {
		fmt.Fprintf(&b, "  air%d: {driver: bme280, bus: i2c%d, values: {pressure: {}}}\n", i, i)
	}
	return b.String()
}

// TestWearWithUplink: with the uplink up a healthy station writes next to nothing, although each acknowledgement takes 10 s;
// when the link goes, all but the readings of commit_window are on the disk.
func TestWearWithUplink(t *testing.T) {
	const perReading = 4096 // what one commit for each would write
	for _, c := range []struct {
		name     string
		retained bool
		late     time.Duration
	}{{"plain", false, 10 * time.Second}, {"retained", true, 10 * time.Second}, {"retained, fast link", true, 50 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configure(t, weather(c.retained))
			synctest.Test(t, func(t *testing.T) {
				up := openShore(t, c.late)
				disk := vfs.NewDisk()
				g, err := edge.New(cfg, edge.Options{FS: disk})
				if err != nil {
					t.Fatal(err)
				}
				g.DialUplinks(up.dial)
				ctx, end := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- g.Run(ctx) }()
				<-g.Listening()
				store := g.Store()
				time.Sleep(10 * time.Minute)
				before := store.Stats()
				const lasting = time.Hour
				time.Sleep(lasting)
				after := store.Stats()
				readings := sensors * lasting / (10 * time.Second)
				bytes := after.Bytes - before.Bytes
				share := float64(bytes) / float64(readings*perReading)
				t.Logf("%d readings: %d bytes, %d flushes, %.2f %%; %d elided, %d coalesced; window %v", readings, bytes,
					after.Flushes-before.Flushes, 100*share, after.Elided-before.Elided, after.Coalesced-before.Coalesced, store.CommitWindow())
				if share > 0.02 {
					t.Error("more than 2 % of what one commit for each reading would write")
				}
				time.Sleep(3 * time.Second) // within the window
				up.cut()
				synctest.Wait()
				if w := store.CommitWindow(); w != 2*time.Second {
					t.Errorf("the link is gone and the window is %v", w)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if missing := unwritten(t, disk, store); missing > 0 {
					t.Errorf("%d readings are not on the disk 2 s after the link went", missing)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if missing := unwritten(t, disk, store); missing > sensors {
					t.Errorf("%d readings are not on the disk", missing)
				}
				end()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// unwritten is how many messages the stream of the uplink would have lost if the power went now.
func unwritten(t *testing.T, disk *vfs.Disk, live *queue.Store) (n int) {
	t.Helper()
	copied, _, err := queue.Open(disk.Killed(), "/data", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for x := range live.Sessions() {
		if have := copied.Session(x.Number()); have != nil {
			n += max(0, int(x.Stats().Messages)-int(have.Stats().Messages))
		}
	}
	return n
}
