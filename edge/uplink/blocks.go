package uplink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/uplink/arrivals"
	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/primers"
	"skerry/queue"
)

const (
	// exchangeBytes and exchangeMessages are how much of a block is published at a time: less than a batch of the store takes, whoever
	// subscribes to it.
	exchangeBytes    = 32 << 10
	exchangeMessages = 100
	// packLevel stands before the stream in the topic of a block, and primerLevel behind it in that of a primer.
	packLevel   = "pack"
	primerLevel = "/primer"
	// alarmLevels stand before the topic of a gateway in that of its alarm.
	alarmLevels = "ground/alarm/"
)

// blockLimits bound what a block may decode to.
var blockLimits = pack.Limits{Bytes: 4 << 20}

// blocks is what is known of the messages that have come in blocks. It belongs to the reader of the link that stands, and to its goroutine that looks after blocks
// that wait.
type blocks struct {
	mu      sync.Mutex
	memory  *arrivals.Memory
	shelf   *primers.Shelf
	waiting heldBlocks
	touched broker.Touched
	latest  queue.Receipt // of the last that was published or stored
}

func (u *Uplink) blocksKey(slot int) string { return fmt.Sprintf("%s/arrivals/%d", u.group(), slot) }

// openBlocks reads which messages have come in blocks, where there may be some.
func (u *Uplink) openBlocks() {
	if !slices.ContainsFunc(u.receive, func(m mapping) bool { return m.unpack }) {
		return
	}
	memory, damaged := arrivals.New(func(slot int) []byte {
		value, _ := u.broker.Fact(u.blocksKey(slot))
		return value
	})
	if damaged > 0 {
		u.log.Error("what has come in blocks is not known of some gateways any more; it may be published twice", "streams", damaged)
	}
	u.blocks.memory = memory
	u.openPrimers()
	u.openHeld()
}

// forgetBlocks ends the memory of an uplink that is configured no more.
func (u *Uplink) forgetBlocks() error {
	return errors.Join(u.forgetFacts(u.blocksKey, arrivals.Sources), u.forgetPrimers(), u.forgetHeld())
}

// carried is a message of a block and what is published of it.
type carried struct {
	sequence uint64
	message  *broker.Message // nil: nothing
}

// takeBlock publishes what is new in a block, in its order, and owes the Server its acknowledgement. name is the block's topic. A block of QoS 2 needs no packet id
// that is held: its messages are known.
func (l *link) takeBlock(p *packet.Publish, name string, to mapping) error {
	b := &l.u.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touched.Flush()
	if err := l.newBlock(receivedBlock{topic: name, body: p.Payload, to: to}); err != nil {
		return err
	}
	l.acks.add(p.QoS, p.PacketID, b.latest, packet.Success)
	return nil
}

// newBlock makes of a block what can be made of it now. After an error it comes again with the next connection.
func (l *link) newBlock(one receivedBlock) error {
	if name, ok := strings.CutSuffix(one.topic, primerLevel); ok && len(one.body) == 0 {
		l.u.log.Debug("a gateway has withdrawn its primer", "topic", name)
		return nil
	}
	if l.u.blocks.waiting.holds(one.topic) {
		return l.holdBlock(one) // behind the others
	}
	switch err := l.readBlock(one); {
	case errors.Is(err, pack.ErrNoPrimer):
		return l.holdBlock(one)
	case err != nil:
		return err
	}
	return l.readHeld(strings.TrimSuffix(one.topic, primerLevel))
}

// readBlock publishes what is new in a block, and stores it if it is a primer. It wraps pack.ErrNoPrimer of one that cannot be read yet.
func (l *link) readBlock(one receivedBlock) error {
	b := &l.u.blocks
	head, list, err := pack.DecodeWith(one.body, blockLimits, func(id uint32) *pack.Primer { return b.shelf.Find(one.topic, id) })
	switch {
	case errors.Is(err, pack.ErrNoPrimer):
		return err
	case err != nil:
		l.spoilt(one.topic, err) // it would be the same the next time
		return nil
	case !head.Keep:
		return l.publishNew(one, &head, list)
	}
	one.topic = strings.TrimSuffix(one.topic, primerLevel)
	return l.takePrimer(one, &head, list)
}

// publishNew publishes the messages that have not come before.
func (l *link) publishNew(one receivedBlock, head *pack.Head, list []pack.Message) error {
	l.u.count(func(s *Status) { s.Blocks++ })
	gateway := gatewayOf(one.topic)
	block := l.u.blocks.memory.Begin(gateway, head.Stream, head.Epoch)
	var fresh []carried
	for i := range list {
		if !block.Known(list[i].Sequence) {
			fresh = append(fresh, carried{list[i].Sequence, l.unpack(&list[i], one.to)})
		}
	}
	l.u.count(func(s *Status) { s.Again += uint64(len(list) - len(fresh)) })
	if len(fresh) == 0 {
		return nil
	}
	if head.Keep {
		block.Primer()
	}
	news := block.Judge(head.Floor)
	alarm := l.u.alarmOf(news, gateway, head.Stream, block.Epochs())
	if err := l.publishBlock(block, fresh, alarm); err != nil {
		return err
	}
	l.u.tell(news, gateway, head.Stream, block.Epochs())
	return nil
}

// gatewayOf is the topic of the gateway whose block came under a name.
func gatewayOf(name string) string {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return name
	}
	return strings.TrimSuffix(name[:i], "/"+packLevel)
}

// spoilt counts a block that nothing can be made of.
func (l *link) spoilt(name string, err error) {
	gateway := gatewayOf(name)
	if errors.Is(err, pack.ErrUnsupported) {
		l.u.count(func(s *Status) { s.NewerBlocks++ })
		l.u.once("newer block", func() {
			l.u.log.Error("a gateway sends blocks that this version cannot read: their messages are lost here, and further ones are only counted",
				"gateway", gateway, "err", err, "hint", "the ground end has to be as new as its gateways")
		})
		return
	}
	l.u.count(func(s *Status) { s.DamagedBlocks++ })
	l.u.once("damaged block", func() {
		l.u.log.Error("a block is damaged, or is none: it is dropped, and further ones are only counted", "gateway", gateway, "topic", name, "err", err)
	})
}

// unpack makes the local message of one in a block; nil if it may not be published.
func (l *link) unpack(m *pack.Message, to mapping) *broker.Message {
	properties := packet.Properties(m.Properties)
	why := ""
	switch {
	case topic.ValidName(m.Topic) != nil:
		why = "its topic is none"
	case m.Topic[0] == '$':
		why = "its topic begins with $, and belongs to the broker"
	case topic.ValidName(to.unpacked(m.Topic)) != nil:
		why = "its topic is too long"
	case properties.Check(packet.PUBLISH) != nil:
		why = "its properties are not those of a PUBLISH"
	}
	if why != "" {
		l.notPublished(why)
		return nil
	}
	local := &broker.Message{TopicName: to.unpacked(m.Topic), Payload: m.Payload, QoS: m.QoS, Retain: m.Retain}
	local.Expiry, local.HasExpiry = properties.MessageExpiryInterval()
	local.Properties = bytes.Clone(properties.Without(packet.MessageExpiryInterval, packet.SubscriptionIdentifier, packet.TopicAlias))
	if m.Time != 0 && !hasUserProperty(properties, TimeProperty) {
		local.Properties = packet.Properties(local.Properties).AppendUserProperty(TimeProperty, strconv.FormatInt(m.Time, 10))
	}
	return local
}

// notPublished counts a message of a block that goes nowhere, and reports the first of its kind.
func (l *link) notPublished(why string) {
	l.u.count(func(s *Status) { s.Unwanted++ })
	l.u.once("block: "+why, func() {
		l.u.log.Warn("a message of a block was dropped: " + why + "; further ones are only counted")
	})
}

// publishBlock publishes in parts, each with what is then known to have come, in one piece. After an error what was not published comes
// again with the next connection.
func (l *link) publishBlock(block *arrivals.Block, list []carried, alarm *broker.Message) error {
	for len(list) > 0 {
		n := portion(list)
		if err := l.publishPart(block, list[:n], alarm); err != nil {
			return err
		}
		list, alarm = list[n:], nil
	}
	return nil
}

// portion is how many messages are published at a time.
func portion(list []carried) int {
	size := 0
	for i, c := range list {
		if c.message != nil {
			size += len(c.message.TopicName) + len(c.message.Payload) + len(c.message.Properties)
		}
		if i > 0 && (i == exchangeMessages || size > exchangeBytes) {
			return i
		}
	}
	return len(list)
}

// publishPart publishes messages, the alarm first. If they are more than the store takes at a time they are halved; one alone that it does not
// take is dropped, as it would be the next time.
func (l *link) publishPart(block *arrivals.Block, list []carried, alarm *broker.Message) error {
	var messages []*broker.Message
	if alarm != nil {
		messages = append(messages, alarm)
	}
	var sequences []uint64
	for _, c := range list {
		sequences = append(sequences, c.sequence)
		if c.message != nil {
			messages = append(messages, c.message)
		}
	}
	slot, content := block.With(sequences)
	receipt, err := l.exchangePatiently(l.u.blocksKey(slot), content, messages)
	switch half := len(list) / 2; {
	case err == nil:
	case !errors.Is(err, queue.ErrTooLarge):
		return fmt.Errorf("publish the messages of a block locally: %w", err)
	case half > 0:
		if err := l.publishPart(block, list[:half], alarm); err != nil {
			return err
		}
		return l.publishPart(block, list[half:], nil)
	default:
		l.notPublished("it is too large for the store")
		return nil
	}
	block.Keep()
	l.u.blocks.latest = max(l.u.blocks.latest, receipt)
	l.u.count(func(s *Status) {
		s.Unpacked += uint64(len(list))
		s.Forgotten = l.u.blocks.memory.Forgotten()
	})
	return nil
}

// exchangePatiently publishes messages and stores what has come, in one batch; it waits while the store is busy.
func (l *link) exchangePatiently(key string, content []byte, messages []*broker.Message) (queue.Receipt, error) {
	touched := &l.u.blocks.touched
	return l.patiently(func() (queue.Receipt, error) { return l.u.door.Exchange(key, content, messages, touched) })
}

// patiently does something that the store may be too busy for, and waits a while if it is.
func (l *link) patiently(do func() (queue.Receipt, error)) (queue.Receipt, error) {
	for deadline := time.Now().Add(patience); ; {
		receipt, err := do()
		if !errors.Is(err, queue.ErrBusy) || time.Now().After(deadline) || l.conn.Err() != nil {
			return receipt, err
		}
		l.u.blocks.touched.Flush() // before it blocks
		time.Sleep(patience / 100)
	}
}

// clash is the payload of the alarm of a gateway.
type clash struct {
	Alarm   string   `json:"alarm"`
	State   string   `json:"state"`
	Time    string   `json:"time,omitempty"`
	Gateway string   `json:"gateway"`
	Stream  string   `json:"stream"`
	Epochs  []string `json:"epochs"`
}

// alarmOf is the message that says that there are two gateways with one identity, or not any more; nil: there is nothing to say. It is the gateway's
// own topic that is told of, so that nobody has to know the epochs.
func (u *Uplink) alarmOf(news arrivals.News, gateway, stream string, epochs []uint64) *broker.Message {
	states := map[arrivals.News]string{arrivals.Raised: "raised", arrivals.Cleared: "cleared"}
	name := alarmLevels + gateway
	if states[news] == "" || topic.ValidName(name) != nil {
		return nil
	}
	c := clash{Alarm: "two-gateways", State: states[news], Gateway: gateway, Stream: stream, Epochs: hex(epochs)}
	if now, trusted := u.date(); trusted {
		c.Time = now.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	payload, err := json.Marshal(&c)
	if err != nil {
		return nil // a text and a list of texts can always be written
	}
	return &broker.Message{TopicName: name, Payload: payload, QoS: 1, Retain: true}
}

func hex(epochs []uint64) (all []string) {
	for _, id := range epochs {
		all = append(all, fmt.Sprintf("%016x", id))
	}
	return all
}

// tell logs what a block says of its source.
func (u *Uplink) tell(news arrivals.News, gateway, stream string, epochs []uint64) {
	log := u.log.With("gateway", gateway, "stream", stream, "epochs", hex(epochs))
	switch news {
	case arrivals.Renewed:
		log.Info("a gateway has started anew")
	case arrivals.Raised:
		u.count(func(s *Status) { s.Clashes++ })
		log.Error("two gateways have one identity, or one has got an old card back: both are published",
			"hint", "give one of them another gateway.id; what came of both is under the same topics")
	case arrivals.Cleared:
		log.Warn("blocks of one gateway come of one store again", "blocks", arrivals.Calm)
	}
}
