package uplink_test

import (
	"bytes"
	"compress/gzip"
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
	"skerry/edge/uplink/pack"
	"skerry/queue"
	"skerry/queue/vfs"
)

// inBlocks is the configuration of one stream that leaves in blocks.
func inBlocks(linger time.Duration, match ...string) []config.Stream {
	return []config.Stream{{Name: "all", Match: match, Class: config.LiveClass, Encode: config.EncodePack, Linger: &linger}}
}

// allIn waits until nothing is unacknowledged.
func (at *station) allIn() {
	at.t.Helper()
	at.until("all acknowledged", func() bool {
		for _, n := range at.uplink.Status().Backlog {
			if n > 0 {
				return false
			}
		}
		return true
	})
}

// TestBlocks: messages of a stream leave together, under one topic, and are acknowledged together; all that they are arrives.
func TestBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(10*time.Second, "#")
		at.start()
		at.online()
		began := time.Now()
		for i := range 100 {
			at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Append(nil, i), QoS: byte(1 + i%2), Retain: i%2 == 0})
		}
		synctest.Wait()
		if n := len(at.server.blocks); n != 0 {
			t.Errorf("%d blocks before anything has waited", n)
		}
		at.allIn()
		if waited := time.Since(began); waited < 9*time.Second || waited > 12*time.Second {
			t.Errorf("they were acknowledged after %v, linger is 10s", waited)
		}
		at.arrived(100, true)
		if n := len(at.server.blocks); n != 1 {
			t.Errorf("%d blocks", n)
		}
		b := at.server.blocks[0]
		if name := string(b.TopicName); name != "farm/lake/wx-042/pack/all" || b.QoS != 1 || b.Retain {
			t.Errorf("%s with QoS %d, retain %t", name, b.QoS, b.Retain)
		}
		retained := 0
		for _, p := range at.server.got {
			if strings.HasPrefix(string(p.TopicName), "farm/t/") && p.Retain {
				retained++
			}
		}
		if retained != 50 {
			t.Errorf("%d messages are retained, want 50", retained)
		}
		if s := at.uplink.Status(); s.BlocksSent != 1 || s.InBlocks != 100 || s.Acknowledged != 100 || s.BlockBytes != uint64(len(b.Payload))+uint64(len(b.TopicName))+7 {
			t.Errorf("status %d %d %d %d B, payload %d", s.BlocksSent, s.InBlocks, s.Acknowledged, s.BlockBytes, len(b.Payload))
		}
	})
}

// TestBlockSize: a block is full at the size that is configured, at what the server bills at once, and at what it takes.
func TestBlockSize(t *testing.T) {
	for _, test := range []struct {
		name  string
		block config.Size
		limit uint32
		prof  string
		most  int
	}{{"default", 0, 0, "", 1400}, {"configured", 600, 0, "", 640}, {"of the server", 0, 700, "", 700}, {"billing", 0, 0, "aws-iot", 5 << 10}} {
		t.Run(test.name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.streams = inBlocks(time.Minute, "#")
				at.streams[0].Block = test.block
				at.config.Profile = test.prof
				if test.limit > 0 {
					at.server.limits = packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, test.limit)
				}
				at.server.down = true
				at.start()
				r := rand.New(rand.NewPCG(1, 2))
				for i := range 800 {
					at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Appendf(nil, "%x", r.Uint64()), QoS: 1})
				}
				at.server.with(func() { at.server.down = false })
				at.online()
				at.allIn()
				largest := 0
				for _, b := range at.server.blocks {
					largest = max(largest, len(b.Payload)+len(b.TopicName)+8)
				}
				if largest > test.most || largest < test.most*8/10 {
					t.Errorf("the largest of %d blocks has %d bytes, want nearly %d", len(at.server.blocks), largest, test.most)
				}
			})
		})
	}
}

// TestOldBacklog: what has waited for longer than linger while the server was away leaves in full blocks, not one by one.
func TestOldBacklog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(10*time.Second, "#")
		at.server.down = true
		at.start()
		at.publishMany(0, 500, 1)
		time.Sleep(10 * time.Minute)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.allIn()
		at.arrived(500, true)
		if n := len(at.server.blocks); n > 10 {
			t.Errorf("500 messages came in %d blocks", n)
		}
	})
}

// TestAlarmInBlock: an alarm leaves at once, and has what waits leave with it that has waited long enough.
func TestAlarmInBlock(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = append(inBlocks(10*time.Second, "t/#"), config.Stream{Name: "alarms", Match: []string{"alarm/#"}, Class: config.AlarmClass, Encode: config.EncodePack})
		at.start()
		at.online()
		at.publishMany(0, 10, 1)
		time.Sleep(4 * time.Second)
		at.publish(&broker.Message{TopicName: "alarm/1", Payload: []byte("a"), QoS: 1})
		synctest.Wait()
		if n := len(at.server.blocks); n != 1 {
			t.Fatalf("%d blocks after the alarm, want its own", n)
		}
		time.Sleep(2 * time.Second)
		at.publish(&broker.Message{TopicName: "alarm/1", Payload: []byte("b"), QoS: 1})
		synctest.Wait()
		if n := len(at.server.blocks); n != 3 {
			t.Fatalf("%d blocks after the second alarm, want what had waited as well", n)
		}
		at.arrived(10, true)
	})
}

// TestNotAlong: what may not leave now does not leave beside an alarm either.
func TestNotAlong(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = append(inBlocks(10*time.Second, "t/#"), config.Stream{Name: "alarms", Match: []string{"alarm/#"}, Class: config.AlarmClass})
		at.start()
		at.online()
		at.publishMany(0, 10, 1)
		time.Sleep(6 * time.Second)
		at.uplink.Limit([]string{config.AlarmClass})
		at.publish(&broker.Message{TopicName: "alarm/1", Payload: []byte("a"), QoS: 1})
		time.Sleep(time.Minute)
		if n := len(at.server.blocks); n != 0 {
			t.Errorf("%d blocks of a class that is not carried", n)
		}
		at.uplink.Limit(nil)
		at.allIn()
		at.arrived(10, true)
	})
}

// TestRetiredEpochs: a stream that is carried no more leaves no fact behind.
func TestRetiredEpochs(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.start()
		at.online()
		at.publishMany(0, 10, 1)
		at.allIn()
		if _, known := at.broker.Fact("uplink/cloud/epochs/all"); !known {
			t.Fatal("no epochs")
		}
		at.stopUplink()
		at.streams = []config.Stream{stream("other", "t/#")}
		at.startUplink()
		if _, known := at.broker.Fact("uplink/cloud/epochs/all"); known {
			t.Error("the epochs of a stream that is gone are kept")
		}
	})
}

// TestBlocksExactlyOnce: over cuts, lost sessions, refusals, power cuts and restarts each message of QoS 1 and 2 is upstream once, in order.
func TestBlocksExactlyOnce(t *testing.T) {
	for seed := range uint64(max(3, soaks)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				r := rand.New(rand.NewPCG(seed, 77))
				at.streams = inBlocks(time.Duration(r.IntN(20))*time.Second, "#")
				at.streams[0].Block = config.Size(256 + r.IntN(1000))
				refuses := seed%3 == 0 // then it takes what is behind what it refuses
				if at.server.failing = seed%3 == 1; refuses {
					chance := rand.New(rand.NewPCG(seed, 78)) // the server's
					at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
						switch {
						case chance.IntN(20) == 0:
							return packet.QuotaExceeded, true
						case chance.IntN(30) == 0:
							return packet.NotAuthorized, true
						}
						return packet.Success, true
					}
				}
				at.start()
				n := 0
				for range 30 {
					more := r.IntN(60)
					at.publishMany(n, more, byte(1+r.IntN(2)))
					n += more
					time.Sleep(time.Duration(r.Int64N(int64(10 * time.Second))))
					mishap(at, r, r.IntN(8))
				}
				at.server.with(func() { at.server.answer, at.server.down, at.server.failing = nil, false, false })
				at.server.cut()
				at.online()
				if at.allIn(); refuses {
					at.countOnce(n)
					return
				}
				at.arrived(n, true)
			})
		})
	}
}

// TestOrdinalsComeAgain: what was sent and was not on the disk when the process was killed is another message than what has its ordinal afterwards.
func TestOrdinalsComeAgain(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(0, "#")
		at.start()
		at.online()
		for i := range 10 { // the server has them before the disk does
			if _, code := at.device.Publish(&broker.Message{TopicName: "t/0", Payload: fmt.Append(nil, i), QoS: 1, Origin: queue.Gateway}, nil); code.IsError() {
				t.Fatal(code)
			}
		}
		synctest.Wait()
		at.boot-- // the kernel stays: after a loss of power the log leaves ordinals out
		at.rebootWith(vfs.Fate{Dropped: 1}, rand.New(rand.NewPCG(1, 2)))
		at.online()
		at.publishMany(100, 50, 1)
		at.allIn()
		for i := 100; i < 150; i++ {
			if !slices.Contains(at.server.payloads(fmt.Sprintf("farm/t/%d", i%10)), fmt.Sprint(i)) {
				t.Errorf("message %d was taken for one before the kill", i)
			}
		}
	})
}

// TestIntoBlocks: a stream whose messages were on their way one by one when it was changed has each of them upstream once.
func TestIntoBlocks(t *testing.T) {
	for seed := range uint64(max(3, soaks/2)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				r := rand.New(rand.NewPCG(seed, 5))
				pass := []config.Stream{{Name: "all", Match: []string{"#"}}}
				at.streams = pass
				at.server.passing = seed%2 == 0
				at.server.failing = true
				at.start()
				at.publishMany(0, 100, 2)
				time.Sleep(time.Second)
				at.stopUplink()
				at.streams = inBlocks(time.Second, "#")
				if at.server.cut(); seed%3 == 0 {
					at.rebootWith(vfs.Honest, r)
				} else {
					at.startUplink()
				}
				at.publishMany(100, 100, 2)
				at.server.with(func() { at.server.failing = false })
				at.server.cut()
				at.online()
				at.allIn()
				time.Sleep(time.Minute)
				at.arrived(200, true)
				if n := len(at.server.held); n > 0 {
					t.Errorf("the server holds %d exchanges for ever", n)
				}
			})
		})
	}
}

// TestIntoBlocksInTwoStarts: a stream that was changed, and started again before the server was reached, finishes what was on its way one by one all the same.
func TestIntoBlocksInTwoStarts(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.passing, at.server.failing = true, true
		at.start()
		at.publishMany(0, 100, 2)
		time.Sleep(time.Second)
		at.stopUplink()
		at.streams = inBlocks(time.Second, "#")
		at.server.with(func() { at.server.down, at.server.failing = true, false })
		at.server.cut()
		at.startUplink()
		time.Sleep(10 * time.Second)
		at.rebootWith(vfs.Honest, rand.New(rand.NewPCG(1, 2)))
		at.online()
		at.publishMany(100, 100, 2)
		at.allIn()
		at.arrived(200, true)
		if n := len(at.server.held); n > 0 {
			t.Errorf("the server holds %d exchanges for ever", n)
		}
		at.restartUplink()
		at.online()
		before := len(at.server.releases)
		at.publishMany(200, 100, 2)
		at.allIn()
		if n := len(at.server.releases) - before; n > 0 {
			t.Errorf("%d messages left one by one afterwards", n)
		}
	})
}

// TestBacklogIntoBlocks: what waited before a stream was changed leaves in blocks.
func TestBacklogIntoBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.start()
		at.publishMany(0, 3000, 1)
		at.stopUplink()
		at.streams = inBlocks(time.Second, "#")
		at.startUplink()
		at.publishMany(3000, 100, 1)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.allIn()
		at.arrived(3100, true)
	})
}

// TestBacklogOfManyRuns: what has waited through more runs than are told apart arrives.
func TestBacklogOfManyRuns(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.server.down = true
		at.start()
		for i := range 80 {
			at.publishMany(i*10, 10, 1)
			at.restartUplink()
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.allIn()
		at.arrived(800, true)
	})
}

// TestLooseBlocks: messages of QoS 0 share a block, and the answer of nobody is waited for.
func TestLooseBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(5*time.Second, "#")
		at.start()
		at.online()
		at.publishMany(0, 50, 0)
		at.publishMany(50, 50, 1)
		time.Sleep(10 * time.Second)
		at.arrived(100, true)
		if len(at.server.blocks) != 2 || at.server.blocks[0].QoS+at.server.blocks[1].QoS != 1 {
			t.Errorf("%d blocks, want one of QoS 0 and one of QoS 1", len(at.server.blocks))
		}
	})
}

// TestBlockRefused: a server whose rules do not let blocks pass holds them up; nothing is lost.
func TestBlockRefused(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(0, "#")
		at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return packet.NotAuthorized, true }
		at.start()
		at.online()
		at.publishMany(0, 100, 1)
		time.Sleep(10 * time.Minute)
		if s := at.uplink.Status(); s.Refused != 0 || s.Deferred == 0 || s.Backlog["all"] != 100 {
			t.Errorf("refused %d, deferred %d, backlog %d", s.Refused, s.Deferred, s.Backlog["all"])
		}
		if len(at.log.matching("may this client publish to that topic?")) == 0 {
			t.Error("nobody is told")
		}
		at.server.with(func() { at.server.answer = nil })
		at.allIn()
		at.arrived(100, true)
	})
}

// TestStateInBlocks: of a state stream the latest of each topic leaves.
func TestStateInBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(10*time.Second, "#")
		at.streams[0].Class = config.StateClass
		at.server.down = true
		at.start()
		at.publishMany(0, 3000, 1)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.allIn()
		for topic := range 10 {
			got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic))
			if len(got) == 0 || got[len(got)-1] != fmt.Sprint(2990+topic) {
				t.Errorf("topic %d: %v", topic, got)
			}
		}
		if n := len(at.server.unpacked); n > 1100 {
			t.Errorf("%d messages", n)
		}
	})
}

// TestPoisonousBlock: a message on which the server hangs up is found and given up, and nothing else.
func TestPoisonousBlock(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.server.poison = func(p *packet.Publish) bool {
			_, list, err := pack.Decode(p.Payload, pack.Limits{})
			return err == nil && slices.ContainsFunc(list, func(m pack.Message) bool { return m.Topic == "t/bad" })
		}
		at.start()
		at.online()
		at.publishMany(0, 100, 1)
		at.publish(&broker.Message{TopicName: "t/bad", Payload: []byte("x"), QoS: 1})
		at.publishMany(100, 100, 1)
		at.allIn()
		at.arrived(200, true)
		if s := at.uplink.Status(); s.Refused != 1 {
			t.Errorf("%d messages were given up, want 1", s.Refused)
		}
	})
}

// TestHangsUpOnBlocks: a server that hangs up on who publishes to the topic of the blocks holds them up, and nothing of the stream is given up for it.
func TestHangsUpOnBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = append(inBlocks(time.Second, "t/#"), config.Stream{Name: "single", Match: []string{"s/#"}})
		at.server.poison = func(p *packet.Publish) bool { return strings.Contains(string(p.TopicName), "/pack/") }
		at.start()
		at.online()
		at.publishMany(0, 100, 1)
		for range 200 {
			at.publish(&broker.Message{TopicName: "s/x", Payload: []byte("x"), QoS: 1})
			time.Sleep(time.Minute)
		}
		if s := at.uplink.Status(); s.Refused != 0 || s.Backlog["all"] != 100 || len(at.log.matching("may this client publish to that topic?")) != 1 {
			t.Errorf("refused %d, backlog %d", s.Refused, s.Backlog["all"])
		}
		at.server.with(func() { at.server.poison = nil })
		at.allIn()
		at.arrived(100, true)
	})
}

// TestBlockTooLargeForProfile: a Server that is known to hang up on large payloads is sent none.
func TestBlockTooLargeForProfile(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Profile = "aws-iot"
		at.streams = inBlocks(time.Second, "#")
		at.start()
		at.online()
		noise := make([]byte, 140_000)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		at.publish(&broker.Message{TopicName: "t/large", Payload: noise, QoS: 1})
		at.publishMany(0, 10, 1)
		at.allIn()
		at.arrived(10, true)
		for _, b := range at.server.blocks {
			if len(b.Payload) > 128<<10 {
				t.Errorf("a block of %d bytes", len(b.Payload))
			}
		}
		if s := at.uplink.Status(); s.Refused != 1 {
			t.Errorf("refused %d", s.Refused)
		}
	})
}

// TestLingerOnDemand: a link on demand is not connected while messages gather for a block.
func TestLingerOnDemand(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(10*time.Minute, "t/#")
		at.limited(config.LiveClass)
		at.config.Links[0].Kind, at.config.Links[0].Session = "certus", "on-demand"
		at.start()
		online := 0
		for i := range 120 {
			at.publishMany(i, 1, 1)
			for range 60 {
				if time.Sleep(time.Second); at.uplink.Status().Online {
					online++
				}
			}
		}
		if s := at.uplink.Status(); online > 300 || s.Connections > 12 {
			t.Errorf("%d s online in two hours, %d connections", online, s.Connections)
		}
		at.allIn()
		at.arrived(120, true)
	})
}

// TestArrays: json has the messages in arrays, compressed if wanted.
func TestArrays(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.streams[0].Encode = config.EncodeJSON
		at.start()
		at.online()
		at.publishMany(0, 300, 2)
		at.publish(&broker.Message{TopicName: "t/raw", Payload: []byte{0xff}, QoS: 1})
		at.allIn()
		n, raw, arrays := 0, false, 0
		for _, p := range at.server.got {
			if string(p.TopicName) != "farm/lake/wx-042/json/all" {
				continue
			}
			arrays++
			var list []struct {
				T string
				P json.Number
				B []byte
				Q int
			}
			if err := json.Unmarshal(p.Payload, &list); err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.T == "farm/t/raw" {
					raw = len(m.B) == 1
				} else if m.T != fmt.Sprintf("farm/t/%d", n%10) || string(m.P) != fmt.Sprint(n) || m.Q != 2 {
					t.Fatalf("element %d is %+v", n, m)
				} else {
					n++
				}
			}
		}
		if n != 300 || !raw || arrays > 20 {
			t.Errorf("%d messages in %d arrays, raw %t", n, arrays, raw)
		}
	})
}

// TestArrayTooLarge: an array that gzip makes less small than expected is divided until the server takes it.
func TestArrayTooLarge(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.streams[0].Encode, at.streams[0].Compress = config.EncodeJSON, config.Gzip
		at.server.limits = packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, 500)
		at.start()
		at.online()
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			at.publish(&broker.Message{TopicName: "t/0", Payload: fmt.Appendf(nil, "%016x%016x", r.Uint64(), r.Uint64()), QoS: 1})
		}
		at.publish(&broker.Message{TopicName: "t/0", Payload: fmt.Appendf(nil, "%x", make([]byte, 100)), QoS: 1})
		at.allIn()
		n := 0
		for _, p := range at.server.got {
			if strings.HasSuffix(string(p.TopicName), "/json/all") {
				var list []json.RawMessage
				z, err := gzip.NewReader(bytes.NewReader(p.Payload))
				if err != nil || json.NewDecoder(z).Decode(&list) != nil {
					t.Fatal(err)
				}
				n += len(list)
			}
		}
		if s := at.uplink.Status(); n != 201 || s.Refused != 0 {
			t.Errorf("%d messages came, %d were given up", n, s.Refused)
		}
	})
}

// TestArraysGrowAgain: that the server once took fewer messages in an array than were put into it does not keep arrays short.
func TestArraysGrowAgain(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = inBlocks(time.Second, "#")
		at.streams[0].Encode, at.streams[0].Compress = config.EncodeJSON, config.Gzip
		at.server.limits = packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, 500)
		at.start()
		at.online()
		arrays := func(n int, payload func() []byte) (count int) {
			before := at.uplink.Status().BlocksSent
			for range n {
				at.publish(&broker.Message{TopicName: "t/0", Payload: payload(), QoS: 1})
			}
			at.allIn()
			return int(at.uplink.Status().BlocksSent - before)
		}
		easy := func() []byte { return []byte(`{"value":20.5,"unit":"degC"}`) }
		r := rand.New(rand.NewPCG(1, 2))
		arrays(3000, easy)
		usual := arrays(3000, easy)
		hard := arrays(200, func() []byte { return fmt.Appendf(nil, "%016x%016x", r.Uint64(), r.Uint64()) })
		arrays(3000, easy)
		if again := arrays(3000, easy); again > usual*5/4 || hard > 60 {
			t.Errorf("%d arrays before, %d after; %d of what is hard", usual, again, hard)
		}
		if s := at.uplink.Status(); s.Refused > 0 {
			t.Errorf("%d were given up", s.Refused)
		}
	})
}

// TestUntoldPacketSize: a server that hangs up on large packets and has not said so before gets smaller blocks, and all of it.
func TestUntoldPacketSize(t *testing.T) {
	for _, farewell := range []packet.ReasonCode{packet.PacketTooLarge, 0} {
		play(t, func(t *testing.T, at *station) {
			at.streams = inBlocks(time.Second, "#")
			at.server.poison = func(p *packet.Publish) bool { return len(p.Payload) > 500 }
			at.server.farewell = farewell
			at.server.down = true
			at.start()
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 2000 {
				noise := packet.Properties(nil).AppendUserProperty("x", fmt.Sprintf("%016x", r.Uint64()))
				at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Append(nil, i), Properties: noise, QoS: 1})
			}
			at.server.with(func() { at.server.down = false })
			at.online()
			at.allIn()
			at.arrived(2000, true)
			if s := at.uplink.Status(); s.Connections > 9 || s.BlocksSent > 1000 || s.Refused > 0 {
				t.Errorf("%v: %d connections, %d blocks, %d given up", farewell, s.Connections, s.BlocksSent, s.Refused)
			}
		})
	}
}

// TestNotTheBlocksFault: that the server hangs up on a large message of another stream makes no block smaller.
func TestNotTheBlocksFault(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = append(inBlocks(time.Second, "t/#"), stream("single", "s/#"))
		at.server.poison = func(p *packet.Publish) bool { return len(p.Payload) > 3000 }
		at.server.farewell = packet.PacketTooLarge
		at.start()
		at.online()
		at.publish(&broker.Message{TopicName: "s/x", Payload: make([]byte, 5000), QoS: 1})
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 2000 {
			noise := packet.Properties(nil).AppendUserProperty("x", fmt.Sprintf("%016x", r.Uint64()))
			at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Append(nil, i), Properties: noise, QoS: 1})
			if i%10 == 0 {
				time.Sleep(time.Second)
			}
		}
		at.allIn()
		at.arrived(2000, true)
		full := 0
		for _, b := range at.server.blocks[len(at.server.blocks)/2:] {
			full = max(full, len(b.Payload))
		}
		if s := at.uplink.Status(); s.Refused != 1 || full < 800 {
			t.Errorf("%d given up, the largest block has %d bytes", s.Refused, full)
		}
	})
}

// TestArraysOverCuts: over cuts, refusals, lost sessions and power cuts each message arrives in an array, and for the first time in its turn.
func TestArraysOverCuts(t *testing.T) {
	for seed := range uint64(max(3, soaks/2)) {
		play(t, func(t *testing.T, at *station) {
			r := rand.New(rand.NewPCG(seed, 80))
			at.streams = inBlocks(time.Duration(r.IntN(5))*time.Second, "#")
			at.streams[0].Encode, at.streams[0].Block = config.EncodeJSON, 300
			at.server.failing = seed%2 == 1
			at.start()
			n := 0
			for range 30 {
				at.publishMany(n, 30, byte(1+r.IntN(2)))
				n += 30
				time.Sleep(time.Duration(r.Int64N(int64(5 * time.Second))))
				lapse(at, r)
			}
			at.server.with(func() { at.server.failing = false })
			at.server.cut()
			at.online()
			at.allIn()
			seen, last := map[string]bool{}, map[string]int{}
			for _, p := range at.server.got {
				if !strings.HasSuffix(string(p.TopicName), "/json/all") {
					continue
				}
				var list []struct {
					T string
					P int
				}
				if err := json.Unmarshal(p.Payload, &list); err != nil {
					t.Fatal(err)
				}
				for _, m := range list {
					id := fmt.Sprint(m.P)
					if !seen[id] && m.P < last[m.T] {
						t.Errorf("%d came after %d", m.P, last[m.T])
					}
					seen[id], last[m.T] = true, max(last[m.T], m.P)
				}
			}
			if len(seen) != n {
				t.Errorf("%d of %d arrived", len(seen), n)
			}
		})
	}
}

// alarmNumber publishes an alarm.
func (at *station) alarmNumber(i int) {
	at.t.Helper()
	at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: fmt.Appendf(nil, `{"alarm":"frost","state":"raised","value":%d.25,"time":%d}`, i%30, 1764380400000+int64(i)), QoS: 1})
}

// TestPrimedAlarms: alarms that leave alone go on from a primer as soon as that pays, and again when the server has lost it; one that does not take it gets alarms all the same.
func TestPrimedAlarms(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"#"}, Class: config.AlarmClass, Encode: config.EncodePack}}
		at.start()
		at.online()
		send := func(from int) (largest int) {
			for i := from; i < from+60; i++ {
				at.alarmNumber(i)
				time.Sleep(time.Second)
				at.allIn()
				if b := at.server.blocks[len(at.server.blocks)-1]; i > from+40 {
					largest = max(largest, len(b.Payload))
				}
			}
			return largest
		}
		if n := send(0); n > 40 || len(at.server.primers) == 0 {
			t.Errorf("%d bytes in a block, %d primers", n, len(at.server.primers))
		}
		before := len(at.server.primers)
		at.server.with(func() { at.server.primers = nil })
		at.server.forget()
		at.server.cut()
		at.online()
		if n := send(60); n > 40 || len(at.server.primers) == 0 || before > 4 {
			t.Errorf("%d bytes in a block after a lost session, %d primers, %d before", n, len(at.server.primers), before)
		}
		at.restartUplink()
		at.online()
		if n := send(120); n > 40 {
			t.Errorf("%d bytes in a block after a restart", n)
		}
		for topic := range 10 {
			if n := len(at.server.payloads(fmt.Sprintf("farm/t/%d", topic))); n != 18 {
				t.Errorf("topic %d: %d alarms", topic, n)
			}
		}
	})
}

// TestPrimerRefused: where primers may not be published, blocks stand by themselves.
func TestPrimerRefused(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"#"}, Class: config.AlarmClass, Encode: config.EncodePack}}
		at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
			if strings.HasSuffix(string(p.TopicName), "/primer") {
				return packet.NotAuthorized, true
			}
			return packet.Success, true
		}
		at.start()
		at.online()
		for i := range 60 {
			at.alarmNumber(i)
			time.Sleep(time.Second)
		}
		at.allIn()
		if n := len(at.log.matching("does not take a primer")); n != 1 || at.uplink.Status().PrimersSent != 1 {
			t.Errorf("told %d times, %d primers sent", n, at.uplink.Status().PrimersSent)
		}
		if n := len(at.server.unpacked); n != 60 {
			t.Errorf("%d alarms", n)
		}
	})
}

// TestServerHangsUpOnPrimer: a server that hangs up on who publishes what it may not is given no primer for ever again.
func TestServerHangsUpOnPrimer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"#"}, Class: config.AlarmClass, Encode: config.EncodePack}}
		at.server.poison = func(p *packet.Publish) bool { return strings.HasSuffix(string(p.TopicName), "/primer") }
		at.start()
		at.online()
		for i := range 200 {
			at.alarmNumber(i)
			time.Sleep(20 * time.Second)
		}
		at.allIn()
		if n := len(at.log.matching("does not take a primer")); n != 1 || len(at.server.connects) > 4 {
			t.Errorf("told %d times, %d connections", n, len(at.server.connects))
		}
		if n := len(at.server.unpacked); n != 200 {
			t.Errorf("%d alarms", n)
		}
	})
}
