package uplink_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue/vfs"
)

// beyond is a ground end with a server of its own, beside a gateway in the same bubble: what the gateway's server took is given to it.
func (at *station) beyond() *station {
	at.t.Helper()
	g := newStation(at.t)
	g.config.ClientID = "ground"
	grounded(g)
	g.start()
	g.online()
	return g
}

// give has blocks come, in their order, and waits until they are acknowledged.
func (at *station) give(blocks []packet.Publish) {
	at.t.Helper()
	before := 0
	at.server.with(func() { before = len(at.server.acks) })
	for i := range blocks {
		p := blocks[i]
		if p.QoS > 0 {
			p.PacketID = uint16(before + i + 1)
		}
		at.server.send(&p)
		synctest.Wait()
	}
	at.acknowledged(before + len(blocks))
}

// TestNoClashAfterRefusal: a block of the run before, which the server had no room for, does not come behind those of this run, and is not taken for another gateway's.
func TestNoClashAfterRefusal(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.streams[0].Block = 1
		at.server.down = true
		at.start()
		at.publishMany(0, 50, 1)
		at.restartUplink()
		at.publishMany(50, 50, 1)
		n := 0
		at.server.with(func() {
			at.server.down, at.server.late = false, 5*time.Second
			at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) {
				if n++; n < 3 {
					return packet.QuotaExceeded, true
				}
				return packet.Success, true
			}
		})
		at.online()
		at.allIn()
		at.countOnce(100)
		ground := at.beyond()
		ground.give(at.server.blocks)
		if s := ground.uplink.Status(); s.Clashes != 0 || s.Unpacked != 100 {
			t.Errorf("%d clashes, %d messages", s.Clashes, s.Unpacked)
		}
	})
}

// TestManyRunsOnce: what has waited through many runs is published once, though the server gives all of it again.
func TestManyRunsOnce(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.server.down = true
		at.start()
		for i := range 30 {
			at.publishMany(i*10, 10, 1)
			at.restartUplink()
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.allIn()
		at.arrived(300, true)
		ground := at.beyond()
		ground.collector()
		ground.give(at.server.blocks)
		ground.rebootWith(vfs.Honest, rand.New(rand.NewPCG(1, 2)))
		ground.online()
		ground.give(at.server.blocks)
		got := ground.collected()
		slices.Sort(got)
		if n := len(slices.Compact(slices.Clone(got))); n != 300 || len(got) != 300 {
			t.Errorf("%d messages, %d different ones", len(got), n)
		}
		if s := ground.uplink.Status(); s.Clashes != 0 || s.Forgotten != 0 {
			t.Errorf("%d clashes, %d forgotten", s.Clashes, s.Forgotten)
		}
	})
}

// TestOddMessages: what a block has in it comes out as it went in, whatever topics and payloads are, and what the server does not take holds up nothing.
func TestOddMessages(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "t/#")
		at.server.limits = packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, 2000)
		at.start()
		at.online()
		noise := make([]byte, 3000)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		want := []*broker.Message{
			{TopicName: "t/Wärme/🌡", Payload: []byte("🥶 \x00\xff"), QoS: 2, Retain: true},
			{TopicName: "t/Wärme/🌡", Payload: []byte{}, QoS: 1, Retain: true},
			{TopicName: "t/large", Payload: noise, QoS: 2},
			{TopicName: "t/" + strings.Repeat("/", 100), Payload: noise[:1500], QoS: 1},
			{TopicName: "t//", Payload: []byte("{\"ts\":-5,\"v\":1e400}"), QoS: 1},
		}
		for _, m := range want {
			at.publish(m)
		}
		at.allIn()
		ground := at.beyond()
		local := ground.listen("t/#")
		ground.give(at.server.blocks)
		want = slices.Delete(want, 2, 3)
		if len(local.raw) != len(want) || at.uplink.Status().Refused != 1 {
			t.Fatalf("%d messages, %d refused", len(local.raw), at.uplink.Status().Refused)
		}
		for i, m := range local.raw {
			if w := want[i]; m.TopicName != w.TopicName || string(m.Payload) != string(w.Payload) || m.QoS != w.QoS || m.Retain != w.Retain {
				t.Errorf("%d: %q %q, QoS %d, Retain %v", i, m.TopicName, m.Payload, m.QoS, m.Retain)
			}
		}
		if n, _ := ground.broker.Retained(); n > 0 {
			t.Error("what was deleted is retained")
		}
	})
}

// TestClockGoesMad: a date that nobody can believe is not told, and nothing is lost for it; how long a block waits is no matter of the date.
func TestClockGoesMad(t *testing.T) {
	for _, date := range []int64{-5_000_000, 0, 253402300800000 + 1<<40} {
		play(t, func(t *testing.T, at *station) {
			at.streams = inBlocks(10*time.Second, "#")
			now := date
			at.wall = func() (int64, bool) { return now, true }
			at.start()
			at.online()
			began := time.Now()
			at.publishMany(0, 50, 1)
			at.allIn()
			if waited := time.Since(began); waited < 9*time.Second || waited > 12*time.Second {
				t.Errorf("acknowledged after %v", waited)
			}
			now = time.Now().UnixMilli()
			at.publishMany(50, 50, 1)
			at.allIn()
			at.arrived(100, true)
		})
	}
}

// TestLostWithPrimerAloft: a server that forgets everything while a primer and many blocks are on their way gets all of it, once, and another primer.
func TestLostWithPrimerAloft(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = alarming()
		at.streams[0].Block = config.Size(100)
		at.start()
		at.online()
		n := 0
		alarms := func(count int) {
			for range count {
				at.alarmNumber(n)
				time.Sleep(100 * time.Millisecond)
				n++
			}
		}
		alarms(8)
		silent := func() { // the primer, and what is behind it
			at.server.with(func() {
				deaf := false
				at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
					deaf = deaf || isPrimer(p)
					return packet.Success, !deaf
				}
			})
		}
		silent()
		alarms(60)
		if at.uplink.Status().PrimersSent != 1 {
			t.Fatalf("%d primers", at.uplink.Status().PrimersSent)
		}
		at.server.with(func() { at.server.answer, at.server.primers = nil, nil })
		at.server.forget()
		at.server.cut()
		at.online()
		at.allIn()
		alarms(40)
		at.allIn()
		at.reported(n)
		if last := at.server.blocks[len(at.server.blocks)-1]; len(last.Payload) > 40 || len(at.server.primers) == 0 {
			t.Errorf("the last block has %d bytes, %d primers", len(last.Payload), len(at.server.primers))
		}
		ground := at.beyond()
		ground.give(at.server.blocks)
		if s := ground.uplink.Status(); s.Unpacked != uint64(n) || s.Clashes+s.UnreadBlocks+s.WaitingBlocks != 0 {
			t.Errorf("%d of %d, %d clashes, %d unread", s.Unpacked, n, s.Clashes, s.UnreadBlocks)
		}
	})
}

// TestPrimerRenewed: a server can lose what it retained, and keep the session. Who comes to it after that can read what is sent from the next primer on, which comes after so many
// blocks.
func TestPrimerRenewed(t *testing.T) {
	for _, renewal := range []int{0, 20} {
		play(t, func(t *testing.T, at *station) {
			at.streams = alarming()
			at.streams[0].Primer = renewal
			at.start()
			at.online()
			const alarms = 300
			for i := range alarms {
				at.alarmNumber(i)
				time.Sleep(5 * time.Minute)
			}
			at.allIn()
			at.reported(alarms)
			blocks, late, from := at.server.blocks, 0, 0
			for i := range blocks {
				if isPrimer(&blocks[i]) && from == 0 {
					from = i + 1 // behind the first primer
				}
			}
			for _, p := range blocks[from:] {
				if isPrimer(&p) {
					break
				}
				late++
			}
			if most := max(64, renewal) + 1; from == 0 || late > most || renewal > 0 && late > renewal+1 || at.uplink.Status().PrimersSent > uint64(2+alarms/min(64, max(20, renewal))) {
				t.Errorf("renewal %d: %d blocks until the next primer, %d primers of %d blocks", renewal, late, at.uplink.Status().PrimersSent, len(blocks))
			}
			ground := at.beyond()
			for i := from; i < len(blocks); i++ {
				ground.give(blocks[i : i+1])
				if i+1 == len(blocks) || !isPrimer(&blocks[i+1]) {
					time.Sleep(5 * time.Minute)
				}
			}
			s := ground.uplink.Status()
			if s.UnreadBlocks != uint64(late) || s.WaitingBlocks > 0 || int(s.Unpacked) < alarms-late-15 {
				t.Errorf("renewal %d: %d blocks unread of %d, %d messages read", renewal, s.UnreadBlocks, late, s.Unpacked)
			}
		})
	}
}

// TestExpiryInBlock: what is left of the life of a message when its block leaves is what it has there, and what has expired by then does not leave.
func TestExpiryInBlock(t *testing.T) {
	for _, encode := range []config.Encoding{config.EncodePack, config.EncodeJSON} {
		play(t, func(t *testing.T, at *station) {
			at.streams = inBlocks(10*time.Minute, "#")
			at.streams[0].Encode = encode
			at.start()
			at.online()
			for i, life := range []uint32{3600, 60, 0, 60, 900} {
				m := &broker.Message{TopicName: fmt.Sprintf("t/%d", i), Payload: fmt.Append(nil, i), QoS: 1, Expiry: life, HasExpiry: life > 0}
				at.publish(m)
			}
			at.allIn()
			got := map[string]uint32{}
			if encode == config.EncodePack {
				for _, p := range at.server.got {
					expiry, _ := p.Properties.MessageExpiryInterval()
					got[string(p.TopicName)] = expiry
				}
			} else {
				for _, p := range at.server.got {
					var list []struct {
						T string
						E uint32
					}
					_ = json.Unmarshal(p.Payload, &list) // the state is none
					for _, m := range list {
						got[m.T] = m.E
					}
				}
			}
			delete(got, stateTopic)
			near := func(topic string, want uint32) bool { return got[topic] <= want && got[topic]+5 >= want }
			if len(got) != 3 || !near("farm/t/0", 3000) || !near("farm/t/4", 300) || got["farm/t/2"] != 0 {
				t.Errorf("%s: %v", encode, got)
			}
			if s := at.uplink.Status(); s.Expired != 2 {
				t.Errorf("%d expired", s.Expired)
			}
		})
	}
}

// TestRetainedInBlocksOfAPair: what the live stream has overtaken while it waited in a block of the backlog is not retained over something newer.
func TestRetainedInBlocksOfAPair(t *testing.T) {
	for seed := range uint64(max(10, soaks)) {
		play(t, func(t *testing.T, at *station) {
			r := rand.New(rand.NewPCG(seed, 81))
			linger := time.Duration(0)
			at.streams = pairOver("t/#")
			for i := range at.streams {
				at.streams[i].Encode, at.streams[i].Linger, at.streams[i].Block = config.EncodePack, &linger, 300
			}
			at.server.limits = packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 1)
			at.start()
			at.online()
			n := 0
			for range 40 {
				for range r.IntN(60) {
					at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", n%10), Payload: fmt.Append(nil, n), QoS: 1, Retain: true})
					if n++; r.IntN(3) == 0 {
						time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
					}
				}
				at.server.with(func() { at.server.late, at.server.down = time.Duration(r.IntN(3000))*time.Millisecond, r.IntN(2) == 0 })
				at.server.cut()
			}
			at.server.with(func() { at.server.down, at.server.late = false, 0 })
			at.online()
			at.allIn()
			kept := map[string]int{}
			for _, p := range at.server.got {
				var i int
				if _, err := fmt.Sscan(string(p.Payload), &i); err != nil || !p.Retain {
					continue
				}
				if name := string(p.TopicName); i < kept[name] {
					t.Errorf("seed %d: %s: %d is retained over %d", seed, name, i, kept[name])
				}
				kept[string(p.TopicName)] = i
			}
		})
	}
}
