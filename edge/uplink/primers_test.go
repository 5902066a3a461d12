package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/pack"
	"skerry/queue/vfs"
)

// priming makes a primer of messages.
func priming(t *testing.T, epoch uint64, list ...pack.Message) ([]byte, *pack.Primer) {
	t.Helper()
	var e pack.Encoder
	e.Begin(pack.Head{Epoch: epoch, Stream: "r", Keep: true}, 0)
	for _, m := range list {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	block, _ := e.Seal(nil)
	p, err := pack.NewPrimer(block)
	if err != nil {
		t.Fatal(err)
	}
	return block, p
}

// primedWith makes a block that needs a primer.
func primedWith(t *testing.T, p *pack.Primer, list ...pack.Message) []byte {
	t.Helper()
	var e pack.Encoder
	e.BeginPrimed(p.Head(), p, 0)
	h := p.Head()
	h.Keep = false
	e.BeginPrimed(h, p, 0)
	for _, m := range list {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	block, _ := e.Seal(nil)
	if _, needs := pack.Needs(block); !needs {
		t.Fatal("it needs no primer")
	}
	return block
}

// primerOf is the retained message with a primer.
func primerOf(gateway string, block []byte, id uint16) *packet.Publish {
	p := blockOf(gateway, "r/primer", block, 1, id)
	p.Retain = true
	return p
}

// published are the payloads from up to to on the topics of a gateway.
func published(gateway string, from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("t/%s/%d=%d", gateway, i%3, i))
	}
	return all
}

// heldBlocks waits until so many blocks wait.
func (at *station) heldBlocks(n uint64) {
	at.t.Helper()
	at.until(fmt.Sprintf("%d blocks wait", n), func() bool { return at.uplink.Status().WaitingBlocks == n })
}

// A primer's messages are published once, however often the server gives it; blocks that need it are read, after a power cut too.
func TestPrimedBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		block, p := priming(t, 1, counted("a", 0, 6)...)
		at.server.send(primerOf("a", block, 1), primerOf("a", block, 2), blockOf("a", "r", primedWith(t, p, counted("a", 4, 9)...), 1, 3), primerOf("a", block, 4))
		at.acknowledged(4)
		if got, want := local.messages(), published("a", 0, 9); !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		if s := at.uplink.Status(); s.Blocks != 2 || s.Unpacked != 9 || s.Again != 14 || s.WaitingBlocks+s.UnreadBlocks+s.DamagedBlocks+s.Unwanted != 0 {
			t.Errorf("%d blocks, %d unpacked, %d again, %d waiting, %d unread", s.Blocks, s.Unpacked, s.Again, s.WaitingBlocks, s.UnreadBlocks)
		}
		at.reboot()
		local = at.listen("t/#")
		at.online()
		at.server.send(primerOf("a", block, 1), blockOf("a", "r", primedWith(t, p, counted("a", 20, 21)...), 1, 2), primerOf("a", nil, 3))
		at.acknowledged(7)
		if got, want := local.messages(), published("a", 20, 21); !slices.Equal(got, want) {
			t.Fatalf("after a power cut: got %q, want %q", got, want)
		}
		if s := at.uplink.Status(); s.DamagedBlocks != 0 {
			t.Error("a primer that was withdrawn is a damaged block")
		}
	})
}

// A block without its primer waits on the disk, with all of its topic behind it, and holds up nobody else; the server is asked for the primer.
func TestPrimedBlockWaits(t *testing.T) {
	for _, cut := range []bool{false, true} {
		play(t, func(t *testing.T, at *station) {
			grounded(at)
			at.start()
			local := at.listen("t/#")
			at.online()
			block, p := priming(t, 9, counted("a", 0, 3)...)
			_, other := priming(t, 9, counted("b", 0, 3)...)
			at.server.send(blockOf("a", "r", primedWith(t, p, counted("a", 3, 5)...), 1, 1), blockOf("a", "r", packed(t, 9, "r", counted("a", 5, 6)...), 1, 2),
				blockOf("a", "r", primedWith(t, other, counted("a", 9, 10)...), 2, 3),
				blockOf("a", "r", primedWith(t, p, counted("a", 6, 7)...), 0, 0), blockOf("c", "r", packed(t, 9, "r", counted("c", 0, 1)...), 1, 4))
			at.acknowledged(5)
			at.heldBlocks(4)
			if got, want := local.messages(), published("c", 0, 1); !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			asked := func() (ok bool) {
				at.server.with(func() { _, ok = at.server.filters["farm/lake/a/pack/r/primer"] })
				return ok
			}
			if !asked() {
				t.Fatal("the server was not asked for the primer")
			}
			acks := 5
			if cut {
				at.reboot()
				local = at.listen("t/#")
				at.online()
				at.heldBlocks(4)
			}
			at.server.send(primerOf("a", block, 7))
			at.acknowledged(acks + 1)
			want := published("a", 0, 6)
			if !cut {
				want = append(published("c", 0, 1), want...)
			}
			if got := local.messages(); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			at.heldBlocks(2)
			if asked() {
				t.Error("the server is still asked for the primer")
			}
			time.Sleep(time.Minute)
			at.heldBlocks(0)
			if got := local.messages(); !slices.Equal(got, append(want, published("a", 6, 7)...)) {
				t.Errorf("got %q", got)
			}
			if s := at.uplink.Status(); s.UnreadBlocks != 1 { // it has the primer of another topic
				t.Errorf("%d blocks were published unread", s.UnreadBlocks)
			}
		})
	}
}

// A block whose primer does not come is published as it came, and nothing waits for that primer any more, until it comes after all.
func TestPrimerThatDoesNotCome(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.server.forbidden = "farm/lake/a/pack/r/primer"
		at.start()
		local := at.listen("#")
		at.online()
		block, p := priming(t, 9, counted("a", 0, 3)...)
		first, next := primedWith(t, p, counted("a", 3, 5)...), primedWith(t, p, counted("a", 5, 6)...)
		at.server.send(blockOf("a", "r", first, 1, 1))
		at.acknowledged(1)
		time.Sleep(50 * time.Second)
		if got := local.messages(); len(got) > 0 {
			t.Fatalf("after 50 s: %q", got)
		}
		time.Sleep(15 * time.Second)
		at.server.send(blockOf("a", "r", next, 1, 2))
		at.acknowledged(2)
		unread := "ground/unread/farm/lake/a/pack/r="
		if got, want := local.messages(), []string{unread + string(first), unread + string(next)}; !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		if m := local.raw[0]; m.QoS != 1 || m.Retain {
			t.Errorf("QoS %d, Retain %v", m.QoS, m.Retain)
		}
		if s := at.uplink.Status(); s.UnreadBlocks != 2 || s.WaitingBlocks != 0 || s.Connections != 1 {
			t.Errorf("%d unread, %d waiting, %d connections", s.UnreadBlocks, s.WaitingBlocks, s.Connections)
		}
		if n := len(at.log.matching("does not come")); n != 1 {
			t.Errorf("logged %d times", n)
		}
		at.server.send(primerOf("a", block, 3), blockOf("a", "r", primedWith(t, p, counted("a", 6, 7)...), 1, 4))
		at.acknowledged(4)
		if got, want := local.messages()[2:], append(published("a", 0, 3), published("a", 6, 7)...); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A server that hangs up on who asks for a primer is not asked for ever.
func TestServerHangsUpOnPrimers(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.server.rudeTo = "/primer"
		at.start()
		local := at.listen("ground/#")
		for n := range 8 {
			at.online()
			_, p := priming(t, 9, counted(fmt.Sprint(n), 0, 3)...)
			at.server.send(blockOf(fmt.Sprint(n), "r", primedWith(t, p, counted(fmt.Sprint(n), 3, 5)...), 0, 0))
			time.Sleep(10 * time.Second)
		}
		time.Sleep(3 * time.Minute)
		at.online()
		if s := at.uplink.Status(); s.Connections != 3 || s.UnreadBlocks != 8 || len(local.messages()) != 8 {
			t.Errorf("%d connections, %d unread, %d published", s.Connections, s.UnreadBlocks, len(local.messages()))
		}
	})
}

// What waits is bounded, of one topic and of all; what has no room is published as it is, the oldest first, and nothing is lost.
func TestWaitingIsBounded(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		_, p := priming(t, 9, counted("a", 0, 3)...)
		id := uint16(0)
		comes := func(gateway string, n int) {
			id++
			at.server.send(blockOf(gateway, "r", primedWith(t, p, counted("a", n, n+1)...), 1, id))
		}
		for n := range 70 {
			comes("flood", 3+n)
		}
		at.acknowledged(int(id))
		at.heldBlocks(64)
		for n := range 250 {
			comes(fmt.Sprint("g", n/50), 3+n)
		}
		at.acknowledged(int(id))
		at.heldBlocks(256)
		if got := local.messages(); len(got) != 64 {
			t.Errorf("%d are published as they are", len(got))
		}
		large := counted("a", 100, 101)
		large[0].Payload = make([]byte, 200<<10)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range large[0].Payload {
			large[0].Payload[i] = 'a' + byte(r.IntN(16))
		}
		block := blockOf("large", "r", primedWith(t, p, append(large, counted("a", 101, 140)...)...), 1, 0)
		for range 6 {
			id++
			block.PacketID = id
			at.server.send(block)
		}
		at.acknowledged(int(id))
		if s := at.uplink.Status(); s.WaitingBlocks != 5 && s.WaitingBlocks != 4 {
			t.Errorf("%d wait", s.WaitingBlocks)
		}
		time.Sleep(2 * time.Minute)
		at.heldBlocks(0)
		if got := local.messages(); len(got) != int(id) {
			t.Errorf("%d of %d are published as they are", len(got), id)
		}
	})
}

// Over power cuts at any time, with primers before or after what needs them, each message is published once or stands in a block that is published as it is.
func TestPrimersOverPowerCuts(t *testing.T) {
	for seed := range uint64(6) {
		play(t, func(t *testing.T, at *station) {
			grounded(at)
			at.start()
			at.collector()
			r := rand.New(rand.NewPCG(seed, 17))
			var owed []*packet.Publish
			settle := func() {
				at.server.with(func() {
					for _, k := range at.server.acks {
						owed = slices.DeleteFunc(owed, func(p *packet.Publish) bool { return p.PacketID == k.PacketID })
					}
				})
			}
			at.online()
			at.server.send(primerOf("a", nil, 0))
			block, p := priming(t, 4, counted("a", 0, 5)...)
			from, retained := 5, map[int][]byte{}
			for id := uint16(1); id < 150; id += 2 {
				packets := []*packet.Publish{primerOf("a", block, id), blockOf("a", "r", primedWith(t, p, counted("a", from, from+r.IntN(40)+1)...), 1, id+1)}
				_, list, err := pack.DecodeWith(packets[1].Payload, pack.Limits{}, func(uint32) *pack.Primer { return p })
				if err != nil {
					t.Fatal(err)
				}
				from += len(list)
				if r.IntN(2) == 0 {
					slices.Reverse(packets)
				}
				owed = append(owed, packets...)
				for _, k := range packets {
					at.online()
					at.server.send(k)
					time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
				}
				if r.IntN(3) == 0 {
					block, p = priming(t, 4, counted("a", from-r.IntN(3), from+2)...)
					retained[from] = block
					from += 2
				}
				if r.IntN(8) > 0 {
					continue
				}
				settle()
				at.rebootWith(vfs.Honest, r)
				at.online()
				for _, p := range owed {
					at.server.send(p)
				}
			}
			if len(retained) == 0 {
				t.Fatal("there was one primer")
			}
			at.server.send(primerOf("a", block, 60000)) // the last was perhaps not sent
			at.until("all are acknowledged", func() bool { settle(); return len(owed) == 0 && at.uplink.Status().WaitingBlocks == 0 })
			if n := at.uplink.Status().UnreadBlocks; n > 0 {
				t.Errorf("%d blocks were not read", n)
			}
			once(t, at.collected(), from, "a")
		})
	}
}

// What an uplink has kept of primers is forgotten with it.
func TestPrimersRetired(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		at.online()
		block, p := priming(t, 9, counted("a", 0, 3)...)
		at.server.send(primerOf("a", block, 1), blockOf("b", "r", primedWith(t, p, counted("a", 3, 5)...), 1, 2))
		at.acknowledged(2)
		facts := []string{"uplink/cloud/primers/0", "uplink/cloud/waiting/0"}
		for _, key := range facts {
			if _, ok := at.broker.Fact(key); !ok {
				t.Fatalf("%s is not stored", key)
			}
		}
		at.stopUplink()
		if err := uplink.Retire(at.broker, nil, nil); err != nil {
			t.Fatal(err)
		}
		for _, key := range facts {
			if _, ok := at.broker.Fact(key); ok {
				t.Errorf("%s is not forgotten", key)
			}
		}
	})
}

// A block of a filter that the configuration has no more is published as it is.
func TestWaitingWithoutItsFilter(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		_, p := priming(t, 9, counted("a", 0, 3)...)
		at.server.send(blockOf("a", "r", primedWith(t, p, counted("a", 3, 5)...), 1, 1))
		at.acknowledged(1)
		at.config.Receive = at.config.Receive[1:]
		at.restartUplink()
		at.online()
		at.heldBlocks(0)
		if got := local.messages(); len(got) != 1 || !strings.HasPrefix(got[0], "ground/unread/farm/lake/a/pack/r=") {
			t.Errorf("got %q", got)
		}
	})
}

// A filter that the primers do not match, as one that ends with +, does for blocks that need them: the server is asked for each.
func TestPrimerBesideFilter(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		play(t, func(t *testing.T, at *station) {
			grounded(at)
			at.config.Version = version
			at.config.Receive[0].Filter = "farm/+/+/pack/+"
			at.start()
			local := at.listen("t/#")
			at.online()
			block, p := priming(t, 9, counted("a", 0, 3)...)
			at.server.send(blockOf("a", "r", primedWith(t, p, counted("a", 3, 5)...), 1, 1))
			at.acknowledged(1)
			at.heldBlocks(1)
			at.server.send(primerOf("a", block, 2)) // what it is asked for
			at.acknowledged(2)
			at.heldBlocks(0)
			if got, want := local.messages(), published("a", 0, 5); !slices.Equal(got, want) {
				t.Errorf("version %v: got %q, want %q", version, got, want)
			}
			if s := at.uplink.Status(); s.Unwanted != 0 || s.UnreadBlocks != 0 {
				t.Errorf("version %v: %d unwanted, %d unread", version, s.Unwanted, s.UnreadBlocks)
			}
		})
	}
}
