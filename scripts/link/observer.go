package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
	"skerry/scripts/rig"
)

// observer sees what arrives upstream.
type observer struct {
	wire *rig.Wire
	over chan struct{}

	mu    sync.Mutex
	first map[int]time.Time // by number
	known map[string]bool   // messages of blocks

	primers map[uint32]*pack.Primer // the watcher's
	twice   int
}

// observe subscribes to the readings at a server that is in the namespace of the calling thread. It asks for QoS 0, so that the server's
// window is not in the way.
func observe(address string) (*observer, error) {
	w, _, err := rig.Connect(address, "observer", true)
	if err != nil {
		return nil, err
	}
	if err := w.Subscribe(0, "farm/#", "site/gw01/pack/#"); err != nil {
		w.Close()
		return nil, err
	}
	o := &observer{wire: w, over: make(chan struct{}), first: map[int]time.Time{}, known: map[string]bool{}, primers: map[uint32]*pack.Primer{}}
	go o.watch()
	return o, nil
}

func (o *observer) watch() {
	defer close(o.over)
	for {
		h, err := o.wire.ReceiveWithin(time.Hour)
		now := time.Now()
		var p packet.Publish
		if err == nil && h.Type == packet.PUBLISH {
			err = p.Decode(packet.V311, h)
		}
		if err != nil {
			return // closed, or what is missing will tell
		}
		for _, payload := range o.unpack(&p) {
			o.note(payload, now)
		}
	}
}

// unpack gives the payload of a message, or those of a block that are new.
func (o *observer) unpack(p *packet.Publish) (payloads [][]byte) {
	if !bytes.HasPrefix(p.TopicName, []byte("site/gw01/pack/")) {
		return [][]byte{p.Payload}
	}
	if primer, err := pack.NewPrimer(p.Payload); err == nil {
		o.primers[primer.ID()] = primer
	}
	head, list, err := pack.DecodeWith(p.Payload, pack.Limits{}, func(id uint32) *pack.Primer { return o.primers[id] })
	if err != nil {
		return nil // what is missing will tell
	}
	for _, m := range list {
		id := fmt.Sprint(head.Epoch, head.Stream, m.Sequence)
		if !o.known[id] {
			o.known[id] = true
			payloads = append(payloads, m.Payload)
		}
	}
	return payloads
}

func (o *observer) note(payload []byte, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := numberOf(payload)
	if n < 0 {
		return
	}
	if _, ok := o.first[n]; ok {
		o.twice++
	} else {
		o.first[n] = now
	}
}

func (o *observer) close() {
	o.wire.Close()
	<-o.over
}

// count is how many different readings have come.
func (o *observer) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.first)
}

// when tells when a reading came; the zero time if it has not.
func (o *observer) when(number int) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first[number]
}

// firstFrom tells when the first of the readings with this number or a higher one came; the zero time if none has.
func (o *observer) firstFrom(number int) (first time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, at := range o.first {
		if n >= number && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// repeated is how many readings have come once more.
func (o *observer) repeated() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.twice
}

// span is when the first and the last of the readings from..to-1 came, and how many of them there are.
func (o *observer) span(from, to int) (first, last time.Time, have int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n := from; n < to; n++ {
		at, ok := o.first[n]
		if !ok {
			continue
		}
		have++
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last, have
}

// until waits for a reading.
func (o *observer) until(ctx context.Context, number int, patience time.Duration) (time.Time, error) {
	var at time.Time
	err := until(ctx, patience, fmt.Sprintf("reading %d arrives", number), func() bool {
		at = o.when(number)
		return !at.IsZero()
	})
	return at, err
}

// untilCount waits until so many have come.
func (o *observer) untilCount(ctx context.Context, n int, patience time.Duration) error {
	err := until(ctx, patience, fmt.Sprintf("%d readings arrive", n), func() bool { return o.count() >= n })
	if err != nil {
		return fmt.Errorf("%w: %d have", err, o.count())
	}
	return nil
}

// until looks every 5 ms whether something is true.
func until(ctx context.Context, patience time.Duration, what string, ok func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			if now.After(deadline) {
				return fmt.Errorf("not within %v: %s", patience, what)
			}
		}
	}
	return nil
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
