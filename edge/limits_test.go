package edge_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker/access"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge"
)

// TestLimits follows the limits of the configuration to what a client is told, and to what it is refused.
func TestLimits(t *testing.T) {
	leavesNothing(t)
	s := start(t, configure(t, strings.Replace(plainBroker, "anonymous: true}}}", `anonymous: true}},
  limits: {session_expiry: 1h, keep_alive: 10min, inflight: 7, packet: 2KiB, subscriptions: 1, sessions: 1, topic: {levels: 2, length: 20B},
    retained: {messages: 1, bytes: 1KiB}, rate: {messages: 1000/s, bytes: 1MiB/s}, connects: {address: 1000/s, total: 1000/s}}}`, 1)), edge.Options{})
	c, err := s.dial(t, &packet.Connect{
		Version: packet.V5, ClientID: []byte("c"), Properties: packet.Properties{}.AppendNumber(packet.SessionExpiryInterval, 7200),
	})
	if err != nil {
		t.Fatal(err)
	}
	if told := c.Server(); told.SessionExpiryInterval != 3600 || told.KeepAlive != 10*time.Minute || told.ReceiveMaximum != 7 || told.MaximumPacketSize != 2048 {
		t.Errorf("CONNACK: %+v", told)
	}
	codes, err := c.Subscribe(t.Context(), packet.Subscription{TopicFilter: []byte("a/b")}, packet.Subscription{TopicFilter: []byte("b")},
		packet.Subscription{TopicFilter: []byte("a/b/c")})
	if want := []packet.ReasonCode{0, packet.QuotaExceeded, packet.TopicFilterInvalid}; err != nil || len(codes) != 3 ||
		codes[0] != want[0] || codes[1] != want[1] || codes[2] != want[2] {
		t.Errorf("SUBACK %v (%v), want %v", codes, err, want)
	}
	for _, tc := range []struct {
		topic string
		want  packet.ReasonCode
	}{
		{"one", packet.Success}, {"two", packet.QuotaExceeded}, {"a/b/c", packet.TopicNameInvalid}, {strings.Repeat("x", 21), packet.TopicNameInvalid},
	} {
		err := c.Publish(t.Context(), &packet.Publish{TopicName: []byte(tc.topic), QoS: 1, Retain: true, Payload: []byte("x")})
		if (err == nil) != !tc.want.IsError() || err != nil && !strings.Contains(err.Error(), tc.want.String()) {
			t.Errorf("PUBLISH %s: %v, want %v", tc.topic, err, tc.want)
		}
	}
	if _, err := s.dial(t, &packet.Connect{Version: packet.V5, ClientID: []byte("another"), CleanStart: true}); !errors.Is(err, packet.QuotaExceeded) {
		t.Errorf("a session too many: %v", err)
	}
}

// TestDoor follows what the configuration says about ways in to what clients are told.
func TestDoor(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, `
storage: {path: $DATA}
broker:
  response_information: "answer/%c/"
  listeners:
    local: {tcp: "127.0.0.1:0", anonymous: true}
    old: {tcp: "127.0.0.1:0", moved_to: new.example.org}
`)
	cfg.Broker.Listeners[0].ScramFile = filepath.Join(t.TempDir(), "scram")
	users := access.NewScramUsers()
	if err := errors.Join(users.Set("anna", []byte("pencil")), users.WriteFile(cfg.Broker.Listeners[0].ScramFile)); err != nil {
		t.Fatal(err)
	}
	s := start(t, cfg, edge.Options{})
	asks := packet.Properties{}.AppendNumber(packet.RequestResponseInformation, 1)
	c, err := s.dial(t, &packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte("c"), Properties: asks})
	if err != nil {
		t.Fatal(err)
	}
	if topic, _ := c.Server().Properties.ResponseInformation(); string(topic) != "answer/c/" {
		t.Errorf("Response Information %q", topic)
	}
	unknown := packet.Properties{}.AppendString(packet.AuthenticationMethod, "MAGIC")
	_, err = s.dial(t, &packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte("c"), Properties: unknown})
	if !errors.Is(err, packet.BadAuthenticationMethod) || !strings.Contains(err.Error(), "the authentication methods are SCRAM-SHA-256") {
		t.Errorf("an unknown method: %v", err)
	}
	if _, err = s.dialAt(t, "old", &packet.Connect{Version: packet.V5, CleanStart: true}); !errors.Is(err, packet.ServerMoved) {
		t.Errorf("a listener that has moved: %v", err)
	}
}

// dial connects a client to the listener "local".
func (s *station) dial(t *testing.T, p *packet.Connect) (*client.Client, error) {
	t.Helper()
	return s.dialAt(t, "local", p)
}

func (s *station) dialAt(t *testing.T, listener string, p *packet.Connect) (*client.Client, error) {
	t.Helper()
	nc, err := net.Dial("tcp", s.Address(listener).String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), nc, p, client.Options{})
	if err != nil {
		nc.Close()
		return nil, err
	}
	var running sync.WaitGroup
	running.Go(func() { c.Run(context.Background()) })
	t.Cleanup(func() {
		c.Close()
		running.Wait()
	})
	return c, nil
}
