package server_test

import (
	"strings"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// explaining gives a running station that says why it refuses something.
func explaining(t *testing.T, l server.ListenerConfig) string {
	t.Helper()
	st := openStationOf(t, vfs.NewDisk(), server.Options{ReasonStrings: true, ResponseInformation: "answer/%u/%c/"}, queue.Options{SlotSize: 1 << 20},
		broker.Options{Limits: broker.Limits{Subscriptions: 1, RetainedMessages: 1, TopicLevels: 3}})
	l.Name = "test"
	address := st.listen(l)
	st.run()
	return address
}

// ask connects with properties and sends packets; it gives the properties of the last packet that comes back, which has the code.
func ask(t *testing.T, address string, connect packet.Properties, sent string, want packet.Type, code packet.ReasonCode) packet.Properties {
	t.Helper()
	p := dial(t, address)
	c := packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte("c"), Properties: connect}
	p.send(c.Append(nil))
	if sent != "" {
		b := encode(t, sent)
		p.send(b)
	}
	for {
		h := p.readPacket()
		if h.Type != want {
			continue
		}
		got, properties := codeOf(t, h)
		if got == code {
			return properties
		}
	}
}

// codeOf takes the last Reason Code and the properties out of a packet.
func codeOf(t *testing.T, h packet.Header) (packet.ReasonCode, packet.Properties) {
	t.Helper()
	var ack packet.Ack
	var connack packet.Connack
	var suback packet.Suback
	var disconnect packet.Disconnect
	decode, code, properties := ack.Decode, &ack.ReasonCode, &ack.Properties
	switch h.Type {
	case packet.CONNACK:
		decode, code, properties = connack.Decode, &connack.ReasonCode, &connack.Properties
	case packet.DISCONNECT:
		decode, code, properties = disconnect.Decode, &disconnect.ReasonCode, &disconnect.Properties
	case packet.SUBACK:
		decode, properties = suback.Decode, &suback.Properties
	}
	if err := decode(packet.V5, h); err != nil {
		t.Fatal(err)
	}
	if h.Type == packet.SUBACK {
		return suback.ReasonCodes[len(suback.ReasonCodes)-1], *properties
	}
	return *code, *properties
}

// A Reason String says what the Reason Code does not; a Client that wants none gets none where it may say so [MQTT-3.1.2-29],
// and no packet grows beyond what the Client takes [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.9.2-1] [MQTT-3.14.2-3].
func TestReasonStrings(t *testing.T) {
	tests := []struct {
		name, sent string
		packet     packet.Type
		code       packet.ReasonCode
		want       string
		always     bool // whatever Request Problem Information says
	}{
		{"SUBACK", "82: 0001 00 'a' 00 'b' 00", packet.SUBACK, packet.QuotaExceeded, "filter 2: too many subscriptions", false},
		{"SUBACK of a filter that is too deep", "82: 0001 00 'a/b/c/d' 00", packet.SUBACK, packet.TopicFilterInvalid, "filter 1: not a Topic Filter, or deeper", false},
		{"PUBACK", "33: 'a' 0001 00 \"x\" | 33: 'b' 0002 00 \"x\"", packet.PUBACK, packet.QuotaExceeded, "too many retained messages", false},
		{"PUBREC", "34: 'a/b/c/d' 0001 00 \"x\"", packet.PUBREC, packet.TopicNameInvalid, "not a Topic Name, or deeper", false},
		{"DISCONNECT", "36: 'a' 0001 00", packet.DISCONNECT, packet.MalformedPacket, "PUBLISH: QoS 3 [MQTT-3.3.1-4]", true},
		{"DISCONNECT for an alias", "30: '' 03 23 0007", packet.DISCONNECT, packet.ProtocolError, "the Topic Alias 7 has not been set", true},
		{"DISCONNECT for a second CONNECT", "10: 'MQTT' 05 02 0000 00 'c'", packet.DISCONNECT, packet.ProtocolError, "second CONNECT [MQTT-3.1.0-2]", true},
		{"CONNACK", "", packet.CONNACK, packet.NotAuthorized, "credentials are needed", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, c := range map[string]struct {
				connect packet.Properties
				told    bool
			}{
				"silent":      {nil, true},
				"asked for":   {packet.Properties{}.AppendNumber(packet.RequestProblemInformation, 1), true},
				"not wanted":  {packet.Properties{}.AppendNumber(packet.RequestProblemInformation, 0), tt.always},
				"no room":     {packet.Properties{}.AppendNumber(packet.MaximumPacketSize, 24), false},
				"enough room": {packet.Properties{}.AppendNumber(packet.MaximumPacketSize, 300), true},
			} {
				t.Run(name, func(t *testing.T) {
					address := explaining(t, server.ListenerConfig{Anonymous: tt.packet != packet.CONNACK})
					text, has := ask(t, address, c.connect, tt.sent, tt.packet, tt.code).ReasonString()
					if has != c.told || c.told && !strings.HasPrefix(string(text), tt.want) {
						t.Errorf("%q (%v), want %q (%v)", text, has, tt.want, c.told)
					}
				})
			}
		})
	}
}

// [MQTT-3.1.2-28]: Response Information is for those who ask.
func TestResponseInformation(t *testing.T) {
	address := explaining(t, server.ListenerConfig{Anonymous: true})
	for asked, want := range map[packet.PropertyID]string{packet.RequestResponseInformation: "answer//c/", packet.RequestProblemInformation: ""} {
		connect := packet.Properties{}.AppendNumber(asked, 1)
		if got, _ := ask(t, address, connect, "", packet.CONNACK, packet.Success).ResponseInformation(); string(got) != want {
			t.Errorf("%v: %q, want %q", asked, got, want)
		}
	}
	p := dial(t, address)
	p.script("> 10: 'MQTT' 05 02 0000 02 19 01 '#'", "< 20: 00 00 0d ??*13") // its ClientID makes no topic
}

// 3.2.2.3.2: CONNACK tells how long the session lasts, if that is not what the Client has asked for.
func TestSessionExpiryIsTold(t *testing.T) {
	st := openStationOf(t, vfs.NewDisk(), server.Options{}, queue.Options{SlotSize: 1 << 20}, broker.Options{MaxSessionExpiry: 60})
	address := st.listen(server.ListenerConfig{Anonymous: true})
	st.run()
	for asked, told := range map[string]string{"00000000": "", "0000003c": "", "0000003d": "11 0000003c", "ffffffff": "11 0000003c"} {
		dial(t, address).script("> 10: 'MQTT' 05 02 0000 [ 11 "+asked+" ] 'c'", "< 20: 00 00 [ 21 ??*2 27 ??*4 22 ??*2 2a 01 "+told+" ]")
	}
}

// 4.11: a listener may send Clients elsewhere, before they have said who they are; older ones hear that it is not available.
func TestRedirect(t *testing.T) {
	moved := server.ListenerConfig{Anonymous: true, MovedTo: "new.example.org:8883"}
	busy := server.ListenerConfig{UseOther: "a.example.org b.example.org"}
	for _, tc := range []struct {
		name             string
		listener         server.ListenerConfig
		connect, connack string
	}{
		{"moved, 5.0", moved, "10: 'MQTT' 05 02 0000 00 'c'", "20: 00 9d 17 1c 'new.example.org:8883'"},
		{"moved, 3.1.1", moved, "10: 'MQTT' 04 02 0000 'c'", "20: 00 03"},
		{"moved, 3.1", moved, "10: 'MQIsdp' 03 02 0000 'c'", "20: 00 03"},
		{"moved, and no room to say where", moved, "10: 'MQTT' 05 02 0000 05 27 00000010 'c'", "20: 00 9d 00"},
		{"another one, 5.0", busy, "10: 'MQTT' 05 02 0000 00 'c'", "20: 00 9c 1e 1c 'a.example.org b.example.org'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := dial(t, explaining(t, tc.listener))
			p.script("> "+tc.connect, "< "+tc.connack, "< closed")
		})
	}
}
