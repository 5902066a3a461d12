package server_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"skerry/broker/server"
)

// wait fails the test unless the token succeeds.
func wait(t *testing.T, what string, token paho3.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatalf("%s: no answer", what)
	}
	if err := token.Error(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("no message came")
		panic("unreachable")
	}
}

func pahoOptions(address, id string) *paho3.ClientOptions {
	return paho3.NewClientOptions().AddBroker("tcp://" + address).SetClientID(id).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(patience)
}

func pahoConnect(t *testing.T, o *paho3.ClientOptions) paho3.Client {
	t.Helper()
	c := paho3.NewClient(o)
	wait(t, "connect", c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// paho.mqtt.golang, MQTT 3.1.1.
func TestPaho311(t *testing.T) {
	_, address := start(t, server.Limits{})
	got := make(chan paho3.Message, 100)
	sub := pahoConnect(t, pahoOptions(address, "sub"))
	wait(t, "subscribe", sub.Subscribe("t/#", 2, func(_ paho3.Client, m paho3.Message) { got <- m }))
	pub := pahoConnect(t, pahoOptions(address, "pub").SetWill("t/will", "gone", 1, false))
	for qos := range byte(3) {
		for i := range 20 {
			text := fmt.Sprintf("%d/%d", qos, i)
			wait(t, "publish", pub.Publish("t/x", qos, false, text))
			if m := receive(t, got); string(m.Payload()) != text || m.Qos() != qos || m.Topic() != "t/x" {
				t.Fatalf("got %s %q at QoS %d, want %q at QoS %d", m.Topic(), m.Payload(), m.Qos(), text, qos)
			}
		}
	}
	wait(t, "publish", pub.Publish("t/kept", 1, true, "kept"))
	receive(t, got)
	kept := make(chan paho3.Message, 1)
	wait(t, "subscribe", pub.Subscribe("+/kept", 1, func(_ paho3.Client, m paho3.Message) { kept <- m }))
	if m := receive(t, kept); !m.Retained() || string(m.Payload()) != "kept" {
		t.Errorf("retained: %q, %v", m.Payload(), m.Retained())
	}
	wait(t, "unsubscribe", sub.Unsubscribe("t/#"))
}

func TestPaho311OfflineQueue(t *testing.T) {
	_, address := start(t, server.Limits{})
	got := make(chan paho3.Message, 100)
	options := pahoOptions(address, "sub").SetCleanSession(false).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ paho3.Client, m paho3.Message) { got <- m })
	sub := paho3.NewClient(options)
	wait(t, "connect", sub.Connect())
	wait(t, "subscribe", sub.Subscribe("t", 2, nil))
	sub.Disconnect(100)

	pub := pahoConnect(t, pahoOptions(address, "pub"))
	const messages = 60
	for i := range messages {
		wait(t, "publish", pub.Publish("t", byte(1+i%2), false, fmt.Sprint(i)))
	}
	sub = paho3.NewClient(options)
	token := sub.Connect().(*paho3.ConnectToken)
	wait(t, "connect", token)
	defer sub.Disconnect(0)
	if !token.SessionPresent() {
		t.Error("SessionPresent is 0")
	}
	for i := range messages {
		if m := receive(t, got); string(m.Payload()) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.Payload())
		}
	}
}

// paho5 connects a 5.0 Client.
func paho5(t *testing.T, address string, c *paho.Connect, on func(*paho.Publish)) (*paho.Client, *paho.Connack) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return paho5On(t, nc, c, on)
}

// paho5On connects a 5.0 Client by a connection that stands.
func paho5On(t *testing.T, nc net.Conn, c *paho.Connect, on func(*paho.Publish)) (*paho.Client, *paho.Connack) {
	t.Helper()
	client := paho.NewClient(paho.ClientConfig{
		Conn: nc,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(r paho.PublishReceived) (bool, error) { on(r.Packet); return true, nil },
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	connack, err := client.Connect(ctx, c)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { client.Disconnect(&paho.Disconnect{}) })
	return client, connack
}

// paho.golang, MQTT 5.0.
func TestPaho5(t *testing.T) {
	_, address := start(t, server.Limits{})
	got := make(chan *paho.Publish, 100)
	sub, connack := paho5(t, address, &paho.Connect{ClientID: "sub", CleanStart: true, KeepAlive: 30}, func(p *paho.Publish) { got <- p })
	if !connack.Properties.SharedSubAvailable || *connack.Properties.ReceiveMaximum != 64 {
		t.Errorf("CONNACK properties %+v", connack.Properties)
	}
	id := 42
	_, err := sub.Subscribe(t.Context(), &paho.Subscribe{
		Properties:    &paho.SubscribeProperties{SubscriptionIdentifier: &id},
		Subscriptions: []paho.SubscribeOptions{{Topic: "t/#", QoS: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pub, _ := paho5(t, address, &paho.Connect{ClientID: "pub", CleanStart: true, KeepAlive: 30}, func(*paho.Publish) {})
	for qos := range byte(3) {
		for i := range 20 {
			m := &paho.Publish{Topic: "t/x", QoS: qos, Payload: fmt.Append(nil, i), Properties: &paho.PublishProperties{
				ContentType: "text/plain", ResponseTopic: "answers", CorrelationData: []byte{1, 2, 3},
				User: paho.UserProperties{{Key: "z", Value: "1"}, {Key: "a", Value: "2"}, {Key: "z", Value: "3"}},
			}}
			if _, err := pub.Publish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			checkPaho5(t, receive(t, got), m, id)
		}
	}
}

func checkPaho5(t *testing.T, got, want *paho.Publish, id int) {
	t.Helper()
	p := got.Properties
	switch {
	case got.QoS != want.QoS, got.Topic != want.Topic, string(got.Payload) != string(want.Payload):
		t.Fatalf("got %s at QoS %d: %q", got.Topic, got.QoS, got.Payload)
	case p.ContentType != "text/plain", p.ResponseTopic != "answers", string(p.CorrelationData) != "\x01\x02\x03":
		t.Fatalf("properties %+v", p)
	case fmt.Sprint(p.User) != fmt.Sprint(want.Properties.User):
		t.Fatalf("user properties %v, want %v", p.User, want.Properties.User)
	case p.SubscriptionIdentifier == nil || *p.SubscriptionIdentifier != id:
		t.Fatalf("subscription identifier %v, want %d", p.SubscriptionIdentifier, id)
	}
}

func TestPaho5Resume(t *testing.T) {
	_, address := start(t, server.Limits{})
	got := make(chan *paho.Publish, 100)
	expiry := uint32(3600)
	connect := func(clean bool) (*paho.Client, *paho.Connack) {
		return paho5(t, address, &paho.Connect{
			ClientID: "sub", CleanStart: clean, KeepAlive: 30,
			Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry},
		}, func(p *paho.Publish) { got <- p })
	}
	sub, _ := connect(true)
	if _, err := sub.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "t", QoS: 2}}}); err != nil {
		t.Fatal(err)
	}
	sub.Disconnect(&paho.Disconnect{})
	pub, _ := paho5(t, address, &paho.Connect{ClientID: "pub", CleanStart: true, KeepAlive: 30}, func(*paho.Publish) {})
	for i := range 30 {
		if _, err := pub.Publish(t.Context(), &paho.Publish{Topic: "t", QoS: byte(1 + i%2), Payload: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, connack := connect(false); !connack.SessionPresent {
		t.Error("SessionPresent is 0")
	}
	for i := range 30 {
		if m := receive(t, got); string(m.Payload) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.Payload)
		}
	}
}
