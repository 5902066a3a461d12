package main

import (
	"skerry/broker/packet"
)

// often is as often as it likes.
const often = 1000

// exchanges are those of TestKilledAtEveryPacket.
var exchanges = []exchange{
	{"CONNECT", func(l *life) {
		l.at("nothing")
		c := l.knock("c", false)
		l.at("CONNECT sent")
		c.welcome()
		l.at("CONNACK received")
	}, func(l *life) {
		if c := l.connect("c", false); !c.here && l.passed("CONNACK received") {
			l.t.Error("the session is gone")
		}
	}},
	{"CONNECT-clean", func(l *life) {
		l.keep()
		l.say("old", 1)
		l.at("nothing")
		c := l.knock("keeper", true)
		l.at("CONNECT sent")
		c.welcome()
		l.at("CONNACK received")
	}, func(l *life) {
		c := l.connect("keeper", false)
		c.subscribe(l.topic())
		for {
			h := c.read()
			if h.Type == packet.SUBACK {
				break
			}
			l.take(c, h)
		}
		l.drain(c)
		if l.passed("CONNACK received") {
			l.want("old", 0, 0)
		}
	}},
	{"SUBSCRIBE", func(l *life) {
		l.c = l.connect("keeper", false)
		l.at("nothing")
		l.c.subscribe(l.topic())
		l.at("SUBSCRIBE sent")
		l.c.expect(packet.SUBACK)
		l.at("SUBACK received")
	}, func(l *life) {
		c := l.connect("keeper", false)
		if !l.passed("SUBACK received") {
			c.subscribe(l.topic())
			c.expect(packet.SUBACK)
		}
		l.say("m", 1)
		l.drain(c)
		l.want("m", 1, often)
	}},
	{"UNSUBSCRIBE", func(l *life) {
		l.keep()
		l.c = l.connect("keeper", false)
		l.at("nothing")
		u := packet.Unsubscribe{PacketID: 1, TopicFilters: [][]byte{[]byte(l.topic())}}
		l.c.send(u.Append(nil, l.v))
		l.at("UNSUBSCRIBE sent")
		l.c.expect(packet.UNSUBACK)
		l.at("UNSUBACK received")
	}, func(l *life) {
		l.say("m", 1)
		c := l.connect("keeper", false)
		c.subscribe(l.topic())
		for {
			h := c.read()
			if h.Type == packet.SUBACK {
				break
			}
			l.take(c, h)
		}
		l.drain(c)
		if l.passed("UNSUBACK received") {
			l.want("m", 0, 0)
		} else if !l.passed("UNSUBSCRIBE sent") {
			l.want("m", 1, often)
		}
	}},
	{"PUBLISH-in-QoS1", func(l *life) {
		l.keep()
		l.c = l.connect("c", false)
		l.at("nothing")
		l.c.publish(l.topic(), "m", 1, false)
		l.at("PUBLISH sent")
		l.c.expect(packet.PUBACK)
		l.at("PUBACK received")
	}, func(l *life) {
		if !l.passed("PUBACK received") {
			c := l.connect("c", false)
			c.publish(l.topic(), "m", 1, l.passed("PUBLISH sent"))
			c.expect(packet.PUBACK)
		}
		l.drain(l.connect("keeper", false))
		l.want("m", 1, often)
	}},
	{"PUBLISH-in-QoS2", func(l *life) {
		l.keep()
		l.c = l.connect("c", false)
		l.at("nothing")
		l.c.publish(l.topic(), "m", 2, false)
		l.at("PUBLISH sent")
		l.c.expect(packet.PUBREC)
		l.at("PUBREC received")
		l.c.ack(packet.PUBREL, 1)
		l.at("PUBREL sent")
		l.c.expect(packet.PUBCOMP)
		l.at("PUBCOMP received")
	}, func(l *life) {
		if !l.passed("PUBCOMP received") {
			c := l.connect("c", false)
			if !l.passed("PUBREC received") {
				c.publish(l.topic(), "m", 2, l.passed("PUBLISH sent"))
				c.expect(packet.PUBREC)
			}
			c.ack(packet.PUBREL, 1)
			c.expect(packet.PUBCOMP)
		}
		l.drain(l.connect("keeper", false))
		l.want("m", 1, 1)
	}},
	{"PUBLISH-out-QoS1", func(l *life) {
		l.keep()
		l.say("m", 1)
		l.at("nothing")
		l.c = l.connect("keeper", false)
		m := l.message(l.c, l.c.expect(packet.PUBLISH))
		l.got[string(m.Payload)]++
		l.at("PUBLISH received")
		l.c.ack(packet.PUBACK, m.PacketID)
		l.at("PUBACK sent")
	}, func(l *life) {
		l.drain(l.connect("keeper", false))
		l.want("m", 1, often)
	}},
	{"PUBLISH-out-QoS2", func(l *life) {
		l.keep()
		l.say("m", 2)
		l.at("nothing")
		l.c = l.connect("keeper", false)
		m := l.message(l.c, l.c.expect(packet.PUBLISH))
		l.got[string(m.Payload)]++
		l.held[m.PacketID] = true
		l.at("PUBLISH received")
		l.c.ack(packet.PUBREC, m.PacketID)
		l.at("PUBREC sent")
		l.c.expect(packet.PUBREL)
		delete(l.held, m.PacketID)
		l.at("PUBREL received")
		l.c.ack(packet.PUBCOMP, m.PacketID)
		l.at("PUBCOMP sent")
	}, func(l *life) {
		l.drain(l.connect("keeper", false))
		l.want("m", 1, 1)
	}},
	{"PUBLISH-retained", func(l *life) {
		l.c = l.connect("c", false)
		l.at("nothing")
		m := packet.Publish{QoS: 1, Retain: true, TopicName: []byte(l.topic()), Payload: []byte("m"), PacketID: 1}
		l.c.send(m.Append(nil, l.v))
		l.at("PUBLISH sent")
		l.c.expect(packet.PUBACK)
		l.at("PUBACK received")
	}, func(l *life) {
		l.keep()
		l.drain(l.connect("keeper", false))
		if l.passed("PUBACK received") {
			l.want("m", 1, often)
		}
	}},
}
