package queue

import (
	"math/rand/v2"
	"testing"
)

// TestSweepsOfManyLosses: of a session that is away through many losses of power, with messages between, each packet id that
// was skipped is freed before a message gets it, and in the end; and all that takes no more than one turn of the ids, and
// one id for each message.
func TestSweepsOfManyLosses(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		const ids = 40
		x := newSessionState(1, SessionOptions{PacketIDs: Range{First: 1, Count: ids}})
		x.second, x.next = true, 1+r.Uint64N(3*ids)
		x.base = x.next
		most := map[uint64]bool{}
		for range 60 {
			if r.IntN(3) > 0 {
				x.skip(1 + r.Uint64N(12))
				continue
			}
			most[x.next] = true
			x.next++
		}
		due, again := x.sweep()
		held, swept := map[uint64]bool{}, 0
		for o := x.base; o < x.next; o++ {
			id := o % ids
			held[id] = held[id] || x.sweeps.has(o)
			switch {
			case most[o] && held[id]:
				t.Fatalf("seed %d: ordinal %d is a message, and its packet id was not freed; %v of %v", seed, o, due, x.sweeps)
			case due.has(o):
				held[id], swept = false, swept+1
			}
			if x.sweeps.has(o) != (due.has(o) || again.has(o)) || due.has(o) && again.has(o) {
				t.Fatalf("seed %d: ordinal %d of %v: swept are %v, not %v", seed, o, x.sweeps, due, again)
			}
		}
		for id, is := range held {
			if is {
				t.Fatalf("seed %d: packet id %d stays with the receiver; %v of %v", seed, id, due, x.sweeps)
			}
		}
		if swept > ids+len(most) {
			t.Fatalf("seed %d: %d ids are swept, of %d, for %d messages", seed, swept, ids, len(most))
		}
	}
}

// TestForgottenMessagesAreSwept: of a session the log knows acknowledgements, but no message any more. What it has
// forgotten may have used QoS 2: before the first message PUBREL frees the ids, one turn of them at most.
func TestForgottenMessagesAreSwept(t *testing.T) {
	for _, acked := range []uint64{1, 3, 1000} {
		x := newSessionState(1, SessionOptions{PacketIDs: Range{First: 1, Count: 40}})
		x.acknowledge(&ackedRecord{session: 1, base: acked})
		x.skip(skipOrdinals)
		first := x.next
		x.owe(1, &messageRecord{topic: []byte("a")}, &targetRecord{session: 1, ordinal: first, flags: 1})
		want := span{max(1, first-min(first, 40)), first}
		if len(x.sweeps) != 1 || x.sweeps[0] != want || x.base != want.from {
			t.Errorf("acknowledged below %d: swept are %v, base is %d; want %v", acked, x.sweeps, x.base, want)
		}
	}
}
