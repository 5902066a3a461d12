package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/pack"
)

// alarming is the configuration of one stream of alarms that leave in blocks.
func alarming() []config.Stream {
	return []config.Stream{{Name: "alarms", Match: []string{"#"}, Class: config.AlarmClass, Encode: config.EncodePack}}
}

// isPrimer tells whether a message is a primer.
func isPrimer(p *packet.Publish) bool { return strings.HasSuffix(string(p.TopicName), "/primer") }

// reported checks that of each topic the alarms 0 to n came in their order, each once.
func (at *station) reported(n int) {
	at.t.Helper()
	for topic := range 10 {
		name := fmt.Sprintf("farm/t/%d", topic)
		want := topic
		for _, p := range at.server.payloads(name) {
			var when int64
			if _, err := fmt.Sscanf(p[strings.Index(p, `"time":`)+7:], "%d", &when); err != nil {
				at.t.Fatal(err)
			}
			if got := int(when - 1764380400000); got != want {
				at.t.Errorf("%s: alarm %d came, want %d", name, got, want)
				return
			}
			want += 10
		}
		if want < n {
			at.t.Errorf("%s: alarm %d has not come", name, want)
		}
	}
}

// TestPrimerKeepsOrder: of what was cut off on its way no primer tells anything before it has arrived in its turn.
func TestPrimerKeepsOrder(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = alarming()
		at.streams[0].Block = 120
		at.start()
		at.online()
		send := func(from, to int) {
			for i := from; i < to; i++ {
				at.alarmNumber(i)
				time.Sleep(time.Second)
			}
		}
		send(0, 3)
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } }) // sent, and lost
		send(3, 100)
		at.server.with(func() { at.server.answer = nil })
		at.server.cut()
		at.online()
		at.allIn()
		send(100, 150)
		at.allIn()
		at.reported(150)
		if at.uplink.Status().PrimersSent == 0 {
			t.Error("no primer was sent")
		}
	})
}

// TestPrimerAfterRefusal: what the server has refused does not arrive in a primer before what is older.
func TestPrimerAfterRefusal(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = alarming()
		at.streams[0].Block = 120
		refused := 0
		at.start()
		at.online()
		at.server.with(func() {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				if isPrimer(p) || refused > 30 {
					return packet.Success, true
				}
				refused++
				return packet.QuotaExceeded, true
			}
			at.server.late = 25 * time.Second
		})
		for i := range 60 {
			at.alarmNumber(i)
			time.Sleep(time.Second)
		}
		at.allIn()
		at.reported(60)
	})
}

// TestPrimedExactlyOnce: over cuts, lost sessions, power cuts and restarts alarms come once, each topic in its order, whatever is on its way beside a primer, and
// however many packets the server takes at a time.
func TestPrimedExactlyOnce(t *testing.T) {
	for seed := range uint64(max(6, soaks)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				r := rand.New(rand.NewPCG(seed, 78))
				at.streams = alarming()
				at.streams[0].Block = config.Size(r.IntN(3) * 150)
				if most := []uint32{0, 1, 2, 30}[seed%4]; most > 0 {
					at.server.limits = packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, most)
				}
				at.server.failing = seed%3 == 1
				at.start()
				n := 0
				for range 30 {
					for range r.IntN(40) {
						at.alarmNumber(n)
						if n++; r.IntN(3) > 0 {
							time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
						}
					}
					at.server.with(func() { at.server.late = time.Duration(r.IntN(3)) * time.Second })
					if k := r.IntN(8); k < 5 {
						mishap(at, r, k)
					}
				}
				at.server.with(func() { at.server.down, at.server.failing, at.server.late = false, false, 0 })
				at.server.cut()
				at.online()
				at.allIn()
				at.reported(n)
				if at.server.exceeded > 0 || len(at.server.primers) == 0 {
					t.Errorf("Receive Maximum was exceeded %d times, %d primers", at.server.exceeded, len(at.server.primers))
				}
			})
		})
	}
}

// TestPrimerWithinReceiveMaximum: a server that takes one packet at a time gets its primer too, and an alarm does not wait for longer than its answer takes.
func TestPrimerWithinReceiveMaximum(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = alarming()
		at.server.limits = packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 1)
		at.start()
		at.online()
		for i := range 60 {
			at.alarmNumber(i)
			time.Sleep(time.Second)
		}
		at.allIn()
		at.reported(60)
		last := at.server.blocks[len(at.server.blocks)-1]
		if n := at.uplink.Status().PrimersSent; n == 0 || n > 4 || len(last.Payload) > 40 || at.server.exceeded > 0 {
			t.Errorf("%d primers, the last block has %d bytes, Receive Maximum was exceeded %d times", n, len(last.Payload), at.server.exceeded)
		}
	})
}

// TestPrimerOfSmallBlocks: that blocks are to be small does not make the primer useless, and none is sent again and again for it.
func TestPrimerOfSmallBlocks(t *testing.T) {
	for _, block := range []config.Size{1, 100, 0} {
		play(t, func(t *testing.T, at *station) {
			at.streams = alarming()
			at.streams[0].Block = block
			at.start()
			at.online()
			for i := range 300 {
				at.alarmNumber(i)
				time.Sleep(time.Second)
			}
			at.allIn()
			at.reported(300)
			last := at.server.blocks[len(at.server.blocks)-1]
			if n := at.uplink.Status().PrimersSent; n == 0 || n > 4 || len(last.Payload) > 40 {
				t.Errorf("block %d: %d primers, the last block has %d bytes", block, n, len(last.Payload))
			}
		})
	}
}

// TestPrimerOfManyTopics: of a stream of ten thousand topics a primer has what it may have, and few are sent.
func TestPrimerOfManyTopics(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = alarming()
		at.start()
		at.online()
		for i := range 10_000 {
			at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d/%d", i%100, i), Payload: fmt.Appendf(nil, `{"alarm":"frost","value":%d.25}`, i%30), QoS: 1})
			if i%10 == 0 {
				time.Sleep(time.Second)
			}
		}
		at.allIn()
		for _, p := range at.server.blocks {
			if isPrimer(&p) && len(p.Payload) > pack.MaxPrimer {
				t.Errorf("a primer of %d bytes", len(p.Payload))
			}
		}
		if s := at.uplink.Status(); len(at.server.unpacked) != 10_000 || s.PrimersSent > 100 {
			t.Errorf("%d messages, %d primers", len(at.server.unpacked), s.PrimersSent)
		}
	})
}

// TestPrimerBesideBacklog: alarms become small while a backlog fills the link, too.
func TestPrimerBesideBacklog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = append([]config.Stream{stream("bulk", "b/#")}, alarming()...)
		at.streams[1].Match = []string{"t/#"}
		at.server.down = true
		at.start()
		for range 3000 {
			at.publish(&broker.Message{TopicName: "b/x", Payload: make([]byte, 1000), QoS: 1})
		}
		at.server.with(func() {
			at.server.down = false
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				return 0, !strings.HasPrefix(string(p.TopicName), "farm/b/")
			}
		})
		at.online()
		for i := range 60 {
			at.alarmNumber(i)
			time.Sleep(time.Second)
		}
		backlog := at.uplink.Status().Backlog["bulk"]
		last := at.server.blocks[len(at.server.blocks)-1]
		if backlog < 100 || len(last.Payload) > 40 {
			t.Errorf("backlog %d, the last block has %d bytes", backlog, len(last.Payload))
		}
		at.reported(60)
	})
}

// TestPrimedStates: over cuts, power cuts and refusals of a state stream nothing older follows something newer of its topic, and the latest arrives.
func TestPrimedStates(t *testing.T) {
	for seed := range uint64(max(4, soaks)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				r := rand.New(rand.NewPCG(seed, 79))
				linger := time.Duration(r.IntN(2)) * time.Second
				at.streams = []config.Stream{{Name: "states", Match: []string{"#"}, Class: config.StateClass, Encode: config.EncodePack, Linger: &linger, Block: 200}}
				at.server.failing = seed%2 == 1
				at.start()
				n := 0
				for range 40 {
					for range r.IntN(30) {
						at.alarmNumber(n)
						time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
						n++
					}
					at.server.with(func() { at.server.late = time.Duration(r.IntN(3)) * time.Second })
					lapse(at, r)
				}
				at.server.with(func() { at.server.failing, at.server.late = false, 0 })
				at.server.cut()
				at.online()
				at.allIn()
				for topic := range 10 {
					last, want := "", ""
					for i := topic; i < n; i += 10 {
						want = fmt.Sprint(1764380400000 + int64(i))
					}
					for _, p := range at.server.payloads(fmt.Sprintf("farm/t/%d", topic)) {
						now := p[strings.Index(p, `"time":`)+7 : len(p)-1]
						if now <= last {
							t.Errorf("topic %d: %s came after %s", topic, now, last)
						}
						last = now
					}
					if last != want {
						t.Errorf("topic %d: the last is %s, want %s", topic, last, want)
					}
				}
			})
		})
	}
}

// TestPrimerIsTheRetainedOne: a ground end that comes when a block has waited for long, or after a primer was cut off, finds the one that the block goes on from.
func TestPrimerIsTheRetainedOne(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut %v", cut), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				linger := 10 * time.Second
				at.streams = []config.Stream{{Name: "states", Match: []string{"#"}, Class: config.StateClass, Encode: config.EncodePack, Linger: &linger}}
				at.start()
				at.online()
				retained, since := uint32(0), time.Time{}
				primers, bad, primed := 0, 0, 0
				at.server.with(func() {
					if !cut {
						at.server.late = 4 * time.Second
					}
					at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
						if isPrimer(p) {
							made, err := pack.NewPrimer(p.Payload)
							if err != nil {
								t.Error(err)
								return packet.Success, true
							}
							retained, since = made.ID(), time.Now()
							primers++
							return packet.Success, !cut || primers != 2
						}
						if id, is := pack.Needs(p.Payload); is {
							primed++
							if id != retained && time.Since(since) > 5*time.Second { // what left before the answer had come goes on from the one before
								bad++
							}
						}
						return packet.Success, true
					}
				})
				for i := range 600 {
					topic := i % 10
					if i >= 300 {
						topic = 10 + i%10 // others, for which another primer pays
					}
					at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", topic), Payload: fmt.Appendf(nil, `{"alarm":"frost","n":%d}`, i), QoS: 1})
					time.Sleep(3 * time.Second)
					unanswered := false
					at.server.with(func() {
						if unanswered = cut && primers == 2; unanswered {
							primers++
						}
					})
					if unanswered {
						at.server.cut()
					}
				}
				at.server.mu.Lock()
				defer at.server.mu.Unlock()
				if primers < 2 || primed == 0 || bad > 0 {
					t.Errorf("%d primers; of %d primed blocks %d need another one than the last", primers, primed, bad)
				}
			})
		})
	}
}
