package uplink_test

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/scripts/loopback"
)

// TestMosquitto carries messages of each QoS to Debian's mosquitto, over an orderly restart of it, and commands back.
func TestMosquitto(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		t.Run(packet.Version(version).String(), func(t *testing.T) {
			// With less, mosquitto 2.0.11 lets a new message overtake what it has queued for the reader.
			server := newMosquitto(t, "max_inflight_messages 5000")
			server.start()
			up := newReader(t, server.address)
			up.join(true)
			c := realConfig(server.address)
			c.Version = version
			g := startGateway(t, t.TempDir(), c)
			d, err := device(g.broker)
			if err != nil {
				t.Fatal(err)
			}
			send := func(from, n int) {
				for i := from; i < from+n; i++ {
					for qos := byte(1); qos <= 2; qos++ {
						if err := publish(g.broker, d, &broker.Message{TopicName: fmt.Sprintf("t/%d", qos), Payload: fmt.Append(nil, i), QoS: qos}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			eventually(t, "online", func() bool { return g.uplink.Status().Online })
			if err := publish(g.broker, d, &broker.Message{TopicName: "t/0", Payload: []byte("0")}); err != nil {
				t.Fatal(err)
			}
			send(0, 100)
			eventually(t, "100 messages", func() bool { return len(up.payloads("farm/t/2")) >= 100 && len(up.payloads("farm/t/0")) == 1 })
			up.leave()
			server.end(syscall.SIGTERM)
			send(100, 300)
			server.start()
			up.join(false)
			send(400, 100)
			eventually(t, "all messages", func() bool { return len(up.payloads("farm/t/2")) >= 500 && len(up.payloads("farm/t/1")) >= 500 })
			numbers := make([]int, 500)
			for i := range numbers {
				numbers[i] = i
			}
			judge(t, up.payloads("farm/t/1"), numbers, false)
			judge(t, up.payloads("farm/t/2"), numbers, true)
			if s := g.uplink.Status(); s.LostSession != 0 || s.Connections < 2 {
				t.Errorf("status %+v", s)
			}
			if got := up.payloads("farm/lake/wx-042/uplink/cloud"); !slices.Contains(got, "online") {
				t.Errorf("state topic %q", got)
			}
			g.stop()
			eventually(t, "offline", func() bool {
				got := up.payloads("farm/lake/wx-042/uplink/cloud")
				return len(got) > 0 && got[len(got)-1] == "offline"
			})
		})
	}
}

// TestMosquittoDeepTopic: mosquitto hangs up on a topic of more than 200 slashes. The prefix makes one of a topic that may be published here.
func TestMosquittoDeepTopic(t *testing.T) {
	server := newMosquitto(t)
	server.start()
	up := newReader(t, server.address)
	up.join(true)
	c := realConfig(server.address)
	c.Prefix = "farm/north/"
	g := startGateway(t, t.TempDir(), c)
	d, err := device(g.broker)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "online", func() bool { return g.uplink.Status().Online })
	for _, topic := range []string{strings.Repeat("a/", 199) + "b", strings.Repeat("a/", 198) + "b", "t/1"} {
		if err := publish(g.broker, d, &broker.Message{TopicName: topic, Payload: []byte("x"), QoS: 1}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "what is behind it", func() bool { return len(up.payloads("farm/north/t/1")) == 1 })
	if got := up.payloads("farm/north/" + strings.Repeat("a/", 198) + "b"); len(got) != 1 {
		t.Errorf("of 200 slashes: %q", got)
	}
	if s := g.uplink.Status(); s.Refused != 1 || s.Connections != 1 {
		t.Errorf("%d refused, %d connections", s.Refused, s.Connections)
	}
}

// TestMosquittoNoEcho: a server that is asked for everything does not send back what it got from here.
func TestMosquittoNoEcho(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		t.Run(packet.Version(version).String(), func(t *testing.T) {
			server := newMosquitto(t)
			server.start()
			c := realConfig(server.address)
			c.Version = version
			c.Receive = config.ReceiveMap{{Filter: "#", Local: "in/#"}}
			g := startGateway(t, t.TempDir(), c)
			d, err := device(g.broker)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "online", func() bool { return g.uplink.Status().Online })
			up := newReader(t, server.address)
			up.join(true)
			for i := range 20 {
				if err := publish(g.broker, d, &broker.Message{TopicName: "t/x", Payload: fmt.Append(nil, i), QoS: 1}); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "all upstream", func() bool { return len(up.payloads("farm/t/x")) == 20 })
			if err := up.client.Publish(t.Context(), &packet.Publish{TopicName: []byte("last"), QoS: 1}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "received", func() bool { return g.uplink.Status().Received > 0 })
			if s := g.uplink.Status(); s.Received != 1 {
				t.Errorf("%d messages came back", s.Received-1)
			}
		})
	}
}

// TestSIGKILL kills the gateway again and again, and the server is away for some of it: what was acknowledged arrives, QoS 2
// once.
func TestSIGKILL(t *testing.T) {
	server := newMosquitto(t)
	server.start()
	up := newReader(t, server.address)
	up.join(true)
	dir := t.TempDir()
	var acked [3][]int
	next := 0
	for round := range 6 {
		if round == 2 {
			up.leave()
			server.end(syscall.SIGTERM)
		}
		if round == 4 {
			server.start()
			up.join(false)
		}
		v := startVictim(t, dir, childJob{Server: server.address, From: next})
		eventually(t, "progress", func() bool { return v.count() >= 40 })
		for qos, numbers := range v.kill() {
			acked[qos] = append(acked[qos], numbers...)
		}
		next = acked[1][len(acked[1])-1] + 1000 // a message in the middle of the kill may be there or not
	}
	g := startGateway(t, dir, realConfig(server.address))
	eventually(t, "all upstream", func() bool {
		s := g.uplink.Status()
		return s.Online && s.Backlog["all"] == 0
	})
	eventually(t, "all messages", func() bool {
		return len(up.payloads("farm/t/2")) >= len(acked[2]) && len(up.payloads("farm/t/1")) >= len(acked[1])
	})
	judge(t, up.payloads("farm/t/1"), acked[1], false)
	judge(t, up.payloads("farm/t/2"), acked[2], true)
	t.Logf("%d and %d acknowledged; %d and %d arrived", len(acked[1]), len(acked[2]), len(up.payloads("farm/t/1")), len(up.payloads("farm/t/2")))
}

// TestTLS: certificates of both sides, and what is said when they are wrong.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ours, other := newAuthority(t, dir, "ours"), newAuthority(t, dir, "other")
	cert, key := ours.issue(t, dir, "server", "localhost")
	clientCert, clientKey := ours.issue(t, dir, "client", "wx-042")
	server := newMosquitto(t, "cafile "+ours.file, "certfile "+cert, "keyfile "+key, "require_certificate true", "use_identity_as_username true", "allow_anonymous false")
	server.start()
	right := realConfig(server.address)
	right.Servers[0].TLS, right.Servers[0].Host = true, "localhost"
	right.TLS = config.ClientTLS{CA: ours.file, Cert: clientCert, Key: clientKey}

	g := startGateway(t, t.TempDir(), right)
	d, err := device(g.broker)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish(g.broker, d, &broker.Message{TopicName: "t/x", Payload: []byte("1"), QoS: 2}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "acknowledged", func() bool { return g.uplink.Status().Acknowledged == 1 })

	tests := []struct {
		name string
		edit func(*config.Uplink)
		hint string
	}{
		{"authority", func(c *config.Uplink) { c.TLS.CA = other.file }, "not issued by the authorities"},
		{"name", func(c *config.Uplink) { c.Servers[0].Host = "127.0.0.1" }, "the name in its certificate"},
		{"no client certificate", func(c *config.Uplink) { c.TLS.Cert, c.TLS.Key = "", "" }, "client certificate"},
		{"no TLS", func(c *config.Uplink) { c.Servers[0].TLS = false }, "is this port one for MQTT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := right
			c.Servers = slices.Clone(right.Servers)
			c.ClientID = "another"
			test.edit(&c)
			log := &journal{}
			g, err := openGateway(t.TempDir(), c, slog.New(log))
			if err != nil {
				t.Fatal(err)
			}
			defer g.stop()
			eventually(t, "several attempts", func() bool { return g.uplink.Status().Attempts > 5 })
			if s := g.uplink.Status(); s.Online || !strings.Contains(s.Err, test.hint) {
				t.Errorf("error %q, want a hint with %q", s.Err, test.hint)
			}
			if lines := log.matching("cannot connect"); len(lines) > 2 { // a closed connection shows in two ways
				t.Errorf("log %q", lines)
			}
		})
	}
}

// TestTLSToAPlainPort: what does not speak TLS hangs up, and that gets advice as well.
func TestTLSToAPlainPort(t *testing.T) {
	server := newMosquitto(t)
	server.start()
	c := realConfig(server.address)
	c.Servers[0].TLS = true
	g := startGateway(t, t.TempDir(), c)
	eventually(t, "a failure", func() bool { return g.uplink.Status().Err != "" })
	if s := g.uplink.Status(); !strings.Contains(s.Err, "does the port speak it") {
		t.Errorf("error %q", s.Err)
	}
}

// TestPassword: user and password from a file.
func TestPassword(t *testing.T) {
	dir := t.TempDir()
	users, password := dir+"/users", dir+"/password"
	// mosquitto hashes the passwords of a file by itself when told to; this is "wx-042:secret" as mosquitto_passwd writes it.
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := newMosquitto(t, "password_file "+users, "allow_anonymous false") // skips where there is none
	if err := makeUsers(users, "wx-042", "secret"); err != nil {
		t.Fatal("mosquitto_passwd, of the same package: ", err)
	}
	server.start()
	c := realConfig(server.address)
	c.User, c.PasswordFile = "wx-042", password
	g := startGateway(t, t.TempDir(), c)
	eventually(t, "online", func() bool { return g.uplink.Status().Online })

	c.User, c.ClientID = "wx-043", "another"
	g = startGateway(t, t.TempDir(), c)
	eventually(t, "a failure", func() bool { return g.uplink.Status().Err != "" })
	if s := g.uplink.Status(); !strings.Contains(s.Err, "check user and password_file") {
		t.Errorf("error %q", s.Err)
	}
}

// TestSkerryUpstream: the server upstream is one of us.
func TestSkerryUpstream(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		t.Run(packet.Version(version).String(), func(t *testing.T) {
			dir := t.TempDir()
			ground := startGround(t, dir, loopback.Address(loopback.Port(t)))
			c := realConfig(ground.address)
			c.Version = version
			up := newReader(t, ground.address)
			up.join(true)
			g := startGateway(t, t.TempDir(), c)
			d, err := device(g.broker)
			if err != nil {
				t.Fatal(err)
			}
			const n = 300
			numbers := make([]int, n)
			for i := range n {
				numbers[i] = i
				if i == 100 {
					eventually(t, "online", func() bool { return g.uplink.Status().Online })
					up.leave()
					ground.stop()
				}
				if i == 200 {
					ground = startGround(t, dir, ground.address)
					up.join(false)
				}
				for qos := byte(1); qos <= 2; qos++ {
					if err := publish(g.broker, d, &broker.Message{TopicName: fmt.Sprintf("t/%d", qos), Payload: fmt.Append(nil, i), QoS: qos}); err != nil {
						t.Fatal(err)
					}
				}
			}
			eventually(t, "all messages", func() bool { return len(up.payloads("farm/t/2")) >= n && len(up.payloads("farm/t/1")) >= n })
			judge(t, up.payloads("farm/t/1"), numbers, false)
			judge(t, up.payloads("farm/t/2"), numbers, true)
			if s := g.uplink.Status(); s.LostSession != 0 {
				t.Errorf("status %+v", s)
			}
			if err := up.client.Publish(t.Context(), &packet.Publish{TopicName: []byte("cmd/wx-042/x"), QoS: 2, Payload: []byte("1")}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the command", func() bool { return g.uplink.Status().Received == 1 })
		})
	}
}
