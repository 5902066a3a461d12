package uplink

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/array"
	"skerry/edge/uplink/pack"
)

const (
	// segment is what a block has at most that is to fit into one segment of TCP, with TLS and its topic.
	segment = 1300
	// mostTogether is how many messages a block has at most.
	mostTogether = 2048
	// besides is what a PUBLISH has beside topic and payload, at most: fixed header, lengths, Packet Identifier, an alias.
	besides = 16
	// rawTogether is how many bytes of messages a block has at most: what a ground end reads, and what it holds in memory.
	rawTogether = 256 << 10
	// blockMemory is what the messages of a stream that wait and are on their way take in memory at most, in bytes: a link with a long round trip is
	// full only with many blocks on their way.
	blockMemory = 2 << 20
)

// blockCoder writes messages as one payload. See pack.Encoder, whose methods these are.
type blockCoder interface {
	Begin(h pack.Head, limit int)
	Append(m pack.Message) error
	Len() int
	Seal(dst []byte) (block []byte, messages int)
}

func newCoder(s *stream) blockCoder {
	if s.encode == config.EncodeJSON {
		return &array.Encoder{Gzip: s.compress == config.Gzip}
	}
	return &pack.Encoder{}
}

// batch gathers the messages of a lane that leave in one block. It belongs to the writer.
type batch struct {
	coder  blockCoder
	head   pack.Head    // of the block
	primer *pack.Primer // that it goes on from, if it can; nil: none
	epoch  epoch
	parts  []piece // in the coder
	bytes  int     // of their topics, payloads and properties
	oldest time.Time
	full   bool
	most   int         // messages; 0: mostTogether
	after  []piece     // did not fit: they are the first of the next block
	alarm  *time.Timer // wakes the writer when the block is due; nil: none was yet
}

// piece is a message on its way into a block.
type piece struct {
	broker.Delivery
	message pack.Message
	epoch   epoch
	at      time.Time // when it was published
	mortal  bool      // it expires
	expiry  uint32    // what was left, in seconds
}

func (p *piece) size() int {
	return len(p.message.Topic) + len(p.message.Payload) + len(p.message.Properties)
}

// begin begins a block, which goes on from a primer unless that is nil.
func (b *batch) begin(head pack.Head, primer *pack.Primer, limit int) {
	b.head, b.primer = head, primer
	if e, ok := b.coder.(*pack.Encoder); ok {
		e.BeginPrimed(head, primer, limit)
		return
	}
	b.coder.Begin(head, limit)
}

// add puts a message in; false if it has to be the first of the next block. The error says that no block can hold it. begin begins the block with the first.
func (b *batch) add(p piece, begin func()) (ok bool, err error) {
	n := len(b.parts)
	if n == 0 {
		begin()
		b.epoch, b.bytes, b.full = p.epoch, 0, false
	}
	if n > 0 && (b.epoch != p.epoch || p.message.Sequence <= b.parts[n-1].message.Sequence || n >= cmp.Or(b.most, mostTogether) || b.bytes+p.size() > rawTogether) {
		b.full = true
		return false, nil
	}
	switch err := b.coder.Append(p.message); {
	case errors.Is(err, pack.ErrFull):
		b.full = true
		return false, nil
	case err != nil:
		return false, err
	}
	if n == 0 || p.at.Before(b.oldest) {
		b.oldest = p.at
	}
	b.parts = append(b.parts, p)
	b.bytes += p.size()
	return true, nil
}

// regain raises what was lowered for a block that was too large, as far as one of n messages and size bytes lets expect. It sends nothing to try: a block that is too large
// again costs only that it is made anew.
func (b *batch) regain(n, size, limit int) {
	if b.most > 0 && n >= b.most {
		b.most = max(b.most, min(likely(n, size, limit), mostTogether))
	}
}

// likely is how many messages a block of limit bytes has, with something to spare, if n of them have size bytes.
func likely(n, size, limit int) int { return n * limit / size * 7 / 8 }

// reset drops everything.
func (b *batch) reset() {
	clear(b.parts)
	*b = batch{coder: b.coder, parts: b.parts[:0], most: b.most, alarm: b.alarm}
}

// flying is a block on its way.
type flying struct {
	ids   []uint16 // of its messages
	first uint64   // ordinal of the first

	head     pack.Head      // of it
	messages []pack.Message // in it, if the stream makes primers of them
	size     int            // bytes of it
	primed   bool
}

// launched notes that a block is on its way under the Packet Identifier of its first message.
func (a *lane) launched(head pack.Head, parts []piece, payload []byte) {
	f := flying{first: parts[0].Ordinal, head: head, size: len(payload)}
	primes := a.primes()
	if primes {
		_, f.primed = pack.Needs(payload)
	}
	for i := range parts {
		f.ids = append(f.ids, parts[i].PacketID)
		if primes {
			f.messages = append(f.messages, parts[i].message)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.blocks == nil {
		a.blocks = map[uint16]flying{}
	}
	a.blocks[f.ids[0]] = f
}

// landed takes out the block that the Server has answered; false if there is none. One that it has refused is owed all the same: the writer may be at
// the head of the next block.
func (a *lane) landed(id uint16, refused bool) (flying, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.blocks[id]
	delete(a.blocks, id)
	if ok && refused && (a.owed == 0 || f.first < a.owed) {
		a.owed = f.first
	}
	return f, ok
}

// aloft counts what is on its way in blocks. lowest is the first message of that, or of what is to be sent again; 0: there is none.
func (a *lane) aloft() (blocks, messages int, lowest uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	lowest = a.owed
	for _, f := range a.blocks {
		messages += len(f.ids)
		if lowest == 0 || f.first < lowest {
			lowest = f.first
		}
	}
	return len(a.blocks), messages, lowest
}

// turnsOver tells whether a block begins another epoch than that of what is on its way, or is to be sent again. It waits for that: one of an earlier run that comes behind those of a later
// one would be taken for a second gateway's.
func (a *lane) turnsOver(b *batch) bool {
	_, _, lowest := a.aloft()
	return a.encode == config.EncodePack && lowest > 0 && a.epochs.of(lowest) != b.epoch
}

// ackAll completes the deliveries of a block, and tells how many that were.
func (a *lane) ackAll(f flying) (n uint64) {
	for _, id := range f.ids {
		if a.ack(id) {
			n++
		}
	}
	return n
}

// dropBlocks forgets everything: the local session is connected anew, and gives what is not acknowledged again.
func (a *lane) dropBlocks() {
	a.mu.Lock()
	a.blocks, a.owed = nil, 0
	a.mu.Unlock()
	for _, b := range []*batch{a.batch, a.loose} {
		if b != nil {
			b.reset()
		}
	}
}

// batchOf is where a message of a QoS is gathered. What has QoS 0 has no ordinal, and so a block, and a count, of its own.
func (a *lane) batchOf(qos byte) *batch {
	at := &a.batch
	if qos == 0 {
		at = &a.loose
	}
	if *at == nil {
		*at = &batch{coder: newCoder(a.stream)}
	}
	return *at
}

// other is the batch that has to leave before a message so that its topic keeps its order: the one of the other kind of QoS; nil: none has to.
func (a *lane) other(d *broker.Delivery) *batch {
	b := a.loose
	if d.QoS == 0 {
		b = a.batch
	}
	if b != nil && slices.ContainsFunc(b.parts, func(p piece) bool { return p.Message.TopicName == d.Message.TopicName }) {
		return b
	}
	return nil
}

// open are the batches that hold something.
func (a *lane) open() []*batch {
	return slices.DeleteFunc([]*batch{a.batch, a.loose}, func(b *batch) bool { return b == nil || len(b.parts)+len(b.after) == 0 })
}

// gathered counts the messages of QoS 1 and 2 that wait in a block.
func (a *lane) gathered() int {
	if a.batch == nil {
		return 0
	}
	return len(a.batch.parts) + len(a.batch.after)
}

// stopAlarms is for the end of the connection.
func (a *lane) stopAlarms() {
	for _, b := range []*batch{a.batch, a.loose} {
		if b != nil && b.alarm != nil {
			b.alarm.Stop()
		}
	}
}
