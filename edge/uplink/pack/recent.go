package pack

import (
	"bytes"
	"errors"
)

// Recent keeps the latest message of each topic of a stream, which is what primers are made of, and tells when a new one pays. It copies what it keeps, which is
// within the bounds of a primer, and begins anew with another epoch. The zero value is ready. It is for one goroutine.
type Recent struct {
	epoch  uint64
	latest []Message // their sequences rise
	held   int       // their bytes

	trial    Encoder
	fresh    *Primer // what a new one would be, as of a few blocks ago; nil: nothing is known
	length   int     // of its block
	age      int     // blocks since it was made
	needless int     // bytes that blocks would not have had with it
}

const (
	// renewal is after how many blocks it is looked what a new primer would be.
	renewal = 16
	// weighed is how many messages a block may have for which it is looked what a new primer would save: it is coded once more for that.
	weighed = 32
)

// Sent notes the messages of a block, in their order, and the bytes that it has: whether it was primed, and with what, does not matter. Messages that come before
// those that are kept, as in a backlog, are not kept. It codes a block of few messages once more.
func (r *Recent) Sent(h Head, messages []Message, size int) {
	if len(messages) == 0 {
		return
	}
	if h.Epoch != r.epoch {
		*r = Recent{epoch: h.Epoch}
	}
	if len(messages) <= weighed {
		r.weigh(h, messages, size)
	}
	for i := range messages {
		r.note(&messages[i])
	}
}

// weigh adds what a block would have saved with a new primer.
func (r *Recent) weigh(h Head, messages []Message, size int) {
	if r.age++; r.fresh == nil || r.age >= renewal {
		if block, p := r.make(h, 0); p != nil {
			r.fresh, r.length, r.age = p, len(block), 0
		}
	}
	if n := r.with(h, messages); n > 0 {
		r.needless += max(0, size-n)
	}
}

// with is how many bytes a block would have with a new primer; 0: none serves.
func (r *Recent) with(h Head, messages []Message) int {
	h.Keep = false
	if !r.fresh.serves(&h, messages[0].Sequence) {
		return 0
	}
	r.trial.BeginPrimed(h, r.fresh, 0)
	for _, m := range messages {
		if r.trial.Append(m) != nil {
			return 0
		}
	}
	block, _ := r.trial.Seal(nil)
	return len(block)
}

// note keeps a message instead of the one before it of its topic.
func (r *Recent) note(m *Message) {
	if n := len(r.latest); m.bytes() > MaxPrimerBytes/2 || n > 0 && m.Sequence <= r.latest[n-1].Sequence {
		return
	}
	for i := range r.latest {
		if r.latest[i].Topic == m.Topic {
			r.drop(i)
			break
		}
	}
	for len(r.latest) >= MaxPrimerMessages || r.held+m.bytes() > MaxPrimerBytes {
		r.drop(0)
	}
	kept := *m
	kept.Payload, kept.Properties = bytes.Clone(m.Payload), bytes.Clone(m.Properties)
	r.latest = append(r.latest, kept)
	r.held += m.bytes()
}

func (r *Recent) drop(i int) {
	r.held -= r.latest[i].bytes()
	n := copy(r.latest[i:], r.latest[i+1:])
	r.latest[i+n] = Message{}
	r.latest = r.latest[:i+n]
}

// Pays tells whether the blocks since the last primer would have had fewer bytes with a new one, by more than that costs: its block, and so many bytes beside it
// (of headers, its topic, its acknowledgement). So it costs at most as much again as it saves, and less the longer it serves.
func (r *Recent) Pays(beside int) bool {
	return r.fresh != nil && r.needless > r.length+beside
}

// Primer makes a primer, of at most limit bytes (0: [MaxPrimer]), of the latest message of each topic, or of the latest ones of all if they are too many. It is to be
// published with RETAIN; when it is acknowledged blocks may be primed with it. Its messages have come, or will, in other blocks too, and may lie below the floor, which it does not tell. nil: there is
// nothing to make it of, in this epoch.
func (r *Recent) Primer(h Head, limit int) (block []byte, p *Primer) {
	if h.Epoch != r.epoch {
		return nil, nil
	}
	block, p = r.make(h, limit)
	if p != nil {
		r.fresh, r.length, r.age, r.needless = p, len(block), 0, 0
	}
	return block, p
}

func (r *Recent) make(h Head, limit int) ([]byte, *Primer) {
	h.Keep, h.Floor = true, 0
	for messages := r.latest; len(messages) > 0; messages = messages[(len(messages)+1)/2:] {
		r.trial.Begin(h, limit)
		full := false
		for _, m := range messages {
			full = full || errors.Is(r.trial.Append(m), ErrFull)
		}
		if block, _ := r.trial.Seal(nil); !full {
			if p, err := NewPrimer(block); err == nil {
				return block, p
			}
		}
	}
	return nil, nil
}
