package broker_test

import (
	"fmt"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
)

// BenchmarkFilter publishes to one plain subscriber, beside content filters that are there, or that somebody has subscribed
// to. Compare with "none".
func BenchmarkFilter(b *testing.B) {
	const number, json = "31.5", `{"value":31.5,"unit":"°C","time":"2026-11-29T13:00:00Z"}`
	for _, tc := range []struct {
		name       string
		filters    int
		subscribed bool
		when       string
		payload    string
	}{
		{"none", 0, false, "", number},
		{"configured", 5, false, "value > 30", number},
		{"number, does not hold", 1, true, "value > 40", number},
		{"number, holds", 1, true, "value > 30", number},
		{"JSON, does not hold", 1, true, "value > 40", json},
		{"JSON, 5 filters, does not hold", 5, true, "value > 40", json},
		{"JSON member, does not hold", 1, true, `data.unit == "°F" and value > 40`, json},
		{"topic, does not hold", 1, true, `topic endsWith "humidity"`, number},
	} {
		b.Run(tc.name, func(b *testing.B) {
			var o broker.Options
			for i := range tc.filters {
				o.Filters = append(o.Filters, broker.Filter{Name: fmt.Sprint("f", i), Match: []string{"+/+/+/temperature"}, Condition: condition(b, tc.when)})
			}
			br := benchBrokerWith(b, o)
			to := sinks(b, br, 1, 0, 0)[0]
			for i := range tc.filters {
				if s := connectSink(b, br, fmt.Sprint("behind", i)); tc.subscribed {
					s.session.Subscribe([]broker.Subscription{{TopicFilter: fmt.Sprintf("$filter/f%d/#", i)}}, nil)
				}
			}
			p, _, err := br.Connect(broker.ConnectOptions{ClientID: "p", Version: packet.V5})
			if err != nil {
				b.Fatal(err)
			}
			var touched broker.Touched
			payload := []byte(tc.payload)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				p.Publish(&broker.Message{TopicName: "site/gateway/air/temperature", Payload: payload}, &touched)
				if n++; n%batch == 0 {
					touched.Flush()
				}
			}
			touched.Flush()
			if int(to.count.Load()) != n {
				b.Errorf("%d of %d delivered", to.count.Load(), n)
			}
		})
	}
}

func connectSink(b *testing.B, br *broker.Broker, clientID string) *sink {
	b.Helper()
	k := &sink{}
	s, _, err := br.Connect(broker.ConnectOptions{ClientID: clientID, Version: packet.V5, Conn: k})
	if err != nil {
		b.Fatal(err)
	}
	k.session = s
	return k
}
