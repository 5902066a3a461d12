package cost

import (
	"math"

	"skerry/broker/packet"
)

// What packets cost beside their payload, in bytes, as package budget has it: IPv4, TCP and its time stamps. IPv6 is 20 more for each packet.
const (
	header  = 52   // of a segment with payload, and of a pure acknowledgement
	syn     = 60   // with the options of a first packet
	record  = 22   // of TLS 1.3: 5 of header, 1 of type, 16 of authentication. In 1.2 it is 29
	older   = 29   // with AES-GCM, which has 8 bytes of nonce
	segment = 1448 // bytes of payload in a full one
	puback  = 4    // and PUBREC, PUBREL, PUBCOMP, when all is well
	ping    = 2    // PINGREQ and PINGRESP
)

// wire is how packets travel.
type wire struct {
	tls     int // bytes of a record's frame; 0: no TLS
	version packet.Version
}

// sent is what a write of so many bytes costs that goes one way.
func (w wire) sent(bytes float64) float64 {
	bytes += float64(w.tls) * math.Ceil(bytes/(16<<10))
	return bytes + header*math.Ceil(bytes/segment)
}

// extra is what the segments beyond the first of a write make the other side acknowledge before it answers: every second one.
func (w wire) extra(bytes float64) float64 {
	return header * math.Floor(math.Ceil((bytes+float64(w.tls))/segment)/2)
}

// exchange is what it costs to send bytes that hold so many messages of a QoS, and to have them acknowledged. shared is the part of a pure acknowledgement that
// falls on it: one, when nothing else is acknowledged within 40 ms.
func (w wire) exchange(bytes, messages float64, qos byte, shared float64, m mode) float64 {
	up := w.sent(bytes) + w.extra(bytes)
	if qos == 0 {
		return up + header*shared // of TCP alone
	}
	answer := w.sent(puback * messages)
	acked := header * shared
	if m == worst && messages > 1 { // the first by itself, the others when that has been acknowledged: Nagle's algorithm at the server
		answer = w.sent(puback) + w.sent(puback*(messages-1))
		acked = 2 * header
	}
	if qos == 1 {
		return up + answer + acked
	}
	// PUBREC, PUBREL, which acknowledges it, and PUBCOMP.
	return up + 3*answer + acked
}

// publish is the size of a PUBLISH packet.
func (w wire) publish(topic, payload, properties float64, qos byte, aliased bool) float64 {
	body := 2 + topic + payload
	if aliased {
		body = 2 + payload
		properties += 3
	}
	if qos > 0 {
		body += 2
	}
	if w.version == packet.V5 {
		body += 1 + properties
	}
	return 1 + varint(body) + body
}

// varint is how many bytes a length takes.
func varint(n float64) float64 {
	switch {
	case n < 128:
		return 1
	case n < 16384:
		return 2
	}
	return 3
}

// pinged is PINGREQ, its answer, and the acknowledgement of that.
func (w wire) pinged() float64 { return 2*w.sent(ping) + header }
