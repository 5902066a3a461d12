package server_test

import (
	"fmt"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// startFiltered is a station with the content filter "hot", for values over 30.
func startFiltered(t *testing.T) (address string) {
	t.Helper()
	hot, err := filter.Compile("value > 30")
	if err != nil {
		t.Fatal(err)
	}
	o := broker.Options{Filters: []broker.Filter{{Name: "hot", Match: []string{"#"}, Condition: hot}}}
	st := openStationOf(t, vfs.NewDisk(), server.Options{}, queue.Options{SlotSize: 1 << 20}, o)
	address = st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	return address
}

// TestFilterRoutes311: a library that calls a function for each Topic Filter calls the right one.
func TestFilterRoutes311(t *testing.T) {
	address := startFiltered(t)
	plain, hot := make(chan paho3.Message, 100), make(chan paho3.Message, 100)
	sub := pahoConnect(t, pahoOptions(address, "sub").SetDefaultPublishHandler(func(_ paho3.Client, m paho3.Message) {
		t.Errorf("nobody is there for %s", m.Topic())
	}))
	wait(t, "subscribe", sub.Subscribe("t/#", 2, func(_ paho3.Client, m paho3.Message) { plain <- m }))
	wait(t, "subscribe", sub.Subscribe("$filter/hot/t/#", 1, func(_ paho3.Client, m paho3.Message) { hot <- m }))
	pub := pahoConnect(t, pahoOptions(address, "pub"))
	for qos := range byte(3) {
		for _, value := range []string{"31", "29"} {
			wait(t, "publish", pub.Publish("t/x", qos, false, value))
			if m := receive(t, plain); string(m.Payload()) != value || m.Topic() != "t/x" || m.Qos() != qos {
				t.Errorf("plain: %s %q at QoS %d", m.Topic(), m.Payload(), m.Qos())
			}
		}
		if m := receive(t, hot); string(m.Payload()) != "31" || m.Topic() != "$filter/hot/t/x" || m.Qos() != min(qos, 1) {
			t.Errorf("hot: %s %q at QoS %d", m.Topic(), m.Payload(), m.Qos())
		}
	}
	if len(hot) > 0 {
		t.Error("more came through the filter")
	}
}

// TestFilterProperties5: behind a filter a message has all its properties and the identifier of the subscription; what is
// refused has its code, and the connection goes on.
func TestFilterProperties5(t *testing.T) {
	address := startFiltered(t)
	got := make(chan *paho.Publish, 100)
	sub, _ := paho5(t, address, &paho.Connect{ClientID: "sub", CleanStart: true, KeepAlive: 30}, func(p *paho.Publish) { got <- p })
	for topicFilter, want := range map[string]byte{"$filter/cold/#": 0x8F, "$filter/#": 0x8F} {
		suback, err := sub.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: topicFilter}}})
		if err == nil || suback == nil || fmt.Sprint(suback.Reasons) != fmt.Sprint([]byte{want}) {
			t.Errorf("%s: %v, %+v", topicFilter, err, suback)
		}
	}
	if r, err := sub.Publish(t.Context(), &paho.Publish{Topic: "$filter/hot/t/x", QoS: 1, Payload: []byte("31")}); err == nil || r.ReasonCode != 0x87 {
		t.Errorf("publish behind a filter: %v, %+v", err, r)
	}
	id := 42
	if _, err := sub.Subscribe(t.Context(), &paho.Subscribe{
		Properties:    &paho.SubscribeProperties{SubscriptionIdentifier: &id},
		Subscriptions: []paho.SubscribeOptions{{Topic: "$filter/hot/#", QoS: 2}},
	}); err != nil {
		t.Fatal(err)
	}
	m := &paho.Publish{Topic: "t/x", QoS: 2, Payload: []byte(`{"value":31}`), Properties: &paho.PublishProperties{
		ContentType: "text/plain", ResponseTopic: "answers", CorrelationData: []byte{1, 2, 3},
		User: paho.UserProperties{{Key: "z", Value: "1"}, {Key: "a", Value: "2"}, {Key: "z", Value: "3"}},
	}}
	if _, err := sub.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Topic = "$filter/hot/t/x"
	checkPaho5(t, receive(t, got), m, id)
}
