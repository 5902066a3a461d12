package uplink

import (
	"strings"
	"testing"
	"time"
)

// watched is a standing that has looked each minute for a time, with a message after each interval.
func watched(s *standing, now *time.Time, d, every, interval time.Duration) (turns int) {
	for range int(d / time.Minute) {
		*now = now.Add(time.Minute)
		if now.Sub(s.begun)%every < time.Minute {
			s.sent(*now, true)
		}
		if s.look(*now, interval) {
			turns++
		}
	}
	return turns
}

func newTestStanding(connect int64) (*standing, *time.Time) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	s := &standing{linger: 10 * time.Second, ping: pingTLS, begun: now}
	s.connected(connect - 2*pingTLS)
	return s, &now
}

// TestStanding: what is cheaper hangs on how often something is sent, what a connection costs, and how long it may be silent.
func TestStanding(t *testing.T) {
	for name, c := range map[string]struct {
		every, interval time.Duration
		connect         int64
		demand          bool
	}{
		// 3600/240 x 204 = 3,060 B/h against one connection.
		"a reading an hour, NAT of 4 min, resumed":      {time.Hour, 4 * time.Minute, 1900, true},
		"the same, a full handshake":                    {time.Hour, 4 * time.Minute, 3600, false},
		"a reading in 15 min, NAT of 4 min":             {15 * time.Minute, 4 * time.Minute, 1900, false},
		"a reading an hour, NAT of 20 min":              {time.Hour, 20 * time.Minute, 1900, false},
		"a reading in 6 hours, NAT of 20 min, dear":     {6 * time.Hour, 20 * time.Minute, 5600, false},
		"a reading in 12 hours, NAT of 20 min, dear":    {12 * time.Hour, 20 * time.Minute, 4500, true},
		"a reading a minute: there is nothing to leave": {time.Minute, 2 * time.Minute, 400, false},
	} {
		s, now := newTestStanding(c.connect)
		turns := watched(s, now, 72*time.Hour, c.every, c.interval)
		if demand, why := s.mode(); demand != c.demand || turns > 1 || !strings.Contains(why, "B/h") {
			t.Errorf("%s: on demand %v after %d turns (%s)", name, demand, turns, why)
		}
	}
}

// TestStandingTurns: it goes back when that is cheaper again, and not because both cost about the same.
func TestStandingTurns(t *testing.T) {
	s, now := newTestStanding(1900)
	if n := watched(s, now, 5*time.Hour+50*time.Minute, time.Hour, 4*time.Minute); n != 0 {
		t.Error("it has turned before it was watched for long")
	}
	if watched(s, now, time.Hour, time.Hour, 4*time.Minute); !s.demand {
		t.Fatalf("it stays: %s", s.why)
	}
	if n := watched(s, now, 72*time.Hour, 40*time.Minute, 4*time.Minute); n != 0 { // 1,900 against 2,040 B
		t.Errorf("it turned %d times for nothing", n)
	}
	if n := watched(s, now, 72*time.Hour, 5*time.Minute, 4*time.Minute); n != 1 || s.demand {
		t.Errorf("%d turns, on demand %v: %s", n, s.demand, s.why)
	}
}

// TestStandingOutage: while the link is not in use nothing is weighed.
func TestStandingOutage(t *testing.T) {
	s, now := newTestStanding(1900)
	s.sent(*now, true)
	s.lost()
	for range 24 * 60 {
		*now = now.Add(time.Minute)
		s.look(*now, 4*time.Minute)
	}
	if s.demand {
		t.Errorf("an outage has turned it: %s", s.why)
	}
}

// TestStandingQoS0: what is not kept while there is no connection has the link stay.
func TestStandingQoS0(t *testing.T) {
	s, now := newTestStanding(1900)
	watched(s, now, 24*time.Hour, time.Hour, 4*time.Minute)
	if !s.demand {
		t.Fatal(s.why)
	}
	s.sent(*now, false)
	if !s.look(*now, 4*time.Minute) || s.demand || !strings.Contains(s.why, "QoS 0") {
		t.Errorf("on demand %v: %s", s.demand, s.why)
	}
	if watched(s, now, 48*time.Hour, time.Hour, 4*time.Minute); !s.demand {
		t.Errorf("a day later it stays: %s", s.why)
	}
}
