package watch_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/broker/watch"
)

func TestMeter(t *testing.T) {
	m := packet.Publish{TopicName: []byte("a"), Payload: []byte("1234")}
	frames := m.Append(packet.Pingreq{}.Append(nil, packet.V5), packet.V5)
	var meter watch.Meter
	meter.Count(packet.V5, append(bytes.Clone(frames), 0x30, 9)) // what is not whole does not count
	meter.Count(packet.V5, frames)
	if got, want := meter.Read(), (watch.Traffic{Packets: 4, Bytes: uint64(2 * len(frames)), Publishes: 2, Payload: 8}); got != want || meter.Publishes() != 2 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTrace: what comes faster than it is looked at is left out, and its number told; who carries packets never waits.
func TestTrace(t *testing.T) {
	tr := watch.NewTrace()
	for range 3000 {
		tr.See(packet.V311, true, []byte{0xC0, 0, 0xC0, 0})
	}
	enough := errors.New("enough")
	shown := 0
	err := tr.Show(t.Context(), func(p watch.Packet) error {
		if p.Type != packet.PINGREQ || !p.In || p.Size != 2 {
			t.Errorf("%+v", p)
		}
		if shown++; shown == 1024 {
			tr.See(packet.V311, false, []byte{0xD0, 0})
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	err = tr.Show(t.Context(), func(p watch.Packet) error {
		if p.Type != packet.PINGRESP || p.In || p.Left != 6000-1024 {
			t.Errorf("%+v", p)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestShowEnds with its context.
func TestShowEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := watch.NewTrace().Show(ctx, nil); err != nil {
		t.Error(err)
	}
}
