package uplink_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue/vfs"
)

// commands gives every station of a test its receive map.
func commands(at *station) {
	at.config.Receive = config.ReceiveMap{{Filter: "cmd/wx-042/#", Local: "cmd/#"}, {Filter: "all/+/cmd", Local: "cmd/all/+"}}
}

func command(topic string, qos byte, id uint16) *packet.Publish {
	return &packet.Publish{TopicName: []byte(topic), QoS: qos, PacketID: id, Payload: fmt.Append(nil, id)}
}

func TestReceives(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		local := at.listen("cmd/#")
		at.online()
		for filter, sub := range at.server.filters {
			if sub.QoS != 2 || !sub.NoLocal || !sub.RetainAsPublished || sub.RetainHandling != 1 {
				t.Errorf("%s: %+v", filter, sub)
			}
		}
		p := command("cmd/wx-042/heater/set", 2, 3)
		p.Retain = true
		p.Properties = p.Properties.AppendNumber(packet.SubscriptionIdentifier, 1).AppendString(packet.ResponseTopic, "r").
			AppendNumber(packet.MessageExpiryInterval, 60)
		at.server.send(command("cmd/wx-042/a", 0, 0), command("cmd/wx-042", 1, 2), p, command("all/x/cmd", 1, 4), command("other", 1, 5))
		at.until("received", func() bool { return len(local.messages()) == 4 })
		if got, want := local.messages(), []string{"cmd/a=0", "cmd=2", "cmd/heater/set=3", "cmd/all/x=4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		m := local.raw[2]
		want := packet.Properties(nil).AppendString(packet.ResponseTopic, "r")
		if m.QoS != 2 || !m.Retain || !m.HasExpiry || m.Expiry != 60 || string(m.Properties) != string(want) {
			t.Errorf("got %+v", m)
		}
		at.server.with(func() {
			var types []packet.Type
			for _, a := range at.server.acks {
				types = append(types, a.Type)
			}
			if want := []packet.Type{packet.PUBACK, packet.PUBREC, packet.PUBACK, packet.PUBACK, packet.PUBCOMP}; !slices.Equal(types, want) {
				t.Errorf("acknowledged with %v, want %v", types, want)
			}
		})
		if s := at.uplink.Status(); s.Received != 4 || s.Unwanted != 1 || len(at.log.matching("was dropped")) != 1 {
			t.Errorf("status %+v, log %q", s, at.log.lines)
		}
	})
}

// TestNothingGoesRound: what came from an uplink is not carried back by it, and what it publishes the Server is told to keep.
func TestNothingGoesRound(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Receive = config.ReceiveMap{{Filter: "farm/#", Local: "#"}}
		at.start()
		at.online()
		for qos := range byte(3) {
			p := command("farm/t/x", qos, uint16(qos))
			p.Retain = true
			at.server.send(p)
		}
		at.until("received", func() bool { return at.uplink.Status().Received == 3 })
		at.restartUplink() // a new subscription would find the retained message
		at.online()
		time.Sleep(time.Minute)
		if got := at.server.payloads("farm/t/x"); len(got) > 0 {
			t.Errorf("carried back: %q", got)
		}
	})
}

// TestCommandOnce: a command of QoS 2 is published once, whatever is cut when; and what is acknowledged is on the disk.
func TestCommandOnce(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		keep, connected, err := at.broker.Connect(broker.ConnectOptions{ClientID: "keeper", Version: packet.V5, SessionExpiryInterval: broker.Never})
		if err != nil {
			t.Fatal(err)
		}
		_, r := keep.Subscribe([]broker.Subscription{{TopicFilter: "cmd/#", QoS: 2}}, nil)
		if err := at.broker.Wait(t.Context(), max(r, connected.Receipt)); err != nil {
			t.Fatal(err)
		}
		at.online()
		at.server.with(func() { at.server.mute = true })
		at.server.send(command("cmd/wx-042/a", 2, 1), command("cmd/wx-042/a", 2, 2))
		synctest.Wait()
		again := func(id uint16) *packet.Publish {
			p := command("cmd/wx-042/a", 2, id)
			p.Dup = true
			return p
		}
		at.server.cut()
		at.online()
		at.server.send(again(1), again(2))
		synctest.Wait()
		at.server.with(func() { at.server.mute = false })
		at.reboot()
		at.online()
		at.server.send(again(2), &packet.Ack{Type: packet.PUBREL, PacketID: 1}, command("cmd/wx-042/a", 2, 3))
		synctest.Wait()
		at.server.send(command("cmd/wx-042/a", 2, 1)) // the id is free again: another message
		synctest.Wait()
		got := at.waiting("keeper")
		if want := []string{"1", "2", "3", "1"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// waiting takes what waits for a local session.
func (at *station) waiting(id string) []string {
	at.t.Helper()
	s, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: id, Version: packet.V5, SessionExpiryInterval: broker.Never})
	if err != nil {
		at.t.Fatal(err)
	}
	var got []string
	for range 10 {
		for _, d := range s.Next(nil, 1000) {
			if !d.Release { // else an id that may have been used before the power cut
				got = append(got, string(d.Message.Payload))
				s.Received(d.PacketID)
			}
			s.Ack(d.PacketID)
		}
		time.Sleep(time.Second) // it is read back from the log
	}
	return got
}

// TestAcknowledgedFromTheDisk: the Server is told nothing about a command before the disk has it, and of the end of a QoS 2
// exchange neither.
func TestAcknowledgedFromTheDisk(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		keep, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: "keeper", Version: packet.V5, SessionExpiryInterval: broker.Never})
		if err != nil {
			t.Fatal(err)
		}
		keep.Subscribe([]broker.Subscription{{TopicFilter: "cmd/#", QoS: 2}}, nil)
		at.online()
		at.server.with(func() { at.server.mute = true }) // no PUBREL by itself
		told := func(when string, want ...packet.Type) {
			t.Helper()
			synctest.Wait()
			at.server.with(func() {
				var types []packet.Type
				for _, a := range at.server.acks {
					types = append(types, a.Type)
				}
				if !slices.Equal(types, want) {
					t.Errorf("%s: acknowledged with %v, want %v", when, types, want)
				}
			})
		}
		synced := at.holdSync()
		at.server.send(command("cmd/wx-042/a", 1, 1), command("cmd/wx-042/a", 2, 2))
		told("before the disk has them")
		synced()
		told("after", packet.PUBACK, packet.PUBREC)
		synced = at.holdSync()
		at.server.send(&packet.Ack{Type: packet.PUBREL, PacketID: 2})
		told("before the disk has the release", packet.PUBACK, packet.PUBREC)
		synced()
		told("after", packet.PUBACK, packet.PUBREC, packet.PUBCOMP)
	})
}

// holdSync keeps the disk from making anything durable until it is called back.
func (at *station) holdSync() (release func()) {
	hold := make(chan struct{})
	at.disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			<-hold
		}
		return nil
	})
	return func() { close(hold) }
}

// TestPropertiesAreCopied: a message does not lie in the buffer that the next one is read into.
func TestPropertiesAreCopied(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		local := at.listen("cmd/#")
		at.online()
		for i := range uint16(10) {
			p := command("cmd/wx-042/a", 1, i+1)
			p.Properties = p.Properties.AppendString(packet.ResponseTopic, fmt.Sprint("answer/", i))
			at.server.send(p)
			at.until("received", func() bool { return len(local.messages()) == int(i)+1 })
		}
		for i, m := range local.raw {
			if want := packet.Properties(nil).AppendString(packet.ResponseTopic, fmt.Sprint("answer/", i)); string(m.Properties) != string(want) {
				t.Errorf("message %d has the properties %q", i, m.Properties)
			}
		}
	})
}

// TestHeldIDsOfALostSession: the Server begins its ids anew, and a command must not be taken for one of the old session.
func TestHeldIDsOfALostSession(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		local := at.listen("cmd/#")
		at.online()
		at.server.with(func() { at.server.mute = true })
		at.server.send(command("cmd/wx-042/old", 2, 1))
		at.until("received", func() bool { return len(local.messages()) == 1 })
		at.server.forget()
		at.server.with(func() { at.server.mute = false })
		at.server.cut()
		at.online()
		at.server.send(command("cmd/wx-042/new", 2, 1))
		at.until("received", func() bool { return len(local.messages()) == 2 })
		if got := local.messages(); !slices.Equal(got, []string{"cmd/old=1", "cmd/new=1"}) {
			t.Errorf("got %q", got)
		}
		if len(at.server.filters) != 2 || at.server.asked != 4 {
			t.Errorf("the new session has %d filters after %d requests", len(at.server.filters), at.server.asked)
		}
	})
}

// TestSubscribesOnce: a session of 3.1.1 that has the filters is not asked again, and one whose filters have changed is brought in line.
func TestSubscribesOnce(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.config.Version = config.V311
		at.start()
		at.online()
		synctest.Wait()
		at.server.cut()
		at.online()
		time.Sleep(time.Minute) // that they are there is written when it suits
		at.reboot()
		at.online()
		synctest.Wait()
		if at.server.asked != 2 {
			t.Errorf("%d SUBSCRIBE packets, want one for each filter", at.server.asked)
		}
		at.config.Receive = config.ReceiveMap{{Filter: "cmd/wx-042/#", Local: "c/#"}, {Filter: "new", Local: "new"}}
		at.restartUplink()
		at.online()
		synctest.Wait()
		if !slices.Equal(at.server.dropped, []string{"all/+/cmd"}) || len(at.server.filters) != 2 {
			t.Errorf("dropped %q, has %v", at.server.dropped, at.server.filters)
		}
		at.config.Receive = nil
		at.restartUplink()
		at.online()
		synctest.Wait()
		if len(at.server.filters) != 0 {
			t.Errorf("has %v", at.server.filters)
		}
	})
}

// TestFilterLost: a server that crashed may bring the session back as it was before the last SUBSCRIBE.
func TestFilterLost(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.start()
		local := at.listen("cmd/#")
		at.online()
		synctest.Wait()
		at.server.with(func() { clear(at.server.filters) })
		at.server.cut()
		at.online()
		synctest.Wait()
		sub, ok := at.server.filters["cmd/wx-042/#"]
		if !ok || sub.RetainHandling != 1 || len(at.server.filters) != 2 {
			t.Errorf("the server has the filters %+v", at.server.filters)
		}
		at.server.send(command("cmd/wx-042/a", 1, 1))
		at.until("received", func() bool { return len(local.messages()) == 1 })
	})
}

// TestRetainedCommandStaysHere: a retained message that was received is not sent back for a filter that is new, not even after a
// restart.
func TestRetainedCommandStaysHere(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.streams = []config.Stream{stream("all", "t/#")}
		at.start()
		at.online()
		p := command("cmd/wx-042/a", 1, 1)
		p.Retain = true
		at.server.send(p)
		at.until("received", func() bool { return at.uplink.Status().Received == 1 })
		at.publish(&broker.Message{TopicName: "state", Payload: []byte("1"), QoS: 1, Retain: true})
		at.streams = []config.Stream{stream("all", "#"), stream("more", "cmd/#")}
		at.reboot()
		at.online()
		at.until("the retained message of the station", func() bool { return len(at.server.payloads("farm/state")) == 1 })
		at.publish(&broker.Message{TopicName: "cmd/b", Payload: []byte("live"), QoS: 1, Retain: true})
		at.until("what is published here", func() bool { return len(at.server.payloads("farm/cmd/b")) == 2 })
		if got := at.server.payloads("farm/cmd/a"); len(got) > 0 {
			t.Errorf("sent back: %q", got)
		}
		if n := at.uplink.Status().Backlog["all"]; n != 0 {
			t.Errorf("%d messages wait", n)
		}
	})
}

// TestOverlappingFilters: a Server that sends one copy for each subscription says which is which.
func TestOverlappingFilters(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Receive = config.ReceiveMap{{Filter: "cmd/#", Local: "every/#"}, {Filter: "cmd/x", Local: "x"}}
		at.start()
		local := at.listen("#")
		at.online()
		for id := range uint32(2) {
			p := command("cmd/x", 1, uint16(id+1))
			p.Properties = p.Properties.AppendNumber(packet.SubscriptionIdentifier, id+1)
			at.server.send(p)
		}
		at.server.send(command("cmd/x", 1, 3))
		at.until("received", func() bool { return len(local.messages()) == 3 })
		if got := local.messages(); !slices.Equal(got, []string{"every/x=1", "x=2", "every/x=3"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestReceiveMaps(t *testing.T) {
	tests := []struct {
		filter, local, name, want string
	}{
		{"cmd/wx/#", "cmd/#", "cmd/wx/a/b", "cmd/a/b"},
		{"cmd/wx/#", "cmd/#", "cmd/wx", "cmd"},
		{"cmd/wx/#", "cmd/#", "cmd/wx/", "cmd/"},
		{"cmd/#", "#", "cmd/a", "a"},
		{"cmd/#", "#", "cmd", ""},
		{"+/cmd/+/#", "a/+/+/b/#", "x/cmd/y/z/z", "a/x/y/b/z/z"},
		{"+/cmd/+/#", "a/+/+/b/#", "x/cmd/y", "a/x/y/b"},
		{"cmd/+", "one", "cmd/x", "one"},
		{"cmd/x", "y", "cmd/x", "y"},
		{"cmd/x", "y", "cmd/z", ""},
		{"+/+", "+/+", "/", "/"},
		{"x/#", "#", "x/$SYS/a", ""},
	}
	for _, test := range tests {
		t.Run(test.filter+" to "+test.local, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.Receive = config.ReceiveMap{{Filter: test.filter, Local: test.local}}
				at.start()
				local := at.listen("#")
				at.online()
				at.server.send(command(test.name, 1, 1))
				at.until("acknowledged", func() bool { s := at.uplink.Status(); return s.Received+s.Unwanted == 1 })
				synctest.Wait()
				var want []string
				if test.want != "" {
					want = []string{test.want + "=1"}
				}
				if got := local.messages(); !slices.Equal(got, want) {
					t.Errorf("%s arrived as %q, want %q", test.name, got, want)
				}
			})
		})
	}
	for _, bad := range []config.Receive{{Filter: "a/+", Local: "b/#"}, {Filter: "a", Local: "b/+"}, {Filter: "a/#/b", Local: "b"}, {Filter: "a", Local: ""}} {
		if _, err := uplink.New(config.Uplink{Receive: config.ReceiveMap{bad}}, nil, nil, uplink.Options{}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// TestCommandTooLarge: what cannot be published here is dropped and acknowledged; a 3.1.1 Server would send it for ever.
func TestCommandTooLarge(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.config.Version = config.V311
		at.start()
		local := at.listen("cmd/#")
		at.online()
		large := command("cmd/wx-042/a", 2, 1)
		large.Payload = make([]byte, 300<<10)
		at.server.send(large, command("cmd/wx-042/b", 2, 2))
		at.until("received", func() bool { return len(local.messages()) == 1 })
		if s := at.uplink.Status(); s.Unwanted != 1 || s.Connections != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestForbiddenFilter: one filter that is refused does not have the others asked for again and again.
func TestForbiddenFilter(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.config.Version = config.V311
		at.server.forbidden = "all/+/cmd"
		at.start()
		at.online()
		for range 3 {
			time.Sleep(time.Minute)
			at.server.cut()
			at.online()
		}
		synctest.Wait()
		if n := at.server.asked; n < 3 || n > 2*4 || len(at.server.filters) != 1 {
			t.Errorf("%d SUBSCRIBE packets for %v", at.server.asked, at.server.filters)
		}
		if lines := at.log.matching("refuses a filter"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
	})
}
