package uplink_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"skerry/broker/packet"
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

// TestLongLinkAfterRestart: after a power cut nobody knows what the Server holds, but that is no more than one window: the rest of
// a backlog takes no round trip for each message.
func TestLongLinkAfterRestart(t *testing.T) {
	const n = 3000
	for _, version := range []config.Version{config.V5, config.V311} {
		for _, qos := range []byte{1, 2} {
			t.Run(fmt.Sprint(packet.Version(version), " QoS ", qos), func(t *testing.T) {
				play(t, func(t *testing.T, at *station) {
					at.config.Version = version
					at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 20)
					at.options.Dial = far(at.server.dial, 300*time.Millisecond)
					at.start()
					at.online()
					at.server.with(func() { at.server.failing, at.server.fails = true, true })
					at.publishMany(0, 100, qos)
					at.until("some are on their way", func() bool { return at.uplink.Status().Acknowledged > 0 })
					at.server.with(func() { at.server.down = true })
					at.server.cut()
					at.until("offline", func() bool { return !at.uplink.Status().Online })
					at.publishMany(100, n-100, qos)
					at.reboot()
					at.server.with(func() { at.server.failing, at.server.fails = false, false })
					began := time.Now()
					for at.uplink.Status().Backlog["all"] > 0 {
						if time.Sleep(100 * time.Millisecond); time.Since(began) > time.Hour {
							t.Fatal("it takes too long")
						}
					}
					// 18 or 20 messages for each round trip of QoS 1, and two of QoS 2: 200 s and the attempts to connect.
					if d := time.Since(began); d > 6*time.Minute {
						t.Errorf("%d messages took %v over a link of 600 ms", n, d)
					}
					at.arrived(n, qos == 2)
					if at.server.exceeded > 0 || version == config.V5 && at.server.most > 20 {
						t.Errorf("%d messages were on their way", at.server.most)
					}
				})
			})
		}
	}
}

// TestStallWhileDialling: where a link is known to stall for 70 s, an attempt lives through it; elsewhere the next one comes sooner.
func TestStallWhileDialling(t *testing.T) {
	for name, lives := range map[string]bool{"certus": true, "nb-iot": true, "cellular": false} {
		play(t, func(t *testing.T, at *station) {
			at.connectCables(config.Link{Name: "sat", Interface: "ppp0", Kind: name, Session: config.Always})
			stall := time.After(70 * time.Second)
			at.options.DialLink = func(ctx context.Context, l config.Link, s config.Server) (net.Conn, error) {
				select {
				case <-stall:
					stall = time.After(0)
					return at.server.dial(ctx, s)
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			at.start()
			time.Sleep(2 * time.Minute)
			if s := at.uplink.Status(); !s.Online || (s.Links[0].Attempts == 1) != lives {
				t.Errorf("%s: online %v after %d attempts", name, s.Online, s.Links[0].Attempts)
			}
		})
	}
}
