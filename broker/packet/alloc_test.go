package packet_test

import (
	"testing"

	"skerry/broker/packet"
)

// Every valid packet is read and written without garbage, into structs and a
// buffer that are used again.
func TestPacketsMakeNoGarbage(t *testing.T) {
	buffer := make([]byte, 0, 4096)
	for _, vector := range readVectors(t, "valid.txt") {
		h, err := packet.Split(vector.bytes)
		if err != nil {
			t.Fatal(err)
		}
		d := newDecoder(h.Type)
		n := testing.AllocsPerRun(20, func() {
			n, _, _ := packet.Next(vector.bytes, 1<<20)
			h, _ := packet.Split(vector.bytes[:n])
			if d.Decode(vector.version, h) == nil {
				buffer = d.Append(buffer[:0], vector.version)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", vector.where, n)
		}
	}
}

func TestPublishHeadMakesNoGarbage(t *testing.T) {
	buffer := make([]byte, 0, 256)
	properties := packet.Properties(nil).AppendString(packet.ContentType, "text")
	ids := []uint32{1, 2}
	if n := testing.AllocsPerRun(20, func() {
		head := packet.PublishHead{
			QoS: 1, PacketID: 9, TopicName: "a/b", HasExpiry: true, Expiry: 5,
			SubscriptionIDs: ids, Properties: properties, PayloadSize: 10,
		}
		buffer = head.Append(buffer[:0], packet.V5)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReadingPropertiesMakesNoGarbage(t *testing.T) {
	p := list()
	sum := 0
	if n := testing.AllocsPerRun(20, func() {
		for name, value := range p.UserProperties() {
			sum += len(name) + len(value)
		}
		for id := range p.SubscriptionIdentifiers() {
			sum += int(id)
		}
		alias, _ := p.TopicAlias()
		sum += int(alias)
		sum += len(p.Without(packet.MessageExpiryInterval, packet.ContentType))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPublishDecode(b *testing.B) {
	p := packet.Publish{QoS: 1, PacketID: 7, TopicName: []byte("lake/wx-042/air/temperature"), Payload: make([]byte, 64)}
	for name, v := range map[string]packet.Version{"3.1.1": packet.V311, "5.0": packet.V5} {
		frame := p.Append(nil, v)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n, _, _ := packet.Next(frame, 1<<20)
				h, _ := packet.Split(frame[:n])
				if err := p.Decode(v, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPublishHead(b *testing.B) {
	head := packet.PublishHead{QoS: 1, PacketID: 7, TopicName: "lake/wx-042/air/temperature", PayloadSize: 64}
	buffer := make([]byte, 0, 256)
	for b.Loop() {
		buffer = head.Append(buffer[:0], packet.V5)
	}
}
