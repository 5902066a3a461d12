package keepalive_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/edge/uplink/keepalive"
)

// TestTenMinutes: an outage of ten minutes, wherever it begins in a silence, changes nothing that is known.
func TestTenMinutes(t *testing.T) {
	s := &sim{nat: nat{after: 20 * time.Minute}}
	play(t, s, func() {
		s.settle()
		known := s.status()
		for i := range 500 {
			time.Sleep(2*time.Hour + time.Duration(i)*7*time.Second)
			s.breakFor(10 * time.Minute)
			time.Sleep(time.Hour)
			if now := s.status(); now.Interval < known.Interval || now.Proven != known.Proven || now.Refuted != known.Refuted {
				t.Fatalf("outage %d has turned %v into %v", i, known, now)
			}
		}
	})
}

// TestOutages: outages of any length at any time, one every two hours on average, while a path is learned and after it. Nothing that
// the path keeps is given up, and nothing is held that it does not keep.
func TestOutages(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := nat{after: 90*time.Second + time.Duration(random.Int64N(int64(43*time.Minute))), rst: random.IntN(2) == 0}
		if seed%5 == 0 {
			n.after = 0
		}
		t.Run(fmt.Sprintf("%d %v", seed, n.after), func(t *testing.T) {
			s := &sim{nat: n}
			play(t, s, func() {
				for end := time.Now().Add(week); time.Now().Before(end); {
					time.Sleep(10*time.Minute + time.Duration(random.Int64N(int64(220*time.Minute))))
					length := time.Duration(random.ExpFloat64() * float64(4*time.Minute))
					s.breakFor(length)
					time.Sleep(length)
				}
				now, best := s.status(), s.bounds.Ceiling
				if n.after > 0 {
					best = min(best, n.after)
				}
				if now.Phase != keepalive.Hold || now.Interval > best || now.Proven > best || now.Interval < best*6/10-30*time.Second {
					t.Errorf("after a week: %v", now)
				}
			})
		})
	}
}

// TestShortOutages: outages that each begin in a silence and end within the minute after it look like a timer. Two of them in a row have a
// shorter interval tried, and then what was held once more, which restores it the same day.
func TestShortOutages(t *testing.T) {
	for _, n := range []nat{{after: 20 * time.Minute}, {}} {
		s := &sim{nat: n}
		play(t, s, func() {
			s.settle()
			known := s.status()
			for i := range 20 {
				_, before, _ := s.counts()
				for pings := before; pings == before; _, pings, _ = s.counts() {
					time.Sleep(time.Second)
				}
				for range 2 { // a connection is lost with the next PINGREQ, and so is the one after it
					time.Sleep(s.status().Interval - 10*time.Second)
					s.breakFor(45 * time.Second)
					time.Sleep(10 * time.Second)
					s.connected()
				}
				if now := s.status(); now.Interval >= known.Interval {
					t.Fatalf("pair %d: %v", i, now) // it does look like a timer
				}
				time.Sleep(24 * time.Hour)
				if now := s.status(); now.Phase != keepalive.Hold || now.Interval != known.Interval || now.Proven != known.Proven || now.Refuted != known.Refuted {
					t.Fatalf("pair %d has turned %v into %v", i, known, now)
				}
			}
		})
	}
}

// connected waits until the connection that stands now is another one.
func (s *sim) connected() {
	has := func() *client.Conn {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.conn
	}
	for before, now := has(), has(); now == nil || now == before; now = has() {
		time.Sleep(time.Second)
	}
}

// TestFlapping: a link that is out for less than a minute, again and again, at any time.
func TestFlapping(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 3))
		s := &sim{nat: nat{after: 20 * time.Minute}}
		play(t, s, func() {
			s.settle()
			known := s.status()
			for end := time.Now().Add(4 * week); time.Now().Before(end); {
				time.Sleep(time.Minute + time.Duration(random.ExpFloat64()*float64(20*time.Minute)))
				s.breakFor(30*time.Second + time.Duration(random.Int64N(int64(25*time.Second))))
			}
			time.Sleep(24 * time.Hour)
			if now := s.status(); now.Interval < known.Interval*95/100 {
				t.Errorf("seed %d: %v has become %v", seed, known, now)
			}
		})
	}
}

// TestOutagesOfTheBusy: messages that are lost with a connection after a silence, in outages, lower nothing.
func TestOutagesOfTheBusy(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := &sim{nat: nat{after: 20 * time.Minute}}
		play(t, s, func() {
			s.settle()
			known := s.status()
			end := time.Now().Add(week)
			for outage := time.Now(); time.Now().Before(end); {
				if time.Now().After(outage) {
					length := time.Duration(random.ExpFloat64() * float64(5*time.Minute))
					s.breakFor(length)
					outage = time.Now().Add(length + time.Hour + time.Duration(random.Int64N(int64(4*time.Hour))))
				}
				s.ask()
				time.Sleep(3*time.Minute + time.Duration(random.Int64N(int64(2*time.Second))))
			}
			if now := s.status(); now.Interval != known.Interval || now.Refuted != known.Refuted {
				t.Errorf("seed %d: %v has become %v", seed, known, now)
			}
		})
	}
}

// TestAsker: a timer that fires between two messages, and before a PINGREQ would be due, is found by what they are lost with.
func TestAsker(t *testing.T) {
	s := &sim{nat: nat{after: 20 * time.Minute}}
	play(t, s, func() {
		s.settle()
		s.mu.Lock()
		s.nat.after = 4 * time.Minute
		s.mu.Unlock()
		s.server.line.mu.Lock()
		s.server.line.nat.after = 4 * time.Minute
		s.server.line.mu.Unlock()
		ask := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Minute) {
				s.ask()
			}
		}
		before, _, _ := s.counts()
		ask(24 * time.Hour)
		after, _, _ := s.counts()
		ask(week)
		if last, _, _ := s.counts(); after-before > 6 || last != after {
			t.Errorf("%d lost on the first day, %d in the week after it: %v", after-before, last-after, s.status())
		}
	})
}

// TestFrozen: on a bad signal, while roaming, and just after the link came up, losses and answers say nothing.
func TestFrozen(t *testing.T) {
	for name, line := range map[string]keepalive.Line{"poor": {Poor: true}, "roaming": {Roaming: true}} {
		t.Run(name, func(t *testing.T) {
			s := &sim{nat: nat{after: 30 * time.Second}, line: line}
			play(t, s, func() {
				before := s.status()
				time.Sleep(12 * time.Hour)
				lost, _, writes := s.counts()
				if now := s.status(); lost == 0 || writes > 0 || now.Interval != before.Floor || now.Proven > 0 || now.Refuted > 0 || now.Frozen == "" {
					t.Errorf("%d lost, %d written: %v", lost, writes, now)
				}
			})
		})
	}
}

// TestEvents: a link that moves in each silence is not learned from.
func TestEvents(t *testing.T) {
	s := &sim{nat: nat{after: 30 * time.Second}}
	play(t, s, func() {
		for range 12 * 60 {
			s.mu.Lock()
			s.line.Event = time.Now()
			s.mu.Unlock()
			time.Sleep(time.Minute)
		}
		if lost, _, writes := s.counts(); lost == 0 || writes > 0 {
			t.Errorf("%d lost, %d written: %v", lost, writes, s.status())
		}
	})
}

// TestOneWay: timers that only one direction keeps, and that TCP's own acknowledgements do not, with traffic the other way.
func TestOneWay(t *testing.T) {
	for name, n := range map[string]nat{
		"in": {inOnly: true}, "out": {outOnly: true}, "data": {dataOnly: true},
		"in, data": {inOnly: true, dataOnly: true}, "out, data": {outOnly: true, dataOnly: true},
	} {
		for _, fromServer := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, from the server %v", name, fromServer), func(t *testing.T) {
				n.after = 5 * time.Minute
				s := &sim{nat: n}
				play(t, s, func() {
					talk := func(d time.Duration) {
						for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Second) {
							s.publish(fromServer)
						}
					}
					talk(6 * time.Hour) // nothing can be learned of a timer that never fires; of one that does, a little
					time.Sleep(6 * time.Hour)
					s.settle()
					talk(6 * time.Hour)
					before, _, _ := s.counts()
					talk(24 * time.Hour)
					after, _, _ := s.counts()
					t.Logf("%d lost: %v", after, s.status())
					if before > 12 || after != before {
						t.Errorf("%d connections lost, %d of them on the last day: %v", after, after-before, s.status())
					}
				})
			})
		}
	}
}

// TestReceiver: a client that only receives QoS 0 sends nothing but what the server's Keep Alive asks for.
func TestReceiver(t *testing.T) {
	s := &sim{}
	play(t, s, func() {
		for range 24 * 60 {
			s.publish(true)
			time.Sleep(time.Minute)
		}
		lost, pings, _ := s.counts()
		most := int(24*time.Hour/s.bounds.Connect()) + 2
		if lost > 0 || s.tooLate > 0 || pings > most {
			t.Errorf("%d lost, missed %d times, %d pings, want %d at most", lost, s.tooLate, pings, most)
		}
	})
}

// TestServerLimit: a server that measures by less than CONNECT asks for is never kept waiting, and what it allows is used.
func TestServerLimit(t *testing.T) {
	for _, limit := range []uint16{30, 60, 300, 1177, 1200} {
		s := &sim{maxAge: limit}
		play(t, s, func() {
			time.Sleep(week)
			lost, _, _ := s.counts()
			allowed := time.Duration(limit) * time.Second
			if k := s.status().Interval; lost > 0 || s.tooLate > 0 || k > allowed || k < allowed*8/10 {
				t.Errorf("limit %v: %d lost, missed %d times: %v", allowed, lost, s.tooLate, s.status())
			}
		})
	}
}

// TestHangUp: a balancer that closes what is silent tells so, always after the same time.
func TestHangUp(t *testing.T) {
	for _, hold := range []time.Duration{100 * time.Second, 350 * time.Second, 20 * time.Minute} {
		s := &sim{nat: nat{hold: hold}}
		play(t, s, func() {
			s.settle()
			before, _, _ := s.counts()
			time.Sleep(week)
			after, _, _ := s.counts()
			if k := s.status().Interval; before > 4 || after != before || k >= hold || k < hold*7/10-30*time.Second {
				t.Errorf("closed after %v: %d lost and %d in the week after it: %v", hold, before, after-before, s.status())
			}
		})
	}
}

// TestTooShort: a path that forgets within the lower bound costs connections, and says so.
func TestTooShort(t *testing.T) {
	s := &sim{nat: nat{after: 50 * time.Second}}
	play(t, s, func() {
		time.Sleep(24 * time.Hour)
		if st := s.status(); !st.TooShort || st.Interval != st.Floor {
			t.Errorf("%v", st)
		}
		s.mu.Lock()
		s.bounds.Floor = 30 * time.Second
		s.mu.Unlock()
		time.Sleep(24 * time.Hour)
		if st := s.status(); st.TooShort || st.Interval >= 50*time.Second {
			t.Errorf("with a lower bound: %v", st)
		}
	})
}

// TestChange: a provider that changes its timer is followed, downwards at once and upwards in the end.
func TestChange(t *testing.T) {
	s := &sim{nat: nat{after: 20 * time.Minute}}
	change := func(after time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.nat.after = after
	}
	play(t, s, func() {
		s.settle()
		change(6 * time.Minute)
		s.server.line.mu.Lock()
		s.server.line.nat.after = 6 * time.Minute
		s.server.line.mu.Unlock()
		time.Sleep(24 * time.Hour)
		before, _, _ := s.counts()
		if st := s.status(); st.Phase != keepalive.Hold || st.Interval > 6*time.Minute || st.Interval < 4*time.Minute {
			t.Errorf("shorter: %v", st)
		}
		time.Sleep(week)
		if after, _, _ := s.counts(); after != before {
			t.Errorf("%d lost in the week after it", after-before)
		}
		change(0)
		s.server.line.mu.Lock()
		s.server.line.nat.after = 0
		s.server.line.mu.Unlock()
		time.Sleep(3 * week)
		if st := s.status(); st.Interval < 25*time.Minute {
			t.Errorf("longer: %v", st)
		}
	})
}

// TestProbe: an interval that failed is tried again after a fortnight, and costs one connection then.
func TestProbe(t *testing.T) {
	s := &sim{nat: nat{after: 5 * time.Minute}}
	play(t, s, func() {
		s.settle()
		before, _, _ := s.counts()
		time.Sleep(10 * week)
		after, _, _ := s.counts()
		if n := after - before; n < 4 || n > 5 {
			t.Errorf("%d lost in ten weeks: %v", n, s.status())
		}
	})
}

// TestPublisher: who publishes more often than the interval finds out by that, too. Each message is sent at QoS 0, and nothing answers.
func TestPublisher(t *testing.T) {
	for _, every := range []time.Duration{40 * time.Second, 150 * time.Second, 10 * time.Minute} {
		for _, after := range []time.Duration{100 * time.Second, 5 * time.Minute} {
			s := &sim{nat: nat{after: after}}
			play(t, s, func() {
				talk := func(d time.Duration) {
					for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(every) {
						s.publish(false)
					}
				}
				talk(24 * time.Hour)
				before, _, _ := s.counts()
				talk(week)
				if after, _, _ := s.counts(); before > 6 || after != before {
					t.Errorf("every %v: %d lost on the first day, %d in the week after it: %v", every, before, after-before, s.status())
				}
			})
		}
	}
}

// TestTalker: a timer that only what is received keeps is found while messages at QoS 0 are being sent all the time.
func TestTalker(t *testing.T) {
	s := &sim{nat: nat{after: 80 * time.Second, inOnly: true, dataOnly: true}}
	play(t, s, func() {
		talk := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Second) {
				s.publish(false)
			}
		}
		talk(24 * time.Hour)
		before, _, _ := s.counts()
		talk(week)
		if after, _, _ := s.counts(); before > 4 || after != before {
			t.Errorf("%d lost on the first day, %d in the week after it: %v", before, after-before, s.status())
		}
	})
}
