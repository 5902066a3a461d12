package watch

import (
	"sync/atomic"

	"skerry/broker/packet"
)

// Traffic is what has passed in one direction. A PUBLISH is among the packets too.
type Traffic struct {
	Packets   uint64 // Control Packets
	Bytes     uint64 // of these
	Publishes uint64 // PUBLISH packets
	Payload   uint64 // bytes of their payloads
}

// Add adds what has passed elsewhere.
func (t *Traffic) Add(n Traffic) {
	t.Packets += n.Packets
	t.Bytes += n.Bytes
	t.Publishes += n.Publishes
	t.Payload += n.Payload
}

// Meter is the Traffic of one connection in one direction. Who handles a batch of packets counts them in plain numbers of
// its own and adds the sum here, once: nothing is shared per message.
type Meter struct{ packets, bytes, publishes, payload atomic.Uint64 }

// Add adds a batch, and empties it.
func (m *Meter) Add(batch *Traffic) {
	m.packets.Add(batch.Packets)
	m.bytes.Add(batch.Bytes)
	if batch.Publishes > 0 {
		m.publishes.Add(batch.Publishes)
		m.payload.Add(batch.Payload)
	}
	*batch = Traffic{}
}

// Read gives the sum. It may be called at any time.
func (m *Meter) Read() Traffic {
	return Traffic{Packets: m.packets.Load(), Bytes: m.bytes.Load(), Publishes: m.publishes.Load(), Payload: m.payload.Load()}
}

// Publishes is that part of Read.
func (m *Meter) Publishes() uint64 { return m.publishes.Load() }

// Count counts whole packets of a connection of version v.
func (m *Meter) Count(v packet.Version, frames []byte) {
	var batch Traffic
	each(frames, func(frame []byte) {
		batch.Packets++
		batch.Bytes += uint64(len(frame))
		if h, err := packet.Split(frame); err == nil && h.Type == packet.PUBLISH {
			batch.Publishes++
			var p packet.Publish
			if p.Decode(v, h) == nil {
				batch.Payload += uint64(len(p.Payload))
			}
		}
	})
	m.Add(&batch)
}

// each calls f for every whole packet.
func each(frames []byte, f func(frame []byte)) {
	for {
		n, _, err := packet.Next(frames, 0)
		if err != nil || n == 0 {
			return
		}
		f(frames[:n])
		frames = frames[n:]
	}
}
