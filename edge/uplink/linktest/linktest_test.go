package linktest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/linktest"
)

// The link fits where it is used.
var _ = uplink.Options{Dial: linktest.New(linktest.Options{}).Dial}

// bubble runs f in suspended time with a link and a connection over it.
func bubble(t *testing.T, o linktest.Options, f func(t *testing.T, l *linktest.Link, near, far net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := linktest.New(o)
		near, far := connect(t, l)
		f(t, l, near, far)
		near.Close()
		far.Close()
	})
}

func connect(t *testing.T, l *linktest.Link) (near, far net.Conn) {
	t.Helper()
	near, err := l.Dial(t.Context(), config.Server{})
	if err != nil {
		t.Fatal(err)
	}
	if far, err = l.Listener().Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func write(t *testing.T, c net.Conn, n int) {
	t.Helper()
	if k, err := c.Write(make([]byte, n)); err != nil || k != n {
		t.Fatalf("wrote %d of %d: %v", k, n, err)
	}
}

func read(t *testing.T, c net.Conn, n int) {
	t.Helper()
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// readsNothing waits a while for what must not come.
func readsNothing(t *testing.T, c net.Conn, d time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes: %v", n, err)
	}
	_ = c.SetReadDeadline(time.Time{})
}

// TestTimes: a round trip to connect; then the time that the bytes take to leave, and the delay.
func TestTimes(t *testing.T) {
	o := linktest.Options{
		Up:   linktest.Conditions{Rate: 80_000, Delay: 300 * time.Millisecond},
		Down: linktest.Conditions{Delay: 200 * time.Millisecond}}
	synctest.Test(t, func(t *testing.T) {
		l := linktest.New(o)
		began := time.Now()
		near, far := connect(t, l)
		if d := time.Since(began); d != 506*time.Millisecond { // 60 bytes of SYN take 6 ms
			t.Errorf("connecting took %v", d)
		}
		began = time.Now()
		write(t, near, 10*1448)
		if d := time.Since(began); d != 0 {
			t.Errorf("a write that has room took %v", d)
		}
		read(t, far, 10*1448)
		if d := time.Since(began); d != 1800*time.Millisecond {
			t.Errorf("10 segments of 1500 bytes took %v at 10,000 bytes each second", d)
		}
		began = time.Now()
		write(t, far, 50_000)
		read(t, near, 50_000)
		if d := time.Since(began); d != 200*time.Millisecond {
			t.Errorf("down, without a rate, it took %v", d)
		}
		near.Close()
		far.Close()
	})
}

// TestSharedRate: two connections share the link.
func TestSharedRate(t *testing.T) {
	bubble(t, linktest.Options{Up: linktest.Conditions{Rate: 80_000}}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		other, otherFar := connect(t, l)
		began := time.Now()
		write(t, near, 1448)
		write(t, other, 1448)
		read(t, otherFar, 1448)
		if d := time.Since(began); d != 300*time.Millisecond {
			t.Errorf("the second of two segments took %v", d)
		}
		other.Close()
		otherFar.Close()
	})
}

// TestCounts is an exchange of a reading and its acknowledgement, as package emulate of scripts/link counts it with the kernel's TCP.
func TestCounts(t *testing.T) {
	bubble(t, linktest.Options{}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		time.Sleep(time.Second)
		up, down := l.Counts()
		if up.Bytes != 60+52 || down.Bytes != 60 {
			t.Errorf("handshake: %+v up, %+v down", up, down)
		}
		write(t, near, 100)
		read(t, far, 100)
		write(t, far, 4)
		read(t, near, 4)
		time.Sleep(time.Second)
		u, d := l.Counts()
		if u, d = u.Sub(up), d.Sub(down); u.Bytes != 152+52 || d.Bytes != 56 || u.Payload != 100 || d.Payload != 4 {
			t.Errorf("exchange: %+v up, %+v down", u, d)
		}
		write(t, near, 4*1448)
		time.Sleep(time.Second)
		if _, more := l.Counts(); more.Bytes-down.Bytes-d.Bytes != 2*52 {
			t.Errorf("four segments were acknowledged by %d bytes", more.Bytes-down.Bytes-d.Bytes)
		}
	})
}

// TestBackPressure: a writer gets so far as the buffers of both ends hold, and goes on when the reader reads.
func TestBackPressure(t *testing.T) {
	bubble(t, linktest.Options{Buffer: 10_000, Up: linktest.Conditions{Delay: time.Second}}, func(t *testing.T, _ *linktest.Link, near, far net.Conn) {
		_ = near.SetWriteDeadline(time.Now().Add(time.Hour))
		n, err := near.Write(make([]byte, 100_000))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n < 10_000 || n > 20_000 {
			t.Errorf("wrote %d bytes that nobody reads: %v", n, err)
		}
		_ = near.SetWriteDeadline(time.Time{})
		var wg sync.WaitGroup
		wg.Go(func() { write(t, near, 100_000) })
		read(t, far, n+100_000)
		wg.Wait()
	})
}

// TestBuffer: not more than a buffer in each round trip.
func TestBuffer(t *testing.T) {
	bubble(t, linktest.Options{Buffer: 14_480, Up: linktest.Conditions{Delay: 300 * time.Millisecond}, Down: linktest.Conditions{Delay: 300 * time.Millisecond}},
		func(t *testing.T, _ *linktest.Link, near, far net.Conn) {
			began := time.Now()
			var wg sync.WaitGroup
			wg.Go(func() { write(t, near, 144_800) })
			read(t, far, 144_800)
			if d := time.Since(began); d != 9*600*time.Millisecond+300*time.Millisecond {
				t.Errorf("ten buffers took %v with a round trip of 600ms", d)
			}
			wg.Wait()
		})
}

func TestLoss(t *testing.T) {
	sent := make([]byte, 300_000)
	for i := range sent {
		sent[i] = byte(i * 7 / 3)
	}
	bad := linktest.Conditions{Delay: 100 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1}
	bubble(t, linktest.Options{Up: bad, Down: bad, Seed: 3}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = near.Write(sent) })
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("what came is not what was sent: %v", err)
		}
		wg.Wait()
		if up, _ := l.Counts(); up.Lost == 0 || up.Payload != 300_000 || up.Bytes < 300_000+up.Packets*52 {
			t.Errorf("%+v", up)
		}
	})
}

func TestEnds(t *testing.T) {
	t.Run("close", func(t *testing.T) {
		bubble(t, linktest.Options{Up: linktest.Conditions{Delay: time.Second}}, func(t *testing.T, _ *linktest.Link, near, far net.Conn) {
			write(t, near, 5)
			near.Close()
			read(t, far, 5) // what was written before is delivered
			if _, err := far.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
			write(t, far, 1)
			time.Sleep(5 * time.Second)
			if _, err := far.Write([]byte{1}); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("writing to who has closed: %v", err)
			}
			if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("reading what is closed: %v", err)
			}
		})
	})
	t.Run("cut", func(t *testing.T) {
		bubble(t, linktest.Options{}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
			time.AfterFunc(time.Minute, l.Cut)
			for _, c := range []net.Conn{near, far} {
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("read: %v", err)
				}
			}
		})
	})
}

func TestNAT(t *testing.T) {
	for _, reset := range []bool{false, true} {
		bubble(t, linktest.Options{NAT: linktest.NAT{Idle: 300 * time.Second, Reset: reset}}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
			for i := range 10 { // either end keeps it alive
				time.Sleep(299 * time.Second)
				from, to := near, far
				if i%2 == 1 {
					from, to = far, near
				}
				write(t, from, 1)
				read(t, to, 1)
			}
			time.Sleep(300 * time.Second)
			_, _ = near.Write([]byte{1})
			readsNothing(t, far, time.Hour)
			if _, err := near.Write([]byte{1}); reset != errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ETIMEDOUT) {
				t.Errorf("reset %v: %v", reset, err)
			}
			fresh, freshFar := connect(t, l)
			write(t, fresh, 1)
			read(t, freshFar, 1)
			fresh.Close()
			freshFar.Close()
		})
	}
}

// TestBlackHole: what was written comes when the hole ends; if that is too late the sender gives up, and the other end knows nothing.
func TestBlackHole(t *testing.T) {
	bubble(t, linktest.Options{}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		l.BlackHole(true)
		write(t, near, 10)
		readsNothing(t, far, time.Minute)
		l.BlackHole(false)
		read(t, far, 10)
		up, _ := l.Counts()
		if up.Lost < 5 || up.Lost > 12 || up.Payload != 10 {
			t.Errorf("a minute of doubling intervals: %+v", up)
		}
		l.BlackHole(true)
		write(t, near, 10)
		began := time.Now()
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("the sender is told %v", err)
		}
		if d := time.Since(began); d < 15*time.Minute || d > 17*time.Minute {
			t.Errorf("after %v", d)
		}
		readsNothing(t, far, time.Hour)
	})
}

// TestStall: 0 bit/s, and nobody is told.
func TestStall(t *testing.T) {
	bubble(t, linktest.Options{Up: linktest.Conditions{Rate: 12_000, Delay: time.Second}}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		l.Stall(true)
		write(t, near, 2*1448)
		readsNothing(t, far, time.Hour)
		l.Stall(false)
		began := time.Now()
		read(t, far, 2*1448)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("two segments that take a second each came after %v", d)
		}
		if up, _ := l.Counts(); up.Lost != 0 {
			t.Errorf("%d packets lost", up.Lost)
		}
	})
}

func TestInterface(t *testing.T) {
	bubble(t, linktest.Options{}, func(t *testing.T, l *linktest.Link, near, far net.Conn) {
		l.SetUp(false)
		write(t, near, 1)
		readsNothing(t, far, time.Minute)
		if _, err := l.Dial(t.Context(), config.Server{}); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("dial: %v", err)
		}
		l.SetUp(true)
		read(t, far, 1)
		l.Rehome()
		write(t, near, 1)
		readsNothing(t, far, time.Minute)
	})
}

func TestDial(t *testing.T) {
	tests := []struct {
		name string
		set  func(*linktest.Link)
		want error
		took time.Duration
	}{
		{"black hole", func(l *linktest.Link) { l.BlackHole(true) }, context.DeadlineExceeded, time.Minute},
		{"stall", func(l *linktest.Link) { l.Stall(true) }, context.DeadlineExceeded, time.Minute},
		{"refused", func(l *linktest.Link) { l.Refuse(true) }, syscall.ECONNREFUSED, 200 * time.Millisecond},
		{"nobody listens", func(l *linktest.Link) { l.Listener().Close() }, syscall.ECONNREFUSED, 200 * time.Millisecond},
		{"a hole that ends", func(l *linktest.Link) {
			l.BlackHole(true)
			time.AfterFunc(5*time.Second, func() { l.BlackHole(false) })
		}, nil, 7200 * time.Millisecond}, // SYN after 0, 1, 3 and 7 s
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := linktest.Conditions{Delay: 100 * time.Millisecond}
				l := linktest.New(linktest.Options{Up: way, Down: way})
				test.set(l)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				conn, err := l.Dial(ctx, config.Server{})
				if !errors.Is(err, test.want) || time.Since(began) != test.took {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				if err == nil {
					conn.Close()
				}
				if l.Dials() != 1 {
					t.Errorf("%d dials", l.Dials())
				}
			})
		})
	}
}

// TestRealTime: it works where time passes, with several who write and read at once.
func TestRealTime(t *testing.T) {
	l := linktest.New(linktest.Options{Up: linktest.Conditions{Rate: 100_000_000, Delay: time.Millisecond}, Buffer: 8 << 10})
	near, far := connect(t, l)
	var wg sync.WaitGroup
	for _, c := range []net.Conn{near, far} {
		wg.Go(func() { write(t, c, 200_000) })
		wg.Go(func() { read(t, c, 200_000) })
	}
	wg.Wait()
	near.Close()
	far.Close()
}
