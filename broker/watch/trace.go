package watch

import (
	"context"
	"sync/atomic"

	"skerry/broker/packet"
)

// ahead is how many packets may wait for who watches; those beyond are left out and counted.
const ahead = 1024

// A Packet is one Control Packet as a Trace shows it. Payloads and passwords are not in it.
type Packet struct {
	packet.Summary
	In   bool   // received by us
	Left uint64 // packets before it that were left out, because whoever watches is too slow
}

// A Trace hands packets from those who carry them to one who watches. See may be called by several at a time.
type Trace struct {
	packets chan Packet
	left    atomic.Uint64
}

// NewTrace makes one.
func NewTrace() *Trace { return &Trace{packets: make(chan Packet, ahead)} }

// See tells of all whole packets in frames, of a connection of version v. It keeps nothing of them and never waits.
func (t *Trace) See(v packet.Version, in bool, frames []byte) {
	each(frames, func(frame []byte) {
		if len(t.packets) == cap(t.packets) {
			t.left.Add(1)
			return
		}
		p := Packet{Summary: packet.Summarize(v, frame), In: in, Left: t.left.Swap(0)}
		select {
		case t.packets <- p:
		default: // another one was faster
			t.left.Add(p.Left + 1)
		}
	})
}

// Show gives each packet to see, until ctx ends or see fails.
func (t *Trace) Show(ctx context.Context, see func(Packet) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-t.packets:
			if err := see(p); err != nil {
				return err
			}
		}
	}
}
