package cost

import (
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// TestExchange: what messages cost on the wire, reckoned by hand, and what was measured of them (docs/links-lab.md).
func TestExchange(t *testing.T) {
	plain, secure, old := wire{version: packet.V5}, wire{tls: record, version: packet.V5}, wire{tls: record, version: packet.V311}
	bare, six := wire{tls: record, version: packet.V5, bare: true}, wire{tls: record, version: packet.V5, six: true}
	for _, c := range []struct {
		name             string
		w                wire
		topic, payload   float64
		qos              byte
		aliased          bool
		messages, beside float64
		want             float64
	}{
		// 60 B of payload, alias: 1 + 1 + 2 + 2 + 1 + 3 + 60 = 70 B. Up 52 + 22 + 70, down 52 + 22 + 4, and 52.
		{"a reading with an alias", secure, 25, 60, 1, true, 1, 1, 144 + 78 + 52},
		// With its topic, 25 - 3 B more.
		{"a reading with its topic", secure, 25, 60, 1, false, 1, 1, 166 + 78 + 52},
		// 3.1.1 has no length of properties.
		{"a reading in MQTT 3.1.1", old, 25, 60, 1, false, 1, 1, 165 + 78 + 52},
		{"no TLS", plain, 25, 60, 1, true, 1, 1, 122 + 56 + 52},
		// No packet identifier, and only TCP answers.
		{"QoS 0", secure, 25, 60, 0, true, 1, 1, 142 + 52},
		// PUBREC, PUBREL and PUBCOMP.
		{"QoS 2", secure, 25, 60, 2, true, 1, 1, 144 + 3*78 + 52},
		// Three in one packet, 52 + 22 + 210 up; the first is answered alone: 78 + 82 down, and twice 52.
		{"three together", secure, 25, 60, 1, true, 3, 1, 284 + 78 + 82 + 104},
		// As a mean of one and two: 70 B and another answer half of the time.
		{"one and a half", secure, 25, 60, 1, true, 1.5, 1, 52 + 22 + 105 + 80 + 37 + 52 + 26},
		// Of two sensors that are read at the same time one acknowledgement of TCP covers both answers.
		{"half an acknowledgement", secure, 25, 60, 1, true, 1, 2, 144 + 78 + 26},
		// 12 B less for each of three packets, and 20 B more.
		{"no time stamps of TCP", bare, 25, 60, 1, true, 1, 1, 144 + 78 + 52 - 3*12},
		{"IPv6", six, 25, 60, 1, true, 1, 1, 144 + 78 + 52 + 3*20},
		// 4,000 B: 1 + 2 + 2 + 2 + 1 + 3 = 11 B before them, three segments, one more acknowledgement for every second one.
		{"a large one", secure, 25, 4000, 1, true, 1, 1, 4011 + 22 + 3*52 + 52 + 78 + 52},
	} {
		publish := c.w.publish(c.topic, c.payload, 0, c.qos, c.aliased)
		if got := c.w.exchange(c.messages*publish, c.messages, c.qos, c.beside); got != c.want {
			t.Errorf("%s: %.0f B, by hand %.0f B", c.name, got, c.want)
		}
	}
	if got := secure.pinged(); got != 204 { // docs/links-lab.md: 612 B for three
		t.Errorf("a ping costs %.0f B", got)
	}
	if got := plain.pinged(); got != 160 {
		t.Errorf("a ping costs %.0f B without TLS", got)
	}
}

// TestPings: one for each time that nothing is sent for as long as the interval; one that is due just when something is sent counts half.
func TestPings(t *testing.T) {
	for _, c := range []struct {
		gap  time.Duration
		want float64
	}{
		{0, 0}, {30 * time.Second, 0}, {59*time.Second + 500*time.Millisecond, 0.5}, {time.Minute, 0.5}, {90 * time.Second, 1}, {5 * time.Minute, 4.5}, {5*time.Minute + 10*time.Second, 5},
	} {
		if got := pings(c.gap, time.Minute); got != c.want {
			t.Errorf("in %v there are %v pings, want %v", c.gap, got, c.want)
		}
	}
}

// TestCut: blocks leave when linger is over, with something else, and when they are full.
func TestCut(t *testing.T) {
	var trace []dated
	for i := range 60 {
		at := time.Duration(i) * time.Second
		trace = append(trace, dated{at, &broker.Message{TopicName: "a/b", Payload: []byte(at.String()), QoS: 1}})
	}
	b := batching{encode: config.EncodePack, linger: 10*time.Second - time.Millisecond, limit: 1300, stream: "s"}
	all := b.cut(trace, nil)
	if n, _ := all.each(); n != 10 || all.left[0] != b.linger {
		t.Errorf("blocks of %v messages, the first left at %v", n, all.left[0])
	}
	all = b.cut(trace, []time.Duration{4 * time.Second, 7 * time.Second})
	if all.left[0] != 7*time.Second || all.beside != 1 {
		t.Errorf("the first block left at %v, %v beside others: one leaves with something else once it has waited for half of linger", all.left[0], all.beside)
	}
	b.limit = 38
	if n, bytes := func() (float64, float64) { all := b.cut(trace, nil); return all.each() }(); n >= 10 || bytes > 38 {
		t.Errorf("blocks of at most 38 B have %v messages in %v B", n, bytes)
	}
	b.linger = 0
	if all = b.cut(trace, nil); all.count != 60 {
		t.Errorf("%v blocks without linger", all.count)
	}
}
