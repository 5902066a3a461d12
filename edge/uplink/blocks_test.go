package uplink_test

import (
	"bytes"
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
	"skerry/edge/uplink"
	"skerry/edge/uplink/arrivals"
	"skerry/edge/uplink/pack"
	"skerry/queue/vfs"
)

// grounded makes the uplink the ground end of others.
func grounded(at *station) {
	at.config.Receive = config.ReceiveMap{
		{Filter: "farm/+/+/pack/#", Local: "#", Unpack: true},
		{Filter: "fleet/+/+/pack/#", Local: "fleet/#", Unpack: true},
		{Filter: "cmd/#", Local: "cmd/#"},
	}
	at.streams = nil
}

// packed makes a block of a gateway that had everything before it acknowledged.
func packed(t *testing.T, epoch uint64, stream string, list ...pack.Message) []byte {
	t.Helper()
	var e pack.Encoder
	e.Begin(pack.Head{Epoch: epoch, Stream: stream, Sum: true, Floor: list[0].Sequence}, 0)
	for _, m := range list {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	block, n := e.Seal(nil)
	if n != len(list) {
		t.Fatalf("%d of %d messages are in the block", n, len(list))
	}
	return block
}

// counted are the messages from up to to of a gateway, on t/GATEWAY/0 .. 2, each with its number.
func counted(gateway string, from, to int) (list []pack.Message) {
	for i := from; i < to; i++ {
		list = append(list, pack.Message{Topic: fmt.Sprintf("t/%s/%d", gateway, i%3), Payload: fmt.Append(nil, i), QoS: 2, Sequence: 1000 + uint64(i)})
	}
	return list
}

func blockOf(gateway, stream string, block []byte, qos byte, id uint16) *packet.Publish {
	return &packet.Publish{TopicName: []byte("farm/lake/" + gateway + "/pack/" + stream), Payload: block, QoS: qos, PacketID: id}
}

// acknowledged waits until the uplink has acknowledged so many messages.
func (at *station) acknowledged(n int) {
	at.t.Helper()
	at.until(fmt.Sprintf("%d acknowledgements", n), func() (done bool) {
		at.server.with(func() { done = len(at.server.acks) >= n })
		return done
	})
	time.Sleep(time.Second)
	synctest.Wait()
}

// What is in a block is published as it was on its site, with the time.
func TestBlock(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		own := packet.Properties(nil).AppendUserProperty(uplink.TimeProperty, "yesterday")
		more := packet.Properties(nil).AppendString(packet.ContentType, "text/plain").AppendNumber(packet.MessageExpiryInterval, 60)
		list := []pack.Message{
			{Topic: "lake/wx-042/air", Payload: []byte("1"), QoS: 1, Retain: true, Sequence: 7, Time: 1764380400007},
			{Topic: "a", Payload: []byte("2"), Properties: more, Sequence: 8, Time: 1764380400008},
			{Topic: "a", Payload: []byte("3"), QoS: 2, Properties: own, Sequence: 10, Time: 1764380400009},
			{Topic: "a", Payload: []byte{}, QoS: 2, Sequence: 11},
			{Topic: "$SYS/uptime", Payload: []byte("4"), Sequence: 12},
			{Topic: "b", Payload: []byte("5"), Properties: []byte{0xff}, Sequence: 13},
			{Topic: "b", Payload: []byte("6"), Sequence: 14},
		}
		block := packed(t, 1, "readings", list...)
		other := blockOf("wx-042", "readings", block, 1, 2)
		other.TopicName = []byte("fleet/lake/wx-042/pack/readings")
		at.server.send(blockOf("wx-042", "readings", block, 1, 1), other, blockOf("wx-042", "readings", block, 0, 0))
		at.acknowledged(2)
		want := []string{"lake/wx-042/air=1", "a=2", "a=3", "a=", "b=6"}
		for _, w := range slices.Clone(want) {
			want = append(want, "fleet/"+w)
		}
		if got := local.messages(); !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		for i, m := range local.raw[:4] {
			if m.QoS != list[i].QoS || m.Retain != list[i].Retain {
				t.Errorf("%d: QoS %d, Retain %v", i, m.QoS, m.Retain)
			}
		}
		ts := func(s string) packet.Properties { return packet.Properties(nil).AppendUserProperty("ts", s) }
		for i, want := range []packet.Properties{ts("1764380400007"), slices.Concat(more[:len(more)-5], ts("1764380400008")), own, nil} {
			if got := local.raw[i].Properties; !bytes.Equal(got, want) {
				t.Errorf("%d: properties %x, want %x", i, got, want)
			}
		}
		if m := local.raw[1]; !m.HasExpiry || m.Expiry != 60 {
			t.Errorf("expiry %d", m.Expiry)
		}
		if s := at.uplink.Status(); s.Blocks != 3 || s.Unpacked != 14 || s.Again != 7 || s.Unwanted != 4 {
			t.Errorf("%d blocks, %d unpacked, %d again, %d unwanted", s.Blocks, s.Unpacked, s.Again, s.Unwanted)
		}
	})
}

// A block that cannot be read is counted, said once, and acknowledged: it stops nothing.
func TestSpoiltBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		good := packed(t, 1, "readings", counted("a", 0, 3)...)
		bad, newer := slices.Clone(good), slices.Clone(good)
		bad[len(bad)-7] ^= 0x40
		newer[0] = 0xE2
		at.server.send(blockOf("a", "r", nil, 1, 1), blockOf("a", "r", []byte("hello"), 2, 2), blockOf("a", "r", bad, 1, 3), blockOf("a", "r", newer, 1, 4),
			blockOf("a", "r", newer, 2, 5), blockOf("a", "r", good, 1, 6))
		at.acknowledged(8)
		if got := local.messages(); !slices.Equal(got, []string{"t/a/0=0", "t/a/1=1", "t/a/2=2"}) {
			t.Errorf("got %q", got)
		}
		s := at.uplink.Status()
		if s.Blocks != 1 || s.DamagedBlocks+s.NewerBlocks != 5 || s.NewerBlocks < 2 || s.Connections != 1 {
			t.Errorf("%d blocks, %d damaged, %d newer, %d connections", s.Blocks, s.DamagedBlocks, s.NewerBlocks, s.Connections)
		}
		if n, m := len(at.log.matching("is damaged, or is none")), len(at.log.matching("cannot read")); n != 1 || m != 1 {
			t.Errorf("logged %d and %d times", n, m)
		}
	})
}

// However blocks are repeated, grouped and mixed, each message is published once, and in order where blocks are.
func TestBlocksOnce(t *testing.T) {
	for qos := range byte(3) {
		play(t, func(t *testing.T, at *station) {
			grounded(at)
			at.start()
			local := at.listen("t/#")
			at.online()
			r := rand.New(rand.NewPCG(uint64(qos), 1))
			owed := 0
			send := func(gateway, stream string, from, to int) {
				id := uint16(0)
				if qos > 0 {
					id = uint16(owed/int(qos)) + 1
				}
				owed += int(qos)
				at.server.send(blockOf(gateway, stream, packed(t, 9, stream, counted(gateway, from, to)...), qos, id))
			}
			for from := 0; from < 300; from += 10 {
				for _, gateway := range []string{"a", "b"} {
					send(gateway, "r", from, from+10)
					send(gateway, "r", max(0, from-r.IntN(40)), from+r.IntN(10)+1)
				}
			}
			at.acknowledged(owed)
			at.until("published", func() bool { return at.uplink.Status().Unpacked >= 600 })
			once(t, local.messages(), 300, "a", "b")
		})
	}
}

// once checks that the messages 0 to n of each gateway have come once, and in the order of each topic.
func once(t *testing.T, got []string, n int, gateways ...string) {
	t.Helper()
	for _, gateway := range gateways {
		for topic := range 3 {
			var mine, want []string
			prefix := fmt.Sprintf("t/%s/%d=", gateway, topic)
			for _, m := range got {
				if number, ok := strings.CutPrefix(m, prefix); ok {
					mine = append(mine, number)
				}
			}
			for i := topic; i < n; i += 3 {
				want = append(want, fmt.Sprint(i))
			}
			if !slices.Equal(mine, want) {
				t.Errorf("%s\ngot  %v\nwant %v", prefix, mine, want)
			}
		}
	}
}

// Blocks of a topic that come in the wrong order lose nothing.
func TestBlocksOutOfOrder(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("t/#")
		at.online()
		var parts []*packet.Publish
		for from := 0; from < 150; from += 10 {
			parts = append(parts, blockOf("a", "r", packed(t, 9, "r", counted("a", from, from+10)...), 1, uint16(from)+1))
		}
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
		for _, p := range append(parts, parts...) {
			at.server.send(p)
		}
		at.acknowledged(2 * len(parts))
		got := local.messages()
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) != 150 || len(got) != 150 {
			t.Errorf("%d messages, %d different ones", len(got), len(slices.Compact(got)))
		}
	})
}

// A block that is more than the store takes at a time is published in parts; a message that it never takes is left out.
func TestLargeBlocks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		at.collector()
		at.online()
		list := counted("a", 0, 3000)
		list[100].Payload = make([]byte, 1<<20)
		list[500].Payload = make([]byte, 200<<10)
		for i := 501; i < 505; i++ {
			list[i].Payload = slices.Concat(list[i].Payload, make([]byte, 40<<10))
		}
		block := packed(t, 1, "r", list...)
		at.server.send(blockOf("a", "r", block, 1, 1), blockOf("a", "r", block, 1, 2))
		at.acknowledged(2)
		got := at.collected()
		if len(got) != 2999 || len(got[499]) < 200<<10 {
			t.Fatalf("%d messages", len(got))
		}
		if s := at.uplink.Status(); s.Unwanted != 2 || s.Again != 2999 { // the large one is tried with each block
			t.Errorf("%d unwanted, %d again", s.Unwanted, s.Again)
		}
	})
}

// collector is a durable session that gathers while nobody is there.
func (at *station) collector() {
	at.t.Helper()
	s, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: "collector", Version: packet.V5, SessionExpiryInterval: 1<<32 - 1})
	if err != nil {
		at.t.Fatal(err)
	}
	if _, receipt := s.Subscribe([]broker.Subscription{{TopicFilter: "t/#", QoS: 2}}, nil); at.broker.Wait(at.t.Context(), receipt) != nil {
		at.t.Fatal("cannot subscribe")
	}
	s.Disconnect(broker.DisconnectOptions{})
}

// collected gives what it has gathered.
func (at *station) collected() (all []string) {
	at.t.Helper()
	c := &subscriber{wake: make(chan struct{}, 1)}
	var err error
	if c.session, _, err = at.broker.Connect(broker.ConnectOptions{ClientID: "collector", Version: packet.V5, SessionExpiryInterval: 1<<32 - 1, Conn: c}); err != nil {
		at.t.Fatal(err)
	}
	for idle := 0; idle < 5; idle++ {
		for _, d := range c.session.Next(nil, 1000) {
			c.note(&d)
			idle = 0
		}
		time.Sleep(time.Second)
	}
	return c.messages()
}

// Over power cuts at any time each message is published once: what was not acknowledged comes again, and is known as far as it was stored.
func TestBlocksOverPowerCuts(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		play(t, func(t *testing.T, at *station) {
			grounded(at)
			at.start()
			at.collector()
			r := rand.New(rand.NewPCG(seed, 7))
			qos := byte(1 + seed%2)
			var owed []*packet.Publish // in their order
			from := map[string]int{}
			settle := func() {
				at.server.with(func() {
					for _, k := range at.server.acks {
						owed = slices.DeleteFunc(owed, func(p *packet.Publish) bool { return p.PacketID == k.PacketID })
					}
				})
			}
			for id := uint16(1); id < 200; id++ {
				gateway := []string{"a", "b"}[r.IntN(2)]
				n := from[gateway] + 1 + r.IntN(300) // some go in parts
				p := blockOf(gateway, "r", packed(t, 4, "r", counted(gateway, max(0, from[gateway]-r.IntN(9)), n)...), qos, id)
				from[gateway] = n
				owed = append(owed, p)
				at.online()
				at.server.send(p)
				time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				if r.IntN(12) > 0 {
					continue
				}
				settle()
				at.rebootWith(vfs.Honest, r)
				at.online()
				for _, p := range owed {
					at.server.send(p)
				}
			}
			at.until("all are acknowledged", func() bool { settle(); return len(owed) == 0 })
			got := at.collected()
			once(t, got, from["a"], "a")
			once(t, got, from["b"], "b")
		})
	}
}

// Two gateways with one identity: nothing is dropped, and everybody can hear of it, until there is one again.
func TestClash(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		local := at.listen("#")
		at.online()
		id := uint16(0)
		comes := func(epoch uint64, n int) {
			id++
			m := pack.Message{Topic: "t", Payload: fmt.Appendf(nil, "%d/%d", epoch, n), QoS: 1, Sequence: uint64(n)}
			at.server.send(blockOf("wx-7", "r", packed(t, epoch, "r", m), 1, id))
		}
		comes(1, 1)
		comes(2, 1)
		at.acknowledged(2)
		if n := len(at.log.matching("has started anew")); n != 1 || at.uplink.Status().Clashes != 0 {
			t.Errorf("the new epoch was logged %d times, %d clashes", n, at.uplink.Status().Clashes)
		}
		for n := range 10 {
			comes(1, n+2)
			comes(2, n+2)
		}
		at.acknowledged(22)
		got := local.messages()
		if len(got) != 23 || !strings.HasPrefix(got[2], `ground/alarm/farm/lake/wx-7={"alarm":"two-gateways","state":"raised","time":"2`) || !local.raw[2].Retain ||
			!strings.HasSuffix(got[2], `"gateway":"farm/lake/wx-7","stream":"r","epochs":["0000000000000002","0000000000000001"]}`) {
			t.Errorf("got %q", got)
		}
		if n := len(at.log.matching("two gateways have one identity")); n != 1 || at.uplink.Status().Clashes != 1 {
			t.Errorf("logged %d times, %d clashes", n, at.uplink.Status().Clashes)
		}
		at.reboot()
		local = at.listen("#")
		at.online()
		for n := range arrivals.Calm {
			comes(2, n+100)
		}
		at.acknowledged(22 + arrivals.Calm)
		got = local.messages()
		if last := got[len(got)-2]; !strings.Contains(last, `"state":"cleared"`) || len(got) != arrivals.Calm+2 { // the retained alarm before them
			t.Errorf("%d messages, the alarm %q", len(got), last)
		}
	})
}

// What an uplink has known is forgotten with it.
func TestBlocksRetired(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		grounded(at)
		at.start()
		at.online()
		at.server.send(blockOf("a", "r", packed(t, 1, "r", counted("a", 0, 3)...), 1, 1))
		at.acknowledged(1)
		if _, ok := at.broker.Fact("uplink/cloud/arrivals/0"); !ok {
			t.Fatal("nothing is stored")
		}
		at.stopUplink()
		if err := uplink.Retire(at.broker, nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := at.broker.Fact("uplink/cloud/arrivals/0"); ok {
			t.Error("it is not forgotten")
		}
	})
}

func TestUnpackMaps(t *testing.T) {
	for _, bad := range []config.Receive{{Filter: "a/#", Local: "b", Unpack: true}, {Filter: "a/+/#", Local: "+/#", Unpack: true}, {Filter: "a/#", Local: "#", Once: "id", Unpack: true}} {
		if _, err := uplink.New(config.Uplink{Receive: config.ReceiveMap{bad}}, nil, nil, uplink.Options{}); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
