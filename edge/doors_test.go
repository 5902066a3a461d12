package edge_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/broker/packet"
	"skerry/edge"
	"skerry/edge/config"
)

// loginTo connects a user, whose password is "secret", over MQTT 5.
func loginTo(t *testing.T, s *station, listener, user, clientID string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Address(listener).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte(clientID), UserName: []byte(user), Password: []byte("secret")}
	if _, err := nc.Write(c.Append(nil)); err != nil {
		t.Fatal(err)
	}
	var a packet.Connack
	if err := a.Decode(packet.V5, answer(t, nc)); err != nil || a.ReasonCode != packet.Success {
		t.Fatalf("%s: CONNACK %v (%v)", user, a.ReasonCode, err)
	}
	return nc
}

// answer reads one packet.
func answer(t *testing.T, nc net.Conn) packet.Header {
	t.Helper()
	buf, n := make([]byte, 4096), 0
	for {
		if size, _, err := packet.Next(buf[:n], 0); err != nil {
			t.Fatal(err)
		} else if size > 0 {
			h, err := packet.Split(buf[:size])
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		got, err := nc.Read(buf[n : n+1])
		if err != nil {
			t.Fatal(err)
		}
		n += got
	}
}

// publishTo tells what PUBACK says.
func publishTo(t *testing.T, nc net.Conn, topic string) packet.ReasonCode {
	t.Helper()
	m := packet.Publish{QoS: 1, PacketID: 1, TopicName: []byte(topic)}
	if _, err := nc.Write(m.Append(nil, packet.V5)); err != nil {
		t.Fatal(err)
	}
	var a packet.Ack
	if err := a.Decode(packet.V5, answer(t, nc)); err != nil {
		t.Fatal(err)
	}
	return a.ReasonCode
}

// The example does what its comments promise, and new rules count without a restart.
func TestAccessExample(t *testing.T) {
	leavesNothing(t)
	cfg := example(t, filepath.Join(examples, "access.yaml"))
	s := start(t, cfg, edge.Options{})
	meter, keeper := loginTo(t, s, "lan", "meter", "m1"), loginTo(t, s, "lan", "keeper", "k1")
	tests := []struct {
		who   string
		nc    net.Conn
		topic string
		want  bool
	}{
		{"meter", meter, "lake/meter/power", true}, {"meter", meter, "lake/keeper/x", false}, {"meter", meter, "lake/meter/key", true},
		{"keeper", keeper, "lake/meter/set", true}, {"keeper", keeper, "lake/meter/power", false}, {"keeper", keeper, "lake/meter/key", false},
	}
	for _, tt := range tests {
		if got := !publishTo(t, tt.nc, tt.topic).IsError(); got != tt.want {
			t.Errorf("%s may publish to %s: %v, want %v", tt.who, tt.topic, got, tt.want)
		}
	}
	if err := os.WriteFile(cfg.Broker.Listeners[1].ACLFile, []byte("user meter\ntopic lake/keeper/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	if code := publishTo(t, meter, "lake/keeper/x"); code.IsError() {
		t.Errorf("under the new rules: %v", code)
	}
}

// How often somebody was refused stands under $SYS.
func TestRefusedIsCounted(t *testing.T) {
	leavesNothing(t)
	cfg := example(t, filepath.Join(examples, "access.yaml"))
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "$SYS/broker/access/#")
	missing := map[string]bool{}
	for _, name := range []string{"refused/connect", "refused/publish", "refused/subscribe", "refused/read", "logins/throttled", "logins/delayed"} {
		missing["$SYS/broker/access/"+name] = true
	}
	for len(missing) > 0 {
		m := live.wait(fmt.Sprint(missing), func(topic, payload string) bool { return missing[topic] && payload == "0" })
		delete(missing, string(m.TopicName))
	}
}

// What listeners have of their own, and what they take from the broker.
func TestListenerFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"users", "acl", "users2", "acl2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf(`
storage: {path: %s/data}
broker:
  users_file: users
  acl_file: acl
  listeners:
    a: {tcp: "127.0.0.1:0"}
    b: {tcp: "127.0.0.1:0", users_file: users2}
    c: {tcp: "127.0.0.1:0", acl_file: acl2, anonymous: true}
`, dir)
	path := filepath.Join(dir, "station.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range cfg.Broker.Listeners {
		got = append(got, strings.ReplaceAll(l.Name+" "+l.UsersFile+" "+l.ACLFile, dir+"/", ""))
	}
	if want := "a users acl, b users2 acl, c users acl2"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
