package cost

import (
	"math"

	"skerry/broker/packet"
)

// What packets cost beside their payload, in bytes, as package budget has it: IPv4, TCP and its time stamps.
const (
	plainHeader = 40   // of IPv4 and TCP
	stamps      = 12   // of TCP, in each packet, where the kernel of the station offers them
	longer      = 20   // of IPv6, in each packet
	synOptions  = 8    // of a first packet, beside the time stamps
	frame       = 1500 // bytes of a full packet
	record      = 22   // of TLS 1.3: 5 of header, 1 of type, 16 of authentication. In 1.2 it is 29
	older       = 29   // with AES-GCM, which has 8 bytes of nonce
	puback      = 4    // and PUBREC, PUBREL, PUBCOMP, when all is well
	ping        = 2    // PINGREQ and PINGRESP
)

// Machine is what of a machine the bytes on its links hang on. The zero Machine is as Linux comes.
type Machine struct {
	NoTimeStamps bool // net.ipv4.tcp_timestamps is 0: packets of TCP have no time stamps
}

// wire is how packets travel.
type wire struct {
	tls     int // bytes of a record's frame; 0: no TLS
	version packet.Version
	bare    bool // without time stamps
	six     bool // by IPv6
}

// header of a segment with payload, and of a pure acknowledgement.
func (w wire) header() float64 {
	bytes := plainHeader + stamps
	if w.bare {
		bytes -= stamps
	}
	if w.six {
		bytes += longer
	}
	return float64(bytes)
}

// syn is a first packet, and its answer: with an option more for each side's time stamps their padding is not needed.
func (w wire) syn() float64 {
	if w.bare {
		return w.header() + synOptions + 4
	}
	return w.header() + synOptions
}

// segment is how many bytes of payload a full one has.
func (w wire) segment() float64 { return frame - w.header() }

// sent is what a write of so many bytes costs that goes one way.
func (w wire) sent(bytes float64) float64 {
	bytes += float64(w.tls) * math.Ceil(bytes/(16<<10))
	return bytes + w.header()*math.Ceil(bytes/w.segment())
}

// extra is what the segments beyond the first of a write make the other side acknowledge before it answers: every second one.
func (w wire) extra(bytes float64) float64 {
	return w.header() * math.Floor(math.Ceil((bytes+float64(w.tls))/w.segment())/2)
}

// exchange is what it costs to send bytes that hold so many messages of a QoS, and to have them acknowledged. beside is how many such exchanges there are at the same
// moment, this one among them: every second answer is acknowledged then. A server answers the first of several messages by itself, and the others when that has been
// acknowledged: Nagle's algorithm, at mosquitto as it comes.
func (w wire) exchange(bytes, messages float64, qos byte, beside float64) float64 {
	up := w.sent(bytes) + w.extra(bytes)
	shared := math.Ceil(beside/2) / beside // of the pure acknowledgements, what falls on this one
	if qos == 0 {
		return up + w.header()*shared // of TCP alone
	}
	twice := min(max(messages-1, 0), 1) / beside // of one and a half messages, half of the time
	answer := w.sent(puback*messages) + twice*(float64(w.tls)+w.header())
	acked := w.header() * (shared + twice)
	if qos == 1 {
		return up + answer + acked
	}
	// PUBREC, PUBREL, which acknowledges it, and PUBCOMP. Where the first PUBREC comes alone so does its PUBCOMP.
	return up + 3*answer + acked + w.header()*twice
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
func (w wire) pinged() float64 { return 2*w.sent(ping) + w.header() }
