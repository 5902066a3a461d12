package uplink_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/profile/profiletest"
)

// strict has a station talk to a server that hangs up on whoever breaks a rule.
func strict(at *station, s *profiletest.Server, profile string, v config.Version) {
	at.config.Profile, at.config.Version = profile, v
	at.options.Dial = func(ctx context.Context, _ config.Server) (net.Conn, error) { return s.Dial(ctx) }
}

// mixed publishes n messages of every QoS, with their number, to t/QoS.
func (at *station) mixed(from, n int) {
	at.t.Helper()
	for i := from; i < from+n; i++ {
		qos := byte(i % 3)
		at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", qos), Payload: fmt.Append(nil, i), QoS: qos, Retain: i%7 == 0})
	}
}

// judgeStrict checks that every number below n of QoS 1 and 2 has come, in order, and that no rule was broken.
func judgeStrict(t *testing.T, s *profiletest.Server, prefix string, n int) {
	t.Helper()
	for _, why := range s.Breaches() {
		t.Errorf("the server hung up: %s", why)
	}
	for qos := 1; qos <= 2; qos++ {
		var got []string
		var want []int
		for _, m := range s.Messages() {
			if m.Topic == fmt.Sprintf("%st/%d", prefix, qos) {
				got = append(got, m.Payload)
			}
		}
		for i := qos; i < n; i += 3 {
			want = append(want, i)
		}
		judge(t, got, want, false)
	}
}

// TestStrictAWS: an AWS IoT Core as it is documented gets everything through cuts, a backlog far above its rate, and the loss of its session
// after an hour; and hangs up once, if at all, for no rule.
func TestStrictAWS(t *testing.T) {
	for _, test := range []struct {
		name    string
		version config.Version
		quiet   bool
	}{{"5.0", config.V5, false}, {"5.0, limits not said", config.V5, true}, {"3.1.1", config.V311, false}} {
		t.Run(test.name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				s := profiletest.NewAWS(test.quiet, 2*time.Second)
				strict(at, s, "aws-iot", test.version)
				at.config.KeepAlive = config.KeepAlive{Min: time.Hour, Max: time.Hour} // more than it takes
				at.config.Receive = config.ReceiveMap{{Filter: "cmd/wx-042/#", Local: "cmd/#"}}
				for i := range 20 {
					at.config.Receive = append(at.config.Receive, config.Receive{Filter: fmt.Sprintf("more/%d/#", i), Local: "more/#"})
				}
				s.Down(true)
				at.start()
				local := at.listen("cmd/#")
				at.mixed(0, 1500) // a backlog
				at.publish(&broker.Message{TopicName: "1/2/3/4/5/6/7/8/9", Payload: []byte("deep"), QoS: 1})
				at.publish(&broker.Message{TopicName: strings.Repeat("x", 300), Payload: []byte("long"), QoS: 1})
				at.publish(&broker.Message{TopicName: "large", Payload: make([]byte, 128<<10+1), QoS: 1})
				s.Down(false)
				at.online()
				for range 8 {
					time.Sleep(3 * time.Second)
					s.Cut()
				}
				at.nothingOwed()
				at.mixed(1500, 300)
				at.nothingOwed()
				if n := s.Send("cmd/wx-042/heater", "1"); n != 1 {
					t.Errorf("%d subscribers", n)
				}
				at.until("the command", func() bool { return slices.Contains(local.messages(), "cmd/heater=1") })

				s.Down(true) // for less than an hour: what waits there is kept
				s.Send("cmd/wx-042/heater", "2")
				time.Sleep(30 * time.Minute)
				s.Down(false)
				at.until("the second command", func() bool { return slices.Contains(local.messages(), "cmd/heater=2") })
				before := at.uplink.Status()

				s.Down(true) // for more
				at.mixed(1800, 300)
				time.Sleep(2 * time.Hour)
				if n := s.Send("cmd/wx-042/heater", "lost"); n != 0 {
					t.Errorf("%d subscribers of an expired session", n)
				}
				s.Down(false)
				at.nothingOwed()
				at.until("subscribed again", func() bool { return s.Send("cmd/wx-042/heater", "3") == 1 })
				at.until("the third command", func() bool { return slices.Contains(local.messages(), "cmd/heater=3") })
				time.Sleep(3 * time.Hour) // idle
				judgeStrict(t, s, "farm/", 2100)
				after := at.uplink.Status()
				if after.LostSession != before.LostSession+1 || after.Downgraded == 0 || after.Refused != 3 || !after.Online {
					t.Errorf("before %+v\nafter %+v", before, after)
				}
				if m, ok := s.Retained(stateTopic); !ok || m.Payload != "online" {
					t.Errorf("state %+v", m)
				}
			})
		})
	}
}

// nothingOwed waits until nothing is owed upstream.
func (at *station) nothingOwed() {
	at.t.Helper()
	at.until("everything upstream", func() bool {
		s := at.uplink.Status()
		return s.Online && s.Backlog["all"] == 0
	})
}

// azureStation is a station of a device with a key, or with a certificate that nobody asks for here.
func azureStation(t *testing.T, at *station, withKey bool) *profiletest.Server {
	var key []byte
	if withKey {
		key = []byte("swordfish of the lake")
		at.config.SASKeyFile = filepath.Join(t.TempDir(), "device.sas")
		if err := os.WriteFile(at.config.SASKeyFile, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := profiletest.NewAzure("up.example", "wx-042", key, time.Second)
	strict(at, s, "azure-iot", config.V311)
	at.config.KeepAlive = config.KeepAlive{Min: 18 * time.Hour, Max: 18 * time.Hour}
	at.config.Receive = config.ReceiveMap{{Filter: "cmd/#", Local: "cmd/#"}, {Filter: "devicebound", Local: "hub"}}
	return s
}

// TestStrictAzure: an Azure IoT Hub as it is documented gets everything through cuts and a week of tokens.
func TestStrictAzure(t *testing.T) {
	for name, withKey := range map[string]bool{"certificate": false, "key": true} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				s := azureStation(t, at, withKey)
				at.start()
				at.online()
				local := at.listen("#")
				at.mixed(0, 300)
				for range 5 {
					at.online()
					time.Sleep(time.Second)
					s.Cut()
					time.Sleep(time.Second)
				}
				at.publish(&broker.Message{TopicName: "large", Payload: make([]byte, 256_000), QoS: 1})
				at.nothingOwed()
				to := "devices/wx-042/messages/devicebound/"
				s.Send(to+"t=cmd%2Fheater&who=me", "1")
				s.Send(to+"%24.to=%2Fdevices%2Fwx", "2")
				s.Send(to+"t=elsewhere", "3")
				at.until("commands", func() bool {
					got := local.messages()
					return slices.Contains(got, "cmd/heater=1") && slices.Contains(got, "hub=2") && at.uplink.Status().Unwanted > 0
				})
				for day := range 7 {
					at.mixed(300+day*30, 30)
					time.Sleep(24 * time.Hour)
				}
				at.nothingOwed()
				judgeStrict(t, s, "farm/", 300+7*30)
				judgeAzure(t, at, s, withKey)
			})
		})
	}
}

// judgeAzure looks at what is special at the hub.
func judgeAzure(t *testing.T, at *station, s *profiletest.Server, withKey bool) {
	t.Helper()
	retained, wills := 0, 0
	for _, m := range s.Messages() {
		if m.Properties["mqtt-retain"] == "true" && strings.HasPrefix(m.Topic, "farm/t/") {
			retained++
		}
		if m.Will && m.Topic == stateTopic && m.Payload == "offline" {
			wills++
		}
	}
	status := at.uplink.Status()
	if retained == 0 || wills != 5 || status.Refused != 1 || status.Downgraded == 0 || s.Ended() != 0 {
		t.Errorf("%d retained, %d wills of the 5 cuts, %d connections outlived their token; %+v", retained, wills, s.Ended(), status)
	}
	if n := status.Connections; withKey && (n < 9 || n > 10) || !withKey && n != 6 { // 46 hours each
		t.Errorf("%d connections", n)
	}
	if lines := at.log.matching("swordfish"); len(lines) > 0 || len(at.log.matching(base64.StdEncoding.EncodeToString([]byte("swordfish of the lake")))) > 0 {
		t.Errorf("the key is logged: %q", lines)
	}
	if len(at.log.matching("offline")) != 5 {
		t.Errorf("renewing a token is told as an outage: %q", at.log.matching("offline"))
	}
}

// TestAzureProperties: two User Properties of one name, which MQTT 5 allows and a property bag does not, do not end the connection. What is late
// says so in the bag: 3.1.1 has no other place for it.
func TestAzureProperties(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.wall = func() (int64, bool) { return time.Now().UnixMilli(), true }
		s := azureStation(t, at, false)
		at.start()
		at.online()
		twice := packet.Properties(nil).AppendUserProperty("k", "1").AppendUserProperty("k", "2").AppendUserProperty("", "x").AppendUserProperty("T", "y")
		at.publish(&broker.Message{TopicName: "twice", Payload: []byte("x"), QoS: 1, Properties: twice})
		at.publish(&broker.Message{TopicName: "large", Payload: make([]byte, 250_000), QoS: 1, Properties: packet.Properties(nil).AppendUserProperty("k", strings.Repeat(" ", 4200))})
		at.nothingOwed()
		s.Down(true)
		s.Cut()
		at.publish(&broker.Message{TopicName: "late", Payload: []byte("x"), QoS: 1})
		time.Sleep(time.Hour)
		s.Down(false)
		at.nothingOwed()
		at.publish(&broker.Message{TopicName: "now", Payload: []byte("x"), QoS: 1})
		at.nothingOwed()
		got := map[string]string{}
		for _, m := range s.Messages() {
			got[m.Topic] = m.Properties["k"] + " " + m.Properties["published"]
		}
		want := map[string]string{"farm/twice": "1 ", "farm/late": " 2000-01-01T", "farm/now": " "}
		for topic, start := range want {
			if text, ok := got[topic]; !ok || !strings.HasPrefix(text, start) || len(start) <= 2 && text != start {
				t.Errorf("%s: %q, want %q", topic, text, start)
			}
		}
	})
}

// TestAzureWrongKey: what is wrong is said, and the key is not.
func TestAzureWrongKey(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		s := azureStation(t, at, true)
		if err := os.WriteFile(at.config.SASKeyFile, []byte("d3Jvbmc="), 0o600); err != nil {
			t.Fatal(err)
		}
		at.start()
		at.until("a failure", func() bool { return at.uplink.Status().Err != "" })
		if err := at.uplink.Status().Err; !strings.Contains(err, "is the device of this client_id enabled in the hub") || strings.Contains(err, "d3Jvbmc") {
			t.Error(err)
		}
		if got := s.Breaches(); len(got) == 0 || got[0] != "CONNECT: a token with a wrong signature" {
			t.Errorf("%q", got)
		}
	})
}

// TestGenericAtAWS shows that the strict server is strict: without the profile it hangs up.
func TestGenericAtAWS(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		s := profiletest.NewAWS(true, time.Second)
		strict(at, s, "generic", config.V5)
		s.Down(true)
		at.start()
		at.mixed(0, 600)
		s.Down(false)
		at.until("a breach", func() bool { return len(s.Breaches()) > 0 })
	})
}

// TestDotsAtNATS: dots end a connection at NATS; they are dropped and counted, and hold nothing up.
func TestDotsAtNATS(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Profile, at.config.Version = "nats", config.V311
		at.start()
		at.online()
		at.publish(&broker.Message{TopicName: "a.b", Payload: []byte("1"), QoS: 1})
		at.publish(&broker.Message{TopicName: "t/0", Payload: []byte("0"), QoS: 2})
		at.taken(1)
		if got := at.uplink.Status(); got.Refused != 1 || got.Backlog["all"] != 0 {
			t.Errorf("%+v", got)
		}
		at.server.with(func() {
			if slices.ContainsFunc(at.server.sent, func(p packet.Publish) bool { return p.QoS > 1 }) || slices.Contains(at.server.bridges, true) {
				t.Error("QoS 2, or the bridge bit, which NATS does not know")
			}
		})
	})
}
