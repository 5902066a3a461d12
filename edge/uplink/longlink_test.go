package uplink_test

import (
	"context"
	"net"
	"testing"
	"time"

	"skerry/edge/config"
)

// far makes the way of a dial long: bytes take delay in each direction.
func far(dial func(context.Context, config.Server) (net.Conn, error), delay time.Duration) func(context.Context, config.Server) (net.Conn, error) {
	return func(ctx context.Context, s config.Server) (net.Conn, error) {
		there, err := dial(ctx, s)
		if err != nil {
			return nil, err
		}
		ours, here := net.Pipe()
		go carryLate(there, here, delay)
		go carryLate(here, there, delay)
		return ours, nil
	}
}

// carryLate copies from one stream to another, each byte after delay, until one of them ends.
func carryLate(to, from net.Conn, delay time.Duration) {
	type piece struct {
		b  []byte
		at time.Time
	}
	pieces := make(chan piece, 10_000)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			pieces <- piece{b[:n], time.Now().Add(delay)}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.b); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range pieces {
	}
}

// TestLongLink: a backlog over a geostationary satellite takes a few round trips, not one for each twenty messages.
func TestLongLink(t *testing.T) {
	for qos, limit := range map[byte]time.Duration{1: 3 * time.Second, 2: 4 * time.Second} {
		play(t, func(t *testing.T, at *station) {
			at.options.Dial = far(at.server.dial, 300*time.Millisecond)
			at.start()
			at.online()
			at.server.with(func() { at.server.down = true })
			at.server.cut()
			at.until("offline", func() bool { return !at.uplink.Status().Online })
			at.publishMany(0, 1000, qos)
			at.server.with(func() { at.server.down = false })
			for !at.uplink.Status().Online {
				time.Sleep(10 * time.Millisecond)
			}
			began := time.Now()
			for at.uplink.Status().Backlog["all"] > 0 {
				if time.Sleep(10 * time.Millisecond); time.Since(began) > time.Minute {
					t.Fatal("it takes too long")
				}
			}
			if d := time.Since(began); d > limit {
				t.Errorf("1,000 messages of QoS %d took %v over a link of 600 ms", qos, d)
			}
			at.arrived(1000, true)
		})
	}
}
