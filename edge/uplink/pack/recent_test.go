package pack_test

import (
	"bytes"
	"fmt"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

// besidePrimer is what publishing a primer costs beside its block: TCP, TLS, topic, acknowledgement.
const besidePrimer = 150

// A sender sends each message in a block of its own, and new primers when they pay.
type sender struct {
	recent  pack.Recent
	primer  *pack.Primer
	bytes   int
	primers int
}

func (s *sender) send(t *testing.T, m pack.Message) {
	t.Helper()
	b := primedBlocks(t, s.primer, head, 0, []pack.Message{m})[0]
	s.bytes += len(b)
	s.recent.Sent(head, []pack.Message{m}, len(b))
	if !s.recent.Pays(besidePrimer) {
		return
	}
	block, p := s.recent.Primer(head, 1350)
	if p == nil || len(block) > 1350 || s.recent.Pays(besidePrimer) {
		t.Fatalf("a primer of %d bytes that pays, and then is made again", len(block))
	}
	s.primer, s.bytes = p, s.bytes+len(block)+besidePrimer
	s.primers++
}

// TestPrimersPay counts all that is sent, primers too, of lone readings that are minutes apart.
func TestPrimersPay(t *testing.T) {
	for _, c := range []struct {
		set     packtest.Set
		every   int // readings: there are two in a second
		most    float64
		primers int
	}{
		{packtest.Sets[0], 1, 19.3, 6}, {packtest.Sets[0], 61, 23.4, 6}, {packtest.Sets[0], 1201, 25.4, 5},
		{packtest.Sets[1], 1, 22.2, 6}, {packtest.Sets[1], 61, 25.3, 6}, {packtest.Sets[1], 1201, 27, 5},
	} {
		const n = 1000
		var s sender
		for i, m := range c.set.Make(n*c.every, 1) {
			if i%c.every == 0 {
				s.send(t, m)
			}
		}
		each := float64(s.bytes) / n
		t.Logf("%s, one reading of %d: %.1f bytes each, with all %d primers", c.set.Name, c.every, each, s.primers)
		if each > c.most || s.primers > c.primers || s.primers == 0 {
			t.Errorf("%s, one of %d: %.1f bytes each with %d primers, want %.1f and 1 to %d", c.set.Name, c.every, each, s.primers, c.most, c.primers)
		}
	}
}

// TestPrimersThatDoNotPay: what gains nothing by primers has few.
func TestPrimersThatDoNotPay(t *testing.T) {
	var s sender
	for i := range 500 {
		m := packtest.Any(300, uint64(i))[7]
		m.Topic, m.Sequence, m.Payload = fmt.Sprintf("%x/%d", i*i*7919, i), uint64(i), fmt.Appendf(nil, "%x", i*i*i*7919)
		s.send(t, m)
	}
	if s.primers > 40 {
		t.Errorf("%d primers", s.primers)
	}
}

// TestRecent: the latest message of each topic is in the primer, as it was when it was sent, as far as there is room.
func TestRecent(t *testing.T) {
	var r pack.Recent
	if block, p := r.Primer(head, 0); block != nil || p != nil || r.Pays(0) {
		t.Error("a primer of nothing")
	}
	messages := packtest.Regular(70, 1)
	r.Sent(head, messages[:65], 1000)
	for _, m := range messages {
		clear(m.Payload)
	}
	r.Sent(head, messages[:10], 1000) // come too late
	late := head
	late.Floor = messages[64].Sequence // of what is sent; what is in the primer was sent before
	block, p := r.Primer(late, 0)
	h, got, err := pack.Decode(block, pack.Limits{})
	if err != nil || !h.Keep || p.Head() != h {
		t.Fatalf("%+v, %v", h, err)
	}
	compare(t, got, packtest.Regular(65, 1)[45:])

	other := head
	other.Epoch++
	r.Sent(other, packtest.Regular(3, 1), 1000)
	if block, _ := r.Primer(head, 0); block != nil {
		t.Error("a primer for one epoch of messages of another")
	}
	block, _ = r.Primer(other, 0)
	if h, got, err := pack.Decode(block, pack.Limits{}); err != nil || h.Epoch != other.Epoch || len(got) != 3 {
		t.Errorf("of another epoch: %+v, %d messages, %v", h, len(got), err)
	}

	var large pack.Recent
	many := packtest.Any(3000, 1)
	for i := range many {
		many[i].Topic = fmt.Sprint("t/", i)
	}
	large.Sent(head, many, 1<<20)
	for _, limit := range []int{0, 1350, 200} {
		block, _ := large.Primer(head, limit)
		_, got, err := pack.Decode(block, pack.Limits{})
		if err != nil || len(got) == 0 || limit > 0 && len(block) > limit || len(block) > pack.MaxPrimer {
			t.Fatalf("%d messages in %d bytes, %v", len(got), len(block), err)
		}
		compare(t, got, many[len(many)-len(got):])
	}
	huge := pack.Message{Topic: "a", Payload: bytes.Repeat([]byte("x"), 1<<20), Sequence: 1 << 62}
	large.Sent(head, []pack.Message{huge}, 1<<20)
	if block, _ := large.Primer(head, 0); len(block) > pack.MaxPrimer {
		t.Errorf("%d bytes", len(block))
	}
}
