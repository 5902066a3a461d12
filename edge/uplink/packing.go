package uplink

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/schedule"
	"skerry/queue"
)

// packs tells whether what a lane sends next leaves in blocks. What the Server may hold of single messages is finished as it began.
func (a *lane) packs() bool {
	return a.encode != config.EncodePass && (a.resumed || a.blocked)
}

// gather has a lane put its next message into a block, or send a block that is due, and tells how many bytes were sent. some is false if it can do neither.
func (l *link) gather(a *lane, n int) (bytes int, some bool, err error) {
	if !l.resumed && !l.passes(a) || !l.rejoins(a) {
		return 0, false, nil
	}
	single := n == 1 || a.suspicion.until > 0
	for _, b := range a.open() {
		if single || b.full || len(b.after) > 0 || l.due(a, b) {
			return l.launch(a, b) // if there is no room for it the lane waits
		}
	}
	if a.latest != nil && l.catchUp(a) {
		return 0, true, nil
	}
	d := l.pick(a, quantum)
	switch {
	case d == nil:
		return 0, false, nil
	case d.Release, a.suspects(d) && len(a.open()) > 0:
		return l.before(a, d)
	case l.abandon(a, d):
		a.done()
		return 0, true, nil
	case l.waits(a, d):
		return l.behind(a)
	case !l.admits(a, d):
		return 0, false, nil
	}
	if b := a.other(d); b != nil {
		return l.launch(a, b)
	}
	alone := single || a.suspects(d)
	p, ok := l.piece(a, d)
	a.done()
	if !ok {
		return 0, true, nil
	}
	batch := a.batchOf(p.QoS)
	if !l.put(a, batch, p) {
		batch.after = []piece{p}
	}
	if alone {
		return l.launch(a, batch)
	}
	return 0, true, nil
}

// behind sends a block whose time has come while the message that would be its next waits for the date.
func (l *link) behind(a *lane) (bytes int, some bool, err error) {
	for _, b := range a.open() {
		if time.Since(b.oldest) >= l.linger(a) {
			return l.launch(a, b)
		}
	}
	return 0, false, nil
}

// rejoins tells whether nothing of a lane is on its way one by one any more. A Server passes a QoS 2 message on when it is released: a block that is
// sent behind it would overtake it.
func (l *link) rejoins(a *lane) bool {
	if a.alone {
		blocks, _, _ := a.aloft()
		a.alone = l.conn.Unacknowledged(a.first(), a.last()) > blocks || l.u.endSingle(a.stream) != nil
	}
	if !a.alone && l.u.broker.Durable() < a.begun {
		l.u.broker.Notify(a.begun, waking{l})
		return false
	}
	return !a.alone
}

// before sends what stands in front of a delivery that is not for a block with others; then a PUBREL as it is.
func (l *link) before(a *lane, d *broker.Delivery) (bytes int, some bool, err error) {
	for _, b := range a.open() {
		return l.launch(a, b)
	}
	if bytes, err = l.send(a, d); err != nil {
		return 0, false, err
	}
	a.done()
	return bytes, true, nil
}

// piece is a message as it stands in a block; false if it does not leave.
func (l *link) piece(a *lane, d *broker.Delivery) (piece, bool) {
	m := d.Message
	expiry, expires, ok := l.leaves(a, d)
	if !ok {
		return piece{}, false
	}
	p := piece{Delivery: *d, at: time.Now().Add(-l.u.broker.Age(m))}
	p.message = pack.Message{Topic: l.u.original(m.TopicName), Payload: m.Payload, Properties: m.Properties, QoS: d.QoS, Retain: d.Retain}
	if a.encode == config.EncodeJSON {
		p.message.Topic = l.u.topicOf(a.stream, m)
	}
	if expires {
		p.tellExpiry(expiry)
	}
	if !saysTime(m.Payload) || m.Origin != queue.Gateway {
		if at, known := l.u.broker.Wall(m.Stamp); known {
			p.message.Time = dateOf(at)
		}
	}
	l.tellRetain(a, &p)
	if d.QoS == 0 {
		a.loosely++
		p.epoch, p.message.Sequence = a.epochs[len(a.epochs)-1], a.loosely
	} else {
		p.epoch, p.message.Sequence = a.epochs.of(d.Ordinal), d.Ordinal
	}
	return p, true
}

// dateOf is a time as a block tells it; 0: it cannot be one. A receiver of satellites may say anything.
func dateOf(at time.Time) int64 {
	if at.UnixMilli() <= 0 || at.UTC().Year() > 9999 {
		return 0
	}
	return at.UnixMilli()
}

// put gathers a message; false if it is the first of the next block. One that no block can hold is given up.
func (l *link) put(a *lane, b *batch, p piece) bool {
	switch ok, err := b.add(p, func() { b.begin(l.headOf(a, &p), a.primer(b), l.blockSize(a)) }); {
	case err != nil:
		l.drop(a, &p.Delivery, "no block can carry it: "+err.Error())
	case !ok:
		return false
	default:
		l.wakeWhenDue(a, b)
	}
	return true
}

// headOf is what stands before a block that begins with a message.
func (l *link) headOf(a *lane, p *piece) pack.Head {
	h := pack.Head{Epoch: p.epoch.id, Stream: a.name}
	if p.QoS == 0 {
		h.Stream += looseStream
		return h
	}
	h.Floor = p.Ordinal
	if _, _, lowest := a.aloft(); lowest > 0 {
		h.Floor = min(h.Floor, lowest)
	}
	h.Floor = max(h.Floor, p.epoch.first)
	return h
}

// looseStream ends the name of a stream in blocks of QoS 0: these are counted by themselves.
const looseStream = "/0"

// blockSize is how many bytes a block may have.
func (l *link) blockSize(a *lane) int {
	size := a.block
	if size == 0 {
		size = segment
		if step := l.u.profile.BillingStep; step > 0 {
			size = step - len(l.u.blockTopic(a.stream)) - besides
		}
	}
	if most := l.conn.Server().MaximumPacketSize; most > 0 {
		size = min(size, int(most)-len(l.u.blockTopic(a.stream))-besides)
	}
	return max(a.ceiling.limit(size), 1)
}

// blockTopic is where the blocks of a stream are published.
func (u *Uplink) blockTopic(s *stream) string {
	return u.names.Outward(BlockTopic(u.config.Prefix, u.site, u.gateway, string(s.encode), s.name), nil)
}

// leastLinger is how long messages wait for others where bytes cost nothing and nothing is configured.
const leastLinger = time.Second

// linger is how long a message of a lane may wait for others.
func (l *link) linger(a *lane) time.Duration {
	d := max(l.way.kind.Linger, leastLinger)
	switch {
	case a.class == config.AlarmClass:
		return 0
	case a.lingers != nil:
		d = *a.lingers
	}
	rung := l.way.purse.rung()
	if l.way.pressed(rung).Mode == schedule.OnDemand { // it has waited before the session began, which stands until it leaves
		d = min(d, max(l.way.kind.Linger, leastLinger))
	}
	return rung.Linger(d)
}

// due tells whether a block has waited long enough. What lies behind it on the disk, and is on its way into memory, belongs into it too, and so does
// what waits until there is room for more: both have it wait for a moment.
func (l *link) due(a *lane, b *batch) bool {
	if len(b.parts) == 0 || time.Since(b.oldest) < l.linger(a) {
		return false
	}
	if a.at < len(a.left) {
		return false // there is more
	}
	if b == a.loose || a.latest != nil {
		return true
	}
	blocks, messages, _ := a.aloft()
	if owed := a.session.Load().Unfinished(); owed <= uint64(messages+len(b.parts)) {
		return true
	}
	if d := l.pick(a, quantum); d != nil {
		return false
	}
	if blocks > 0 {
		return false
	}
	l.lookAgain()
	return time.Since(a.pulled) > readPatience
}

// wakeWhenDue has the writer look at a block when its first message has waited long enough.
func (l *link) wakeWhenDue(a *lane, b *batch) {
	wait := max(l.linger(a)-time.Since(b.oldest), 0)
	switch {
	case b.alarm == nil:
		b.alarm = time.AfterFunc(wait, l.Wake)
	case len(b.parts) == 1:
		b.alarm.Reset(wait)
	}
}

// along sends the blocks that have waited half of their time, when something else leaves anyway: they cost little beside it.
func (l *link) along() (some bool, err error) {
	for _, a := range l.lanes {
		if l.trial != nil || !l.carries(a.stream) || l.way.holds(a.class) || !l.room(a.stream) || a.held() {
			continue
		}
		for _, b := range a.open() {
			if len(b.parts) == 0 || time.Since(b.oldest) < l.linger(a)/2 {
				continue
			}
			_, sent, err := l.launch(a, b)
			if err != nil {
				return some, err
			}
			some = some || sent
		}
	}
	return some, nil
}

// launch sends a block; sent is false if there is no room for one more on its way.
func (l *link) launch(a *lane, b *batch) (bytes int, sent bool, err error) {
	if len(b.parts) == 0 {
		l.continues(a, b, nil)
		return 0, true, nil
	}
	exact := b != a.loose && l.conn.Server().MaximumQoS > 0
	if exact && (l.conn.Quota() == 0 || a.turnsOver(b)) || !l.inPace() {
		return 0, false, nil
	}
	if l.aged(a, b) {
		l.renew(a, b)
		return l.launch(a, b)
	}
	payload, n := b.coder.Seal(nil)
	parts, rest := b.parts[:n], b.parts[n:]
	h := packet.PublishHead{TopicName: l.u.blockTopic(a.stream)}
	if exact {
		h.QoS, h.PacketID = 1, parts[0].PacketID
	}
	why := l.u.oversized(h.TopicName, payload)
	if err = client.ErrTooLarge; why == "" && (n == 1 || a.ceiling.limit(len(payload)) == len(payload)) {
		why = fmt.Sprintf("larger than the %d bytes that the server takes", l.conn.Server().MaximumPacketSize)
		err = l.conn.Publish(&h, payload)
	}
	switch {
	case errors.Is(err, client.ErrTooLarge) && n > 1: // how far something is compressed is not known before
		b.most = min(max(likely(n, len(payload), l.blockSize(a)), n/2, 1), n-1)
		l.continues(a, b, b.parts)
		return 0, true, nil
	case errors.Is(err, client.ErrTooLarge):
		l.drop(a, &parts[0].Delivery, why)
		l.continues(a, b, rest)
		return 0, true, nil
	case err != nil:
		return 0, false, err
	}
	b.regain(n, len(payload), l.blockSize(a))
	bytes = h.Size(l.conn.Version())
	if exact {
		a.launched(b.head, parts, payload)
		l.flow.Sent(h.PacketID, bytes, time.Now())
		l.answers.add(l, parts, h.PacketID)
	}
	l.countBlock(a, b, parts, bytes, exact)
	l.continues(a, b, rest)
	return bytes, true, nil
}

// continues begins the next block with what was not in the last.
func (l *link) continues(a *lane, b *batch, rest []piece) {
	waiting := slices.Concat(rest, b.after)
	b.reset()
	for i, p := range waiting {
		if !l.put(a, b, p) {
			b.after = waiting[i:]
			return
		}
	}
}

// countBlock notes that a block was written.
func (l *link) countBlock(a *lane, b *batch, parts []piece, bytes int, exact bool) {
	raw := 0
	for i := range parts {
		raw += parts[i].size()
		l.u.turnover.wrote(parts[i].size())
		l.noteSent(a, &parts[i].Delivery)
		if !exact && parts[i].QoS > 0 { // the Server takes no more than QoS 0
			l.settled = append(l.settled, settled{a, parts[i].PacketID})
		}
	}
	l.pace.Sent(time.Now(), bytes)
	l.way.standing.sent(time.Now(), b != a.loose)
	l.way.purse.meter.Carry(classOf(a.class), int64(bytes))
	l.u.count(func(s *Status) {
		s.Sent++
		s.BlocksSent++
		s.InBlocks += uint64(len(parts))
		s.BlockBytes += uint64(bytes)
		s.PlainBytes += uint64(raw)
		if parts[0].Dup {
			s.Repeated++
		}
	})
}

// answeredBlock ends a block that the Server has answered; false if the id is not that of one.
func (l *link) answeredBlock(a *lane, k *packet.Ack) bool {
	if a == nil || k.Type != packet.PUBACK {
		return false
	}
	f, ok := a.landed(k.PacketID, k.ReasonCode.IsError())
	if !ok {
		return false
	}
	if k.ReasonCode.IsError() {
		if k.ReasonCode == packet.PacketTooLarge && len(f.ids) > 1 {
			a.ceiling.lower(f.size)
		}
		l.blockRefused(a, k)
		return true
	}
	a.boarded.Store(true)
	a.ceiling.take()
	a.arrived(f)
	n := a.ackAll(f)
	a.accepted()
	l.answered(k.PacketID)
	l.u.count(func(s *Status) { s.Acknowledged += n })
	return true
}

// blockRefused has a block sent again later, whatever the reason: that a Server refuses one for good is a matter of its rules, not of what is in
// it, and many messages would be lost.
func (l *link) blockRefused(a *lane, k *packet.Ack) {
	l.u.count(func(s *Status) { s.Deferred++ })
	reason, _ := k.Properties.ReasonString()
	l.u.once(a.name+": block: "+k.ReasonCode.String(), func() {
		l.u.log.Error("the server refuses blocks of a stream; they are sent again later", "stream", a.name, "topic", l.u.blockTopic(a.stream),
			"err", k.ReasonCode.Error(), "reason", string(reason), "hint", "may this client publish to that topic?")
	})
	a.deferred()
}

// BlockTopic is where a stream's blocks of an encoding go. Characters that a Topic Name cannot have become "_".
func BlockTopic(prefix, site, gateway, encoding, stream string) string {
	return gatewayTopic(prefix, site, gateway, encoding, stream)
}

// onItsWay is how many messages of a lane the Server has not answered.
func (l *link) onItsWay(a *lane) int {
	blocks, messages, _ := a.aloft()
	return l.conn.Unacknowledged(a.first(), a.last()) - blocks + messages
}
