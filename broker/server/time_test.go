package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// pipes is a listener in memory: what time does to it is the test's to say.
type pipes struct {
	server *server.Server
	conns  chan net.Conn
	once   sync.Once
	done   chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

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

// dial gives the Client's end of a new connection.
func (p *pipes) dial(t testing.TB) *peer {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() { ours.Close() })
	return &peer{t, ours}
}

// inBubble runs f with a server whose time is that of the bubble.
func inBubble(t *testing.T, limits server.Limits, f func(t *testing.T, p *pipes)) {
	bubble(t, limits, server.ListenerConfig{}, f)
}

// bubble is inBubble with a listener of any kind.
func bubble(t *testing.T, limits server.Limits, l server.ListenerConfig, f func(t *testing.T, p *pipes)) {
	bubbleOn(t, vfs.NewDisk(), limits, l, f)
}

// bubbleOn is bubble on a disk that the test may slow down.
func bubbleOn(t *testing.T, disk *vfs.Disk, limits server.Limits, l server.ListenerConfig, f func(t *testing.T, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		clock := func() time.Duration { return time.Since(begin) }
		store, recovery, err := queue.Open(disk, "data", queue.Options{SlotSize: 1 << 20, Boot: queue.Boot{Clock: clock}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := broker.New(store, recovery, broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := server.New(b, server.Options{Limits: limits})
		p := newPipes()
		p.server = s
		l.Name, l.Anonymous = "pipe", true
		if err := s.Serve(p, l); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{store.Run, b.Run, s.Run} {
			all.Go(func() {
				if err := run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		}
		f(t, p)
		cancel()
		all.Wait()
		store.Close()
	})
}

// endsAfter reads until the connection ends, and says how long that took from since.
func (p *peer) endsAfter(since time.Time) (last []byte, d time.Duration) {
	p.t.Helper()
	p.nc.SetReadDeadline(time.Time{})
	last, err := io.ReadAll(p.nc)
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		p.t.Errorf("read: %v", err)
	}
	return last, time.Since(since)
}

func TestConnectTimeout(t *testing.T) {
	for name, sent := range map[string]string{"nothing": "", "half a CONNECT": `10 0d 0004 "MQ"`} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
				c, begin := p.dial(t), time.Now()
				if sent != "" {
					b := encode(t, sent)
					c.send(b)
				}
				if last, d := c.endsAfter(begin); d != 10*time.Second || len(last) > 0 {
					t.Errorf("closed after %v with %x, want 10 s with nothing", d, last)
				}
			})
		})
	}
}

// [MQTT-3.1.2-22]: the connection ends when 1.5 times the Keep Alive has passed without a packet.
func TestKeepAlive(t *testing.T) {
	tests := []struct {
		name, connect, connack, last string
		after                        time.Duration
	}{
		{"3.1.1", "10: 'MQTT' 04 02 000a 'a'", "20: 00 00", "", 15 * time.Second},
		{"5.0", "10: 'MQTT' 05 02 000a 00 'a'", "20: ??*16", "e0: 8d", 15 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
				c := p.dial(t)
				c.script("> "+tt.connect, "< "+tt.connack)
				var heard time.Time
				for range 20 { // far longer than one deadline
					time.Sleep(14 * time.Second)
					heard = time.Now()
					c.script("> c0:", "< d0:")
				}
				last, d := c.endsAfter(heard)
				want := encode(t, tt.last)
				if d != tt.after || string(last) != string(want) {
					t.Errorf("closed %v after the last packet with %x, want %v with %x", d, last, tt.after, want)
				}
			})
		})
	}
}

// Bytes that complete no packet do not count: the rule is about Control Packets.
func TestKeepAliveTrickle(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 000a 'a'", "< 20: 00 00")
		begin := time.Now()
		go func() {
			for _, b := range []byte("\x30\x7f\x00\x10abcdefghijklmnopqrstuvwxyz") {
				time.Sleep(time.Second)
				if _, err := c.nc.Write([]byte{b}); err != nil {
					return
				}
			}
		}()
		if _, d := c.endsAfter(begin); d != 15*time.Second {
			t.Errorf("closed after %v, want 15 s", d)
		}
	})
}

// A Client that is not read because the disk is slow is not silent: nobody listens. One that does not take its answers is.
func TestKeepAliveWhileTheDiskIsSlow(t *testing.T) {
	disk := vfs.NewDisk()
	bubbleOn(t, disk, server.Limits{Pending: 1 << 10}, server.ListenerConfig{}, func(t *testing.T, p *pipes) {
		keeper := p.dial(t)
		keeper.script("> 10: 'MQTT' 04 00 0000 'keeper' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01", "> e0:", "< closed")
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 000a 'c'", "< 20: 00 00")
		until := time.Now().Add(25 * time.Second)
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				time.Sleep(time.Until(until))
			}
			return nil
		})
		message := fmt.Sprintf("32: 't' 0001 \"%0*d\"", 800, 0)
		c.script("> " + message + " | " + message)
		go func() {
			c.nc.SetWriteDeadline(time.Time{})
			c.nc.Write([]byte("\xc0\x00"))
		}()
		time.Sleep(25 * time.Second)
		c.script("< 40: 0001 | 40: 0001 | d0:")
		heard := time.Now()
		if _, d := c.endsAfter(heard); d != 15*time.Second {
			t.Errorf("closed after %v, want 15 s", d)
		}
	})
}

func TestKeepAliveNone(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 0000 'a'", "< 20: 00 00")
		time.Sleep(1000 * time.Hour)
		c.script("> c0:", "< d0:")
	})
}

// [MQTT-3.2.2-21]: a Keep Alive that the Server imposes is told and counts.
func TestServerKeepAlive(t *testing.T) {
	inBubble(t, server.Limits{KeepAlive: 20 * time.Second}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 05 02 0000 00 'a'", "< 20: 00 00 10 ??*13 13 0014")
		if last, d := c.endsAfter(time.Now()); d != 30*time.Second || string(last) != "\xe0\x01\x8d" {
			t.Errorf("closed after %v with %x, want 30 s with KeepAliveTimeout", d, last)
		}
	})
}

// [MQTT-3.2.2-22]: a Keep Alive that is short enough is the Client's own, and none is told.
func TestShortKeepAlive(t *testing.T) {
	inBubble(t, server.Limits{KeepAlive: 20 * time.Second}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 05 02 000a 00 'a'", "< 20: 00 00 [ 21 ??*2 27 ??*4 22 ??*2 2a 01 ]")
		if last, d := c.endsAfter(time.Now()); d != 15*time.Second || string(last) != "\xe0\x01\x8d" {
			t.Errorf("closed after %v with %x, want 15 s with KeepAliveTimeout", d, last)
		}
	})
}

// [MQTT-3.3.2-5]: what expires while the Client is still busy with what it was sent before is not sent.
func TestExpiresBehindWhatIsSent(t *testing.T) {
	for _, flags := range []int{0x30, 0x32, 0x34} {
		t.Run(fmt.Sprintf("%02x", flags), func(t *testing.T) {
			inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
				slow, c := p.dial(t), p.dial(t)
				slow.script("> 10: 'MQTT' 04 02 0000 'slow' | 82: 0001 't' 02", "< 20: 00 00 | 90: 0001 02")
				c.script("> 10: 'MQTT' 05 02 0000 00 'c'", "< 20: 00 00 ...")
				message := func(n int, properties string) string {
					id := ""
					if flags != 0x30 {
						id = fmt.Sprintf("%04x", n)
					}
					return fmt.Sprintf("%02x: 't' %s %s \"%d%s\"", flags, id, properties, n, strings.Repeat(".", 20_000))
				}
				for n := 1; n <= 20; n++ {
					c.script("> " + message(n, "[ 02 0000000f ]") + " | c0:")
					c.readUntil(0xD0)
				}
				time.Sleep(10 * time.Second)
				slow.script("< "+message(1, ""), "< "+message(2, "")) // those up to 5 are on their way now
				time.Sleep(10 * time.Second)
				slow.script("< "+message(3, ""), "< "+message(4, ""), "< "+message(5, ""), "> c0:", "< d0:", "> c0:", "< d0:")
			})
		})
	}
}

// readUntil reads packets up to one of a type.
func (p *peer) readUntil(first byte) {
	p.t.Helper()
	for {
		head, err := p.read(2)
		if err == nil {
			_, err = p.read(int(head[1]))
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if head[0] == first {
			return
		}
	}
}

// A Client that takes nothing while the Server has something for it is given up after Limits.Stall.
func TestStalledClient(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 0000 'a'", "< 20: 00 00")
		begin := time.Now()
		c.script("> c0:")
		time.Sleep(3 * time.Minute)
		if _, err := c.nc.Write([]byte{0xC0, 0}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v after the stall: write gives %v, want a closed connection", time.Since(begin), err)
		}
	})
}

// The Server ends in time, whether Clients listen or not.
func TestShutdownWithDeafClient(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 05 02 0000 00 'a'", "< 20: ??*16", "> c0:") // and never reads PINGRESP
		silent := p.dial(t)                                                // never says CONNECT
		_ = silent
		synctest.Wait()
		begin := time.Now()
		t.Cleanup(func() {
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("the end took %v, want at most 5 s", d)
			}
		})
	})
}

// [MQTT-3.3.2-5], [MQTT-3.3.2-6]: a message waits no longer than its expiry, and what is left of that is passed
// on.
func TestMessageExpiry(t *testing.T) {
	inBubble(t, server.Limits{}, func(t *testing.T, p *pipes) {
		const subscriber = "10: 'MQTT' 05 00 0000 05 11 0000ffff 's'"
		s := p.dial(t)
		s.script("> "+subscriber, "< 20: ??*16", "> 82: 0001 00 't' 01", "< 90: 0001 00 01", "> e0:", "< closed")
		a := p.dial(t)
		a.script("> 10: 'MQTT' 05 02 0000 00 'a'", "< 20: ??*16")
		a.script("> 32: 't' 0001 05 02 0000000a \"ten\"", "< 40: 0001")
		a.script("> 32: 't' 0002 05 02 00000064 \"hundred\"", "< 40: 0002")
		time.Sleep(40 * time.Second)
		s = p.dial(t)
		s.script("> "+subscriber, "< 20: 01 ??*15", "< 32: 't' ??*2 05 02 0000003c \"hundred\"", "> c0:", "< d0:")
	})
}
