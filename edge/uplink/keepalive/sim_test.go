package keepalive_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/keepalive"
)

// sim is a client with a learner, a server, and a link between them.
type sim struct {
	t      *testing.T
	nat    nat
	bounds keepalive.Bounds
	maxAge uint16 // the server's own limit: Server Keep Alive; 0: it takes what CONNECT says

	line    keepalive.Line // guarded by mu, as the rest
	mu      sync.Mutex
	learner *keepalive.Learner
	writes  int // changes of the state
	lost    int // connections
	pings   int
	tooLate int // times the server missed us
	outage  time.Time
	conn    *client.Conn
	server  *side
	random  *rand.Rand
	end     context.CancelFunc
	over    sync.WaitGroup
}

// play runs a test in a bubble with a simulation that has begun.
func play(t *testing.T, s *sim, f func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.t, s.random = t, rand.New(rand.NewPCG(1, uint64(s.nat.after)))
		if s.bounds == (keepalive.Bounds{}) {
			s.bounds = keepalive.Bounds{Floor: time.Minute, Ceiling: 28 * time.Minute}
		}
		s.learner = keepalive.New(keepalive.State{}, s.bounds, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		s.end = cancel
		s.over.Go(func() { s.run(ctx) })
		defer s.over.Wait()
		defer cancel()
		f()
	})
}

// out tells whether the link is out now.
func (s *sim) out() (bool, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.outage), s.outage
}

// breakFor begins an outage.
func (s *sim) breakFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = time.Now().Add(d)
}

// run does what the uplink does: it connects, serves, and tells the learner what became of it.
func (s *sim) run(ctx context.Context) {
	wait := time.Second
	for ctx.Err() == nil {
		began := time.Now()
		conn, err := s.connect(ctx)
		if err != nil {
			s.learn(func(l *keepalive.Learner) bool { return l.Failed() })
		} else {
			s.serve(ctx, conn)
		}
		if time.Since(began) > time.Minute && err == nil {
			wait = time.Second
		}
		s.sleep(ctx, wait)
		wait = min(2*wait, time.Minute)
	}
}

func (s *sim) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// learn changes what is learned, and the connection's keep-alive with it.
func (s *sim) learn(f func(*keepalive.Learner) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learner.Look(time.Now(), s.line)
	if f(s.learner) {
		s.writes++
	}
	if s.conn != nil {
		s.conn.SetKeepAlive(client.KeepAlive{Ping: s.learner.Interval(), Speak: s.learner.Speak()})
	}
}

// connect dials: in an outage that fails after 30 s.
func (s *sim) connect(ctx context.Context) (*client.Conn, error) {
	if outage, _ := s.out(); outage {
		s.sleep(ctx, 30*time.Second)
		if outage, _ := s.out(); outage {
			return nil, syscall.ETIMEDOUT
		}
	}
	l := newLine(s.nat, s.out)
	ours, theirs := side{line: l, at: 0}, side{line: l, at: 1}
	s.mu.Lock()
	s.server = &theirs
	s.mu.Unlock()
	s.over.Go(func() { s.answer(theirs) })
	connecting, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ceiling := uint16(s.bounds.Connect() / time.Second)
	return client.Open(connecting, ours, &packet.Connect{Version: packet.V5, ClientID: []byte("c"), KeepAlive: ceiling},
		client.ConnOptions{Answered: func(e client.Exchange) {
			s.learn(func(l *keepalive.Learner) bool { return l.Answered(trial(e), time.Now()) })
		}})
}

func trial(e client.Exchange) keepalive.Trial {
	began := e.Began
	if began.IsZero() {
		began = time.Now()
	}
	idle := began.Sub(e.Last)
	return keepalive.Trial{Since: e.Last, Idle: idle, Wall: idle, Unsaid: e.Unsaid, Unheard: e.Unheard}
}

// nothing is a Handler that takes everything.
type nothing struct{}

func (nothing) Receive(*client.Incoming) error { return nil }
func (nothing) Flush()                         {}

func (s *sim) serve(ctx context.Context, conn *client.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.conn = conn
	s.learner.Bound(s.bounds.Server(conn.Server().KeepAlive))
	s.mu.Unlock()
	s.learn(func(l *keepalive.Learner) bool { return l.Connected(time.Now()) })
	err := conn.Serve(ctx, nothing{})
	if ctx.Err() != nil {
		return
	}
	e := conn.Unanswered()
	s.learn(func(l *keepalive.Learner) bool {
		s.conn = nil
		s.lost++
		switch {
		case e.Began.IsZero():
			l.Closed(trial(e), time.Now())
		case errors.Is(err, client.ErrTimeout), errors.Is(err, client.ErrLost):
			l.Lost(trial(e), time.Now())
		default:
			l.Drop()
		}
		return false
	})
}

// answer is the server: it answers, and closes what is silent for one and a half times the Keep Alive.
func (s *sim) answer(conn side) {
	defer conn.Close()
	var buf []byte
	var late atomic.Pointer[time.Timer]
	keepAlive := time.Duration(0)
	for {
		b := make([]byte, 512)
		n, err := conn.Read(b)
		if err != nil {
			if t := late.Load(); t != nil {
				t.Stop()
			}
			return
		}
		if t := late.Load(); t != nil {
			t.Reset(keepAlive * 3 / 2)
		}
		for buf = append(buf, b[:n]...); ; {
			n, _, err := packet.Next(buf, 0)
			if n == 0 || err != nil {
				break
			}
			h, _ := packet.Split(buf[:n:n])
			switch h.Type {
			case packet.CONNECT:
				var c packet.Connect
				_ = c.Decode(h)
				var a packet.Connack
				keepAlive = time.Duration(c.KeepAlive) * time.Second
				if s.maxAge > 0 {
					keepAlive = time.Duration(s.maxAge) * time.Second
					a.Properties = a.Properties.AppendNumber(packet.ServerKeepAlive, uint32(s.maxAge))
				}
				late.Store(time.AfterFunc(keepAlive*3/2, func() {
					conn.line.mu.Lock()
					gone := conn.line.gone || conn.line.nat.after > 0 && time.Since(conn.line.kept) > conn.line.nat.after
					conn.line.mu.Unlock()
					outage, _ := s.out()
					s.mu.Lock()
					if current := s.server; current != nil && current.line == conn.line && !gone && !outage {
						s.tooLate++
					}
					s.mu.Unlock()
					conn.Close()
				}))
				conn.Write(a.Append(nil, packet.V5))
			case packet.PUBLISH:
				var p packet.Publish
				if err := p.Decode(packet.V5, h); err == nil && p.QoS == 1 {
					conn.Write((&packet.Ack{Type: packet.PUBACK, PacketID: p.PacketID}).Append(nil, packet.V5))
				}
			case packet.PINGREQ:
				s.mu.Lock()
				s.pings++
				s.mu.Unlock()
				conn.Write(packet.Pingresp{}.Append(nil, packet.V5))
			}
			buf = buf[n:]
		}
	}
}

// publish sends a QoS 0 message from one of the sides, if there is a connection.
func (s *sim) publish(fromServer bool) {
	s.mu.Lock()
	conn, server := s.conn, s.server
	s.mu.Unlock()
	head := packet.PublishHead{TopicName: "t"}
	switch {
	case fromServer && server != nil:
		_, _ = server.Write((&packet.Publish{TopicName: []byte("t")}).Append(nil, packet.V5))
	case !fromServer && conn != nil:
		if conn.Publish(&head, nil) == nil {
			_ = conn.Flush()
		}
	}
}

// ask sends a QoS 1 message, and gives the connection up when it is not acknowledged within 90 s, as the uplink does.
func (s *sim) ask() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil || conn.Publish(&packet.PublishHead{TopicName: "t", QoS: 1, PacketID: 1}, nil) != nil || conn.Flush() != nil {
		return
	}
	s.over.Go(func() {
		time.Sleep(90 * time.Second)
		if conn.Unacknowledged(1, 1) > 0 {
			conn.Abort(client.ErrTimeout)
		}
	})
}

// status is what the learner says.
func (s *sim) status() keepalive.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.learner.Status()
}

// counts gives what has happened so far.
func (s *sim) counts() (lost, pings, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost, s.pings, s.writes
}

// settle waits until the interval is held, a simulated day at most.
func (s *sim) settle() {
	s.t.Helper()
	for range 24 * 60 {
		if st := s.status(); st.Phase == keepalive.Hold {
			return
		}
		time.Sleep(time.Minute)
	}
	s.t.Fatalf("nothing learned in a day: %v", s.status())
}

const week = 7 * 24 * time.Hour

// TestShortest: the shortest interval that a configuration can have is learned from as any other, also just after the link has come up.
func TestShortest(t *testing.T) {
	for _, floor := range []time.Duration{5 * time.Second, 8 * time.Second} {
		s := &sim{nat: nat{after: 30 * time.Second}, bounds: keepalive.Bounds{Floor: floor, Ceiling: time.Minute}}
		play(t, s, func() {
			s.mu.Lock()
			s.line.Event = time.Now()
			s.mu.Unlock()
			s.settle()
			before, _, _ := s.counts()
			time.Sleep(24 * time.Hour)
			after, _, _ := s.counts()
			if k := s.status().Interval; before > 6 || after != before || k >= 30*time.Second || k < 15*time.Second {
				t.Errorf("from %v: %d lost and %d on the day after it: %v", floor, before, after-before, s.status())
			}
		})
	}
}

// TestFiveMinutes is the figure: a NAT that forgets silently after 300 s.
func TestFiveMinutes(t *testing.T) {
	for _, floor := range []time.Duration{time.Minute, 2 * time.Minute} {
		s := &sim{nat: nat{after: 300 * time.Second}, bounds: keepalive.Bounds{Floor: floor, Ceiling: 28 * time.Minute}}
		play(t, s, func() {
			began := time.Now()
			s.settle()
			lost, _, writes := s.counts()
			t.Logf("from %v: learned in %v with %d connections lost and %d writes: %v", floor, time.Since(began), lost, writes, s.status())
			if lost > 6 {
				t.Errorf("%d connections lost while learning", lost)
			}
			time.Sleep(week)
			after, _, now := s.counts()
			if after != lost || now != writes {
				t.Errorf("%d connections lost in the week after it, %d writes", after-lost, now-writes)
			}
			if k := s.status().Interval; k < 210*time.Second || k >= 300*time.Second {
				t.Errorf("the interval is %v", k)
			}
		})
	}
}

// TestTimers: whatever the timer, it is learned with four connections at most, and then none is lost.
func TestTimers(t *testing.T) {
	var all []nat
	for i, after := range []time.Duration{90, 100, 119, 120, 150, 179, 200, 240, 301, 350, 420, 599, 600, 900, 1199, 1200, 1400, 1679, 1800, 2700, 0} {
		all = append(all, nat{after: after * time.Second, rst: i%2 == 1})
	}
	random := rand.New(rand.NewPCG(7, 7))
	for range 12 {
		all = append(all, nat{after: 90*time.Second + time.Duration(random.Int64N(int64(40*time.Minute)))})
		all[len(all)-1].rst = random.IntN(2) == 0
	}
	for _, n := range all {
		t.Run(fmt.Sprintf("%v rst %v", n.after, n.rst), func(t *testing.T) {
			s := &sim{nat: n}
			play(t, s, func() {
				began := time.Now()
				s.settle()
				lost, _, writes := s.counts()
				t.Logf("learned %v in %v, %d connections lost, %d writes", s.status().Interval, time.Since(began), lost, writes)
				if lost > 4 || writes > 30 {
					t.Errorf("%d connections lost, %d writes", lost, writes)
				}
				time.Sleep(week)
				if after, _, _ := s.counts(); after != lost {
					t.Errorf("%d connections lost in the week after it", after-lost)
				}
				k, best := s.status().Interval, min(n.after, s.bounds.Ceiling)
				if n.after == 0 {
					best = s.bounds.Ceiling
				}
				if k > best || k < best*7/10-30*time.Second {
					t.Errorf("the interval is %v", k)
				}
				if s.tooLate > 0 {
					t.Errorf("the server missed us %d times", s.tooLate)
				}
			})
		})
	}
}
