package uplink

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/uplink/pack"
	"skerry/queue"
)

const (
	// primerPatience is how long a block waits for its primer on a connection.
	primerPatience = time.Minute
	// mostWaiting and waitingBytes are how many blocks wait, with those behind them of the same topic; mostOfTopic so many of one.
	mostWaiting  = 256
	mostOfTopic  = 64
	waitingBytes = 1 << 20
	// unreadLevels stand before the topic of a block that is published as it came.
	unreadLevels = "ground/unread/"
)

// receivedBlock is one that has come.
type receivedBlock struct {
	topic string
	body  []byte
	to    mapping // what came by it; none, if the configuration has it no more
}

// missedPrimer names a primer that has not come.
type missedPrimer struct {
	topic string
	id    uint32
}

// heldBlock is a block that waits for its primer, or behind one that does. It is stored, and so acknowledged: a Server sends nothing more, the primer neither, while too much
// is not.
type heldBlock struct {
	receivedBlock
	slot   int
	number uint64 // they are in the order of these
	since  time.Time
}

// heldBlocks are those of one uplink.
type heldBlocks struct {
	list    []heldBlock // in the order in which they came
	bytes   int
	next    uint64
	missed  map[missedPrimer]bool // waited for in vain
	fetched map[string]time.Time  // topics whose primer the Server was asked for, and when
	hung    int                   // connections in a row that ended while it was asked
}

// holds tells whether blocks of a topic wait.
func (w *heldBlocks) holds(name string) bool { return w.first(name) >= 0 }

// first finds the first that waits of a topic; -1: none does.
func (w *heldBlocks) first(name string) int {
	return slices.IndexFunc(w.list, func(h heldBlock) bool { return h.topic == name })
}

// of is how many wait of a topic.
func (w *heldBlocks) of(name string) (n int) {
	for i := range w.list {
		if w.list[i].topic == name {
			n++
		}
	}
	return n
}

func (u *Uplink) waitingKey(slot int) string { return fmt.Sprintf("%s/waiting/%d", u.group(), slot) }

// openHeld reads which blocks wait.
func (u *Uplink) openHeld() {
	w := &u.blocks.waiting
	w.missed, w.fetched = map[missedPrimer]bool{}, map[string]time.Time{}
	for slot := range mostWaiting {
		value, _ := u.broker.Fact(u.waitingKey(slot))
		number, one, ok := decodeHeld(value)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(u.receive, func(m mapping) bool { return m.unpack && topic.Match(m.filter, one.topic) }); i >= 0 {
			one.to = u.receive[i]
		}
		w.list = append(w.list, heldBlock{receivedBlock: one, slot: slot, number: number})
		w.bytes += len(one.body)
		w.next = max(w.next, number+1)
	}
	slices.SortFunc(w.list, func(a, b heldBlock) int { return cmp.Compare(a.number, b.number) })
	u.showHeld()
}

// append encodes a block that waits: its number, its topic behind the length of that, and the block.
func (h *heldBlock) append(b []byte) []byte {
	b = binary.AppendUvarint(b, h.number)
	b = append(binary.AppendUvarint(b, uint64(len(h.topic))), h.topic...)
	return append(b, h.body...)
}

// decodeHeld reads what append has written.
func decodeHeld(b []byte) (number uint64, one receivedBlock, ok bool) {
	number, n := binary.Uvarint(b)
	length, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 || length > uint64(len(b)-n-m) {
		return 0, receivedBlock{}, false
	}
	b = b[n+m:]
	return number, receivedBlock{topic: string(b[:length]), body: b[length:]}, true
}

func (u *Uplink) forgetHeld() error { return u.forgetFacts(u.waitingKey, mostWaiting) }

func (u *Uplink) showHeld() {
	n := uint64(len(u.blocks.waiting.list))
	u.count(func(s *Status) { s.WaitingBlocks = n })
}

// holdBlock has a block wait for its primer, or behind others of its topic. What has no room publishes the oldest as they are.
func (l *link) holdBlock(one receivedBlock) error {
	w := &l.u.blocks.waiting
	if id, primed := pack.Needs(one.body); primed {
		if w.missed[missedPrimer{one.topic, id}] && !w.holds(one.topic) {
			return l.publishUnread(one, nil)
		}
		if err := l.fetchPrimer(one.topic); err != nil {
			return err
		}
	}
	if err := l.makeRoomFor(one); err != nil {
		return err
	}
	if !w.holds(one.topic) {
		if err := l.readBlock(one); !errors.Is(err, pack.ErrNoPrimer) {
			return err
		}
	}
	return l.storeHeld(one)
}

// makeRoomFor publishes those that have waited for longest as they are, first of the block's own topic, until it may wait too.
func (l *link) makeRoomFor(one receivedBlock) error {
	w := &l.u.blocks.waiting
	for w.of(one.topic) >= mostOfTopic {
		if err := l.giveUpBlock(one.topic, false); err != nil {
			return err
		}
	}
	for len(w.list) > 0 && (len(w.list) >= mostWaiting || w.bytes+len(one.body) > waitingBytes) {
		if err := l.giveUpBlock(w.list[0].topic, false); err != nil {
			return err
		}
	}
	return nil
}

// storeHeld has a block wait.
func (l *link) storeHeld(one receivedBlock) error {
	w := &l.u.blocks.waiting
	h := heldBlock{receivedBlock: one, slot: w.free(), number: w.next, since: time.Now()}
	value := h.append(nil)
	h.body = value[len(value)-len(one.body):] // that of the packet lies in the connection's buffer
	if err := l.putFact(l.u.waitingKey(h.slot), value); err != nil {
		return err
	}
	w.list, w.bytes, w.next = append(w.list, h), w.bytes+len(h.body), w.next+1
	l.u.showHeld()
	select {
	case l.holds <- struct{}{}:
	default:
	}
	return nil
}

// free is a slot that nothing is stored in.
func (w *heldBlocks) free() int {
	for slot := 0; ; slot++ {
		if !slices.ContainsFunc(w.list, func(h heldBlock) bool { return h.slot == slot }) {
			return slot
		}
	}
}

// readHeld publishes what waits of a topic and can be read now, in its order.
func (l *link) readHeld(name string) error {
	w := &l.u.blocks.waiting
	for {
		i := w.first(name)
		if i < 0 {
			return nil
		}
		h := w.list[i]
		if h.to.unpack {
			if err := l.readBlock(h.receivedBlock); errors.Is(err, pack.ErrNoPrimer) {
				return nil
			} else if err != nil {
				return err
			}
			if err := l.putFact(l.u.waitingKey(h.slot), nil); err != nil {
				return err
			}
			l.letGo(h)
			continue
		}
		if err := l.publishUnread(h.receivedBlock, &h); err != nil {
			return err
		}
	}
}

// letGo forgets one that waits no more.
func (l *link) letGo(h heldBlock) {
	w := &l.u.blocks.waiting
	w.list = slices.DeleteFunc(w.list, func(o heldBlock) bool { return o.slot == h.slot })
	w.bytes -= len(h.body)
	l.u.showHeld()
}

// giveUpBlock publishes the first that waits of a topic as it is, and what can be read behind it. late: it has waited for long enough, and who needs the same primer
// need not wait.
func (l *link) giveUpBlock(name string, late bool) error {
	w := &l.u.blocks.waiting
	if err := l.readHeld(name); err != nil || !w.holds(name) {
		return err
	}
	h := w.list[w.first(name)]
	if id, primed := pack.Needs(h.body); primed && late {
		if len(w.missed) >= mostWaiting {
			clear(w.missed)
		}
		w.missed[missedPrimer{name, id}] = true
	}
	if err := l.publishUnread(h.receivedBlock, &h); err != nil {
		return err
	}
	return l.giveUpMissed(name)
}

// giveUpMissed goes on with those behind it, which need a primer that was waited for in vain, or can be read.
func (l *link) giveUpMissed(name string) error {
	w := &l.u.blocks.waiting
	for {
		if err := l.readHeld(name); err != nil || !w.holds(name) {
			return err
		}
		next := w.list[w.first(name)]
		if id, _ := pack.Needs(next.body); !w.missed[missedPrimer{name, id}] {
			return nil
		}
		if err := l.publishUnread(next.receivedBlock, &next); err != nil {
			return err
		}
	}
}

// publishUnread publishes a block as it came, for who can make something of it; h, if it waited, waits no more.
func (l *link) publishUnread(one receivedBlock, h *heldBlock) error {
	m := &broker.Message{TopicName: unreadLevels + one.topic, Payload: slices.Clone(one.body), QoS: 1}
	if topic.ValidName(m.TopicName) != nil {
		l.notPublished("the topic of its block is too long")
		m = nil
	}
	err := l.publishInstead(m, h)
	switch {
	case errors.Is(err, queue.ErrTooLarge):
		l.notPublished("its block is too large for the store")
		err = l.publishInstead(nil, h)
	case err == nil && m != nil:
		l.u.count(func(s *Status) { s.UnreadBlocks++ })
		l.u.once("no primer", func() {
			l.u.log.Warn("the primer of a block does not come: the block is published as it is, and further ones are only counted", "topic", one.topic,
				"local", m.TopicName, "hint", "does the server retain what comes under the topic and "+primerLevel+"? With that, skerry unpack --primer reads the block")
		})
	}
	if err != nil {
		return fmt.Errorf("publish a block that cannot be read: %w", err)
	}
	return nil
}

// publishInstead publishes a message in place of a block that waited, all or nothing of it; nil: none.
func (l *link) publishInstead(m *broker.Message, h *heldBlock) error {
	if h == nil {
		if m == nil {
			return nil
		}
		receipt, err := l.patiently(func() (queue.Receipt, error) {
			receipt, code := l.u.door.Publish(m, &l.u.blocks.touched)
			switch {
			case code == packet.ServerBusy:
				return 0, queue.ErrBusy
			case code == packet.QuotaExceeded:
				return 0, queue.ErrTooLarge
			case code.IsError():
				return 0, code
			}
			return receipt, nil
		})
		if err == nil {
			l.u.blocks.latest = max(l.u.blocks.latest, receipt)
		}
		return err
	}
	var messages []*broker.Message
	if m != nil {
		messages = append(messages, m)
	}
	receipt, err := l.exchangePatiently(l.u.waitingKey(h.slot), nil, messages)
	if err == nil {
		l.u.blocks.latest = max(l.u.blocks.latest, receipt)
		l.letGo(*h)
	}
	return err
}

// watchHeld publishes what has waited for too long. An error of the store ends the connection.
func (l *link) watchHeld(ctx context.Context) {
	for err := l.resumeHeld(); ; err = l.giveUpHeld() {
		if err != nil {
			l.conn.Abort(err)
			return
		}
		if !l.anyHeld() {
			select {
			case <-ctx.Done():
				return
			case <-l.holds:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(primerPatience / 20):
		}
	}
}

// resumeHeld looks at what an earlier connection left.
func (l *link) resumeHeld() error {
	b := &l.u.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touched.Flush()
	for _, h := range slices.Clone(b.waiting.list) {
		if err := l.readHeld(h.topic); err != nil {
			return err
		}
		if !b.waiting.holds(h.topic) {
			continue
		}
		if err := l.fetchPrimer(h.topic); err != nil {
			return err
		}
	}
	l.Wake()
	return nil
}

func (l *link) anyHeld() bool {
	b := &l.u.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting.list) > 0
}

// giveUpHeld gives up those that have waited for too long on this connection.
func (l *link) giveUpHeld() error {
	b := &l.u.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touched.Flush()
	for {
		i := slices.IndexFunc(b.waiting.list, func(h heldBlock) bool { return min(time.Since(h.since), time.Since(l.born)) >= primerPatience })
		if i < 0 {
			return nil
		}
		if err := l.giveUpBlock(b.waiting.list[i].topic, true); err != nil {
			return err
		}
	}
}

// unanswered notes at the end of a connection that the Server hung up on fetchPrimer, as it seems.
func (l *link) unanswered() {
	b := &l.u.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.fetching.Load() > 0 {
		b.waiting.hung++
	}
}
