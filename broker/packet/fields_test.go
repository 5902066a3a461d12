package packet_test

import (
	"reflect"
	"testing"

	"skerry/broker/packet"
)

// read decodes one line of vector notation into p.
func read(t *testing.T, v packet.Version, notation string, p decoder) {
	t.Helper()
	frame, _, err := parseBytes(notation)
	if err != nil {
		t.Fatal(err)
	}
	h, err := packet.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Decode(v, h); err != nil {
		t.Fatal(err)
	}
}

func TestConnectFields(t *testing.T) {
	var c connect
	read(t, packet.V5, `10 [ "MQTT" 05 f6 003c [ 21 0005 ] "client" [ 18 00000007 ] "will/t" "bye" "user" "pass" ]`, &c)
	want := packet.Connect{
		Version: packet.V5, CleanStart: true, KeepAlive: 60, ClientID: []byte("client"),
		Properties: packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 5),
		WillFlag:   true,
		Will: packet.Will{
			QoS: 2, Retain: true, TopicName: []byte("will/t"), Payload: []byte("bye"),
			Properties: packet.Properties(nil).AppendNumber(packet.WillDelayInterval, 7),
		},
		UserName: []byte("user"), Password: []byte("pass"),
	}
	if !reflect.DeepEqual(c.Connect, want) {
		t.Errorf("got  %+v\nwant %+v", c.Connect, want)
	}
}

func TestAbsentAndEmptyCredentialsDiffer(t *testing.T) {
	var c connect
	read(t, packet.V311, `10 [ "MQTT" 04 02 0000 "c" ]`, &c)
	if c.UserName != nil || c.Password != nil || c.WillFlag {
		t.Errorf("absent: got %+v", c.Connect)
	}
	read(t, packet.V311, `10 [ "MQTT" 04 c2 0000 "c" "" "" ]`, &c)
	if c.UserName == nil || c.Password == nil {
		t.Errorf("empty: got %+v", c.Connect)
	}
}

// The Server answers an unknown protocol in a version that it knows, and so must learn which one was asked for.
func TestUnsupportedVersionIsReported(t *testing.T) {
	for notation, want := range map[string]packet.Version{
		`10 [ "MQTT" 06 02 003c [ ] "c" ]`: 6,
		`10 [ "MQTT" 84 02 003c "c" ]`:     0x84,
		`10 [ "MQTT" 05 03 003c [ ] "c" ]`: packet.V5, // known, another error follows
	} {
		frame, _, _ := parseBytes(notation)
		h, _ := packet.Split(frame)
		var c packet.Connect
		if err := c.Decode(h); err == nil || c.Version != want {
			t.Errorf("%s: version %v, error %v", notation, c.Version, err)
		}
	}
}

func TestPublishFields(t *testing.T) {
	var p packet.Publish
	read(t, packet.V5, `3d [ "a/b" 1234 [ 01 01 ] 6869 ]`, &p)
	want := packet.Publish{
		Dup: true, QoS: 2, Retain: true, TopicName: []byte("a/b"), PacketID: 0x1234,
		Properties: packet.Properties{1, 1}, Payload: []byte("hi"),
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	read(t, packet.V311, `30 [ "c" ]`, &p)
	if p.Dup || p.QoS != 0 || p.Retain || p.PacketID != 0 || p.Properties != nil || len(p.Payload) != 0 {
		t.Errorf("the packet before shines through: %+v", p)
	}
}

// A field must not be able to grow into the bytes behind it.
func TestFieldsAreCapped(t *testing.T) {
	var p packet.Publish
	read(t, packet.V5, `30 [ "a/b" [ 03 "text" ] 6869 ]`, &p)
	content, _ := p.Properties.ContentType()
	_ = append(p.TopicName, 'x')
	_ = append(p.Properties, 'x')
	_ = append(content, 'x')
	if got, _ := p.Properties.ContentType(); string(got) != "text" || string(p.Payload) != "hi" {
		t.Errorf("content type %q, payload %q", got, p.Payload)
	}
}

func TestSubscribeFields(t *testing.T) {
	s := packet.Subscribe{Subscriptions: make([]packet.Subscription, 3)}
	read(t, packet.V5, `82 [ 0007 [ 0b 05 ] "a/#" 2d "b" 12 ]`, &s)
	want := []packet.Subscription{
		{TopicFilter: []byte("a/#"), QoS: 1, NoLocal: true, RetainAsPublished: true, RetainHandling: 2},
		{TopicFilter: []byte("b"), QoS: 2, RetainHandling: 1},
	}
	if id, ok := s.Properties.SubscriptionIdentifier(); s.PacketID != 7 || id != 5 || !ok {
		t.Errorf("packet identifier %d, Subscription Identifier %d", s.PacketID, id)
	}
	if !reflect.DeepEqual(s.Subscriptions, want) {
		t.Errorf("got  %+v\nwant %+v", s.Subscriptions, want)
	}
}

func TestAckFields(t *testing.T) {
	var a packet.Ack
	read(t, packet.V5, `50 [ 0102 87 [ 1f "no" ] ]`, &a)
	why, _ := a.Properties.ReasonString()
	if a.Type != packet.PUBREC || a.PacketID != 0x102 || a.ReasonCode != packet.NotAuthorized || string(why) != "no" {
		t.Errorf("got %+v", a)
	}
}

func TestSubackBeforeVersion5HasOneFailure(t *testing.T) {
	s := packet.Suback{PacketID: 1, ReasonCodes: []packet.ReasonCode{packet.GrantedQoS2, packet.NotAuthorized}}
	want, _, _ := parseBytes(`90 [ 0001 02 80 ]`)
	if got := s.Append(nil, packet.V311); !reflect.DeepEqual(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestConnackBeforeVersion5TranslatesTheCode(t *testing.T) {
	for code, want := range map[packet.ReasonCode]byte{
		packet.Success: 0, packet.UnsupportedProtocolVersion: 1, packet.ClientIdentifierNotValid: 2,
		packet.ServerUnavailable: 3, packet.ServerBusy: 3, packet.QuotaExceeded: 3,
		packet.BadUserNameOrPassword: 4, packet.NotAuthorized: 5, packet.Banned: 5,
	} {
		frame := (&packet.Connack{ReasonCode: code}).Append(nil, packet.V311)
		if got := frame[len(frame)-1]; got != want {
			t.Errorf("%v: got %d, want %d", code, got, want)
		}
	}
}
