package packet_test

import (
	"bytes"
	"strings"
	"testing"

	"skerry/broker/packet"
)

func TestSummarize(t *testing.T) {
	many := packet.Subscribe{PacketID: 7}
	for range 1000 {
		many.Subscriptions = append(many.Subscriptions, packet.Subscription{TopicFilter: bytes.Repeat([]byte("ä"), 300)})
	}
	properties := packet.Properties{}.AppendNumber(packet.TopicAlias, 3)
	for _, c := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"alias", (&packet.Publish{QoS: 2, PacketID: 9, Dup: true, Retain: true, Properties: properties, Payload: []byte("SECRET")}).Append(nil, packet.V5),
			`"" alias 3, QoS 2, id 9, retain, dup, payload 6 bytes`},
		{"PUBREC", (&packet.Ack{Type: packet.PUBREC, PacketID: 5, ReasonCode: packet.QuotaExceeded}).Append(nil, packet.V5), "id 5, Quota exceeded (0x97)"},
		{"UNSUBSCRIBE", (&packet.Unsubscribe{PacketID: 4, TopicFilters: [][]byte{[]byte("a"), []byte("b/#")}}).Append(nil, packet.V5), `id 4, "a", "b/#"`},
		{"UNSUBACK", (&packet.Unsuback{PacketID: 4, ReasonCodes: []packet.ReasonCode{0, packet.NoSubscriptionExisted}}).Append(nil, packet.V5),
			"id 4, Success (0x00), No subscription existed (0x11)"},
		{"DISCONNECT", (&packet.Disconnect{ReasonCode: packet.SessionTakenOver}).Append(nil, packet.V5), "Session taken over (0x8E)"},
		{"a bridge", bytes.Replace((&packet.Connect{Version: packet.V311, ClientID: []byte("c"), UserName: []byte("u"), Password: []byte("SECRET")}).
			Append(nil), []byte("MQTT\x04"), []byte("MQTT\x84"), 1),
			`MQTT 3.1.1, client "c", clean start false, keep alive 0 s, user "u", with a password, as a bridge`},
		{"malformed", []byte{0x32, 3, 0, 9, 'a'}, "cannot be read: "},
		{"reserved", []byte{0x00, 0}, "cannot be read: "},
	} {
		s := packet.Summarize(packet.V5, c.frame)
		if s.Size != len(c.frame) || s.Type != packet.Type(c.frame[0]>>4) || !strings.HasPrefix(s.Text, c.want) ||
			s.Text != c.want && !strings.HasSuffix(c.want, ": ") {
			t.Errorf("%s: %+v, want %q", c.name, s, c.want)
		}
	}
	frame := many.Append(nil, packet.V5)
	if n := testing.AllocsPerRun(10, func() { packet.Summarize(packet.V5, frame) }); n > 60 {
		t.Errorf("%v allocations for a SUBSCRIBE with a thousand filters", n)
	}
	if s := packet.Summarize(packet.V5, frame); len(s.Text) > 1100 || !strings.HasSuffix(s.Text, "...") {
		t.Errorf("%d bytes: %s", len(s.Text), s.Text)
	}
}

// FuzzSummarize: whatever a Client sends, a line about it is short and can be made.
func FuzzSummarize(f *testing.F) {
	f.Add((&packet.Publish{TopicName: []byte("a"), QoS: 1, PacketID: 1}).Append(nil, packet.V311), byte(1))
	f.Add((&packet.Connect{Version: packet.V5, ClientID: []byte("c"), UserName: []byte("u")}).Append(nil), byte(2))
	f.Add((&packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("a/#")}}}).Append(nil, packet.V5), byte(2))
	f.Fuzz(func(t *testing.T, frame []byte, v byte) {
		n, _, err := packet.Next(frame, 0)
		if err != nil || n == 0 {
			return
		}
		s := packet.Summarize(packet.V31+packet.Version(v%3), frame[:n])
		if s.Size != n || len(s.Text) > 1100 || strings.ContainsAny(s.Text, "\n\x1b") {
			t.Errorf("%+v", s)
		}
	})
}
