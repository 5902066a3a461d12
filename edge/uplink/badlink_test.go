package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/linktest"
)

// over lays a link between the station and its server.
func (at *station) over(o linktest.Options) *linktest.Link {
	l := linktest.New(o)
	at.options.Dial = l.Dial
	listener := l.Listener()
	at.t.Cleanup(l.Close)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go at.server.serve(conn)
		}
	}()
	return l
}

// drained waits until nothing waits any more.
func (at *station) drained(patience time.Duration) {
	at.t.Helper()
	for began := time.Now(); at.uplink.Status().Backlog["all"] > 0; time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > patience {
			at.t.Fatalf("%d messages still wait after %v", at.uplink.Status().Backlog["all"], patience)
		}
	}
}

// satellite is as slow and far as Iridium Certus.
func satellite() linktest.Options {
	return linktest.Options{
		Up:   linktest.Conditions{Rate: 22_000, Delay: 500 * time.Millisecond, Jitter: 100 * time.Millisecond, Loss: 0.005},
		Down: linktest.Conditions{Rate: 88_000, Delay: 500 * time.Millisecond, Jitter: 100 * time.Millisecond, Loss: 0.005},
	}
}

// TestSlowLink: a link that is full is not a dead one, and nothing is sent twice over it.
func TestSlowLink(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			link := at.over(satellite())
			at.start()
			at.publishMany(0, 3000, qos)
			at.drained(10 * time.Minute)
			at.arrived(3000, true)
			if s := at.uplink.Status(); s.Repeated > 0 || s.Connections != 1 {
				t.Errorf("QoS %d: %d messages were sent again, %d connections", qos, s.Repeated, s.Connections)
			}
			if up, _ := link.Counts(); up.Payload > 3000*40*int64(qos) {
				t.Errorf("QoS %d: %d bytes up", qos, up.Payload)
			}
		})
	}
}

// TestForgetfulNAT: with a keep-alive above what the NAT remembers each message falls into a dead connection, and arrives all the same.
func TestForgetfulNAT(t *testing.T) {
	for _, reset := range []bool{false, true} {
		play(t, func(t *testing.T, at *station) {
			at.config.KeepAlive = config.KeepAlive{Min: 20 * time.Minute, Max: 20 * time.Minute}
			at.over(linktest.Options{NAT: linktest.NAT{Idle: 300 * time.Second, Reset: reset}})
			at.start()
			for i := range 10 {
				at.publishMany(i, 1, 2)
				at.drained(3 * time.Minute)
				time.Sleep(10 * time.Minute)
			}
			at.arrived(10, true)
			if n := at.uplink.Status().Connections; n != 10 {
				t.Errorf("RST %v: %d connections for 10 messages", reset, n)
			}
		})
	}
}

// TestBadWeek: a week of a link to which everything happens, in any order, loses nothing and repeats nothing.
func TestBadWeek(t *testing.T) {
	for seed := range uint64(soaks+2) / 3 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				o := satellite()
				o.Seed, o.NAT = seed, linktest.NAT{Idle: 10 * time.Minute, Reset: seed%2 == 0}
				link, chance := at.over(o), rand.New(rand.NewPCG(seed, 5))
				at.start()
				n := 0
				for range 200 {
					trouble(link, chance)
					for end := time.Now().Add(time.Duration(chance.Int64N(int64(time.Hour)))); time.Now().Before(end); n++ {
						at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", n%10), Payload: fmt.Append(nil, n), QoS: 2})
						time.Sleep(time.Duration(chance.Int64N(int64(4 * time.Minute))))
					}
				}
				time.Sleep(10 * time.Minute) // the last trouble ends
				at.drained(time.Hour)
				at.arrived(n, true)
			})
		})
	}
}

// trouble is one of what happens to links. It ends by itself.
func trouble(l *linktest.Link, chance *rand.Rand) {
	length := time.Duration(chance.Int64N(int64(10 * time.Minute)))
	switch chance.IntN(6) {
	case 0:
		l.Cut()
	case 1:
		l.BlackHole(true)
		time.AfterFunc(length, func() { l.BlackHole(false) })
	case 2:
		l.Stall(true)
		time.AfterFunc(length, func() { l.Stall(false) })
	case 3:
		l.SetUp(false)
		time.AfterFunc(length, func() { l.SetUp(true) })
	case 4:
		l.Rehome()
	case 5:
		l.Forget()
	}
}
