package cost

import (
	"errors"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/edge/uplink"
	"skerry/edge/uplink/array"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/profile"
	"skerry/queue"
)

// batching is how the messages of a lane leave together: the rules of package uplink.
type batching struct {
	encode config.Encoding
	zip    bool
	linger time.Duration
	limit  int     // bytes of a block
	stream string  // in its head
	prefix string  // of topics upstream
	topic  string  // of the block
	primes bool    // blocks go on from primers
	usual  []dated // a message of each topic, which a primer is made of
}

const (
	usualBlock  = 1300 // fits into a segment of TCP, with TLS and its topic
	besides     = 16   // of a PUBLISH beside topic and payload
	mostInBlock = 2048
	mostBytes   = 256 << 10 // of topics and payloads
	leastLinger = time.Second
)

// batching of a lane.
func (r *road) batching(l *lane) batching {
	s := l.stream
	b := batching{encode: s.Encode, zip: s.Compress == config.Gzip, stream: s.Name, prefix: r.uplink.Prefix, linger: usualLinger(s.Class, r.link.Kind)}
	b.topic = r.profile.Names(r.uplink.ClientID).Outward(uplink.BlockTopic(r.uplink.Prefix, r.site, r.gateway, string(s.Encode), s.Name), nil)
	b.limit = blockLimit(s, r.profile, b.topic)
	if s.Linger != nil {
		b.linger = *s.Linger
	}
	if s.Encode == config.EncodePack && (s.Class == config.AlarmClass || s.Class == config.StateClass) {
		b.primes = true
		for _, f := range l.flows {
			if len(f.samples) > 0 {
				b.usual = append(b.usual, dated{0, f.samples[0]})
			}
		}
	}
	return b
}

// messageOf is a message as a block has it.
func messageOf(d dated, sequence uint64) pack.Message {
	m := pack.Message{Topic: d.message.TopicName, Payload: d.message.Payload, Properties: d.message.Properties, Sequence: sequence,
		QoS: d.message.QoS, Retain: d.message.Retain}
	if !saysTime(d.message) {
		m.Time = midnight.Add(d.at).UnixMilli()
	}
	return m
}

func blockLimit(s config.Stream, p *profile.Profile, topic string) int {
	switch {
	case s.Block > 0:
		return int(s.Block)
	case p.BillingStep > 0:
		return p.BillingStep - len(topic) - besides
	}
	return usualBlock
}

// usualLinger is how long messages wait for others of their block where the configuration does not say.
func usualLinger(class, link string) time.Duration {
	if class == config.AlarmClass {
		return 0
	}
	return max(kind.Of(link).Linger, leastLinger)
}

// dated is a message of a trace.
type dated struct {
	at      time.Duration
	message *broker.Message
}

// blocks are the blocks of a trace: how many, with how many messages and bytes, and when they left.
type blocks struct {
	count, messages, bytes float64
	beside                 float64 // of count, those that left with something else
	primers, priming       float64 // how many primers followed them, and their bytes
	primer                 float64 // bytes of the latest
	left                   []time.Duration
}

// add counts a block, and the primer that follows it.
func (b *blocks) add(messages, bytes, primer int) {
	b.count, b.messages, b.bytes = b.count+1, b.messages+float64(messages), b.bytes+float64(bytes)
	if primer > 0 {
		b.primers, b.priming = b.primers+1, b.priming+float64(primer)
	}
}

// each is a mean of blocks.
func (b *blocks) each() (messages, bytes float64) { return b.messages / b.count, b.bytes / b.count }

// cut makes blocks of a trace. A block leaves when its oldest message has waited for linger, when it is full, or, once that has waited for half of it, with
// something else that is sent: others are the moments at which that happens, in their order.
func (b batching) cut(trace []dated, others []time.Duration) (all blocks) {
	c, p := b.coder(), b.prime()
	defer func() { all.primer = p.latest() }()
	for len(trace) > 0 {
		leaves, beside := trace[0].at+b.linger, 0.0
		if i, _ := slices.BinarySearch(others, trace[0].at+b.linger/2); i < len(others) && others[i] <= leaves {
			leaves, beside = others[i], 1
		}
		n := within(trace, leaves)
		if n == len(trace) && all.count >= 2 && b.linger > 0 {
			return all // the end of the trace is none of the block
		}
		taken, size := b.encoded(c, trace[:n], p)
		if full := min(taken, n); full < len(trace) && trace[full].at <= leaves {
			leaves, beside = trace[full].at, 0
		}
		all.add(taken, size, p.sent(b.stream, trace[:taken], size))
		all.beside += beside
		all.left = append(all.left, leaves)
		trace = trace[taken:]
	}
	return all
}

// within is how many messages of a trace may be in one block that leaves then.
func within(trace []dated, leaves time.Duration) (n int) {
	for bytes := 0; n < min(len(trace), mostInBlock) && trace[n].at <= leaves; n++ {
		if bytes += len(trace[n].message.TopicName) + len(trace[n].message.Payload); bytes > mostBytes {
			break
		}
	}
	return max(n, 1)
}

// coder is how a block is written: a pack.Encoder, or an array.Encoder.
type coder interface {
	Begin(h pack.Head, limit int)
	Append(m pack.Message) error
	Seal(dst []byte) (block []byte, messages int)
}

func (b batching) coder() coder {
	if b.encode == config.EncodeJSON {
		return &array.Encoder{Gzip: b.zip}
	}
	return &pack.Encoder{}
}

// saysTime tells whether a message needs no time beside its payload: an own one that has it in there.
func saysTime(m *broker.Message) bool {
	_, ok := mapping.Time(m.Payload)
	return m.Origin == queue.Gateway && (ok || len(m.Payload) > 0 && m.Payload[0]>>5 == 4) // an array of CBOR: SenML
}

// first is a sequence as large as those of a station that has run for a while, and epoch any.
const (
	first = 1_000_000
	epoch = 0x6b1f3c2a9d5e7081
)

// encoded is how many of some messages one block takes, and how many bytes it has.
func (b batching) encoded(c coder, some []dated, p *priming) (taken, bytes int) {
	from := p.sequence()
	head := pack.Head{Epoch: epoch, Stream: b.stream, Floor: from}
	if e, packs := c.(*pack.Encoder); packs {
		e.BeginPrimed(head, p.primer(), b.limit)
	} else {
		c.Begin(head, b.limit)
	}
	for i, d := range some {
		m := messageOf(d, from+uint64(i))
		if b.encode == config.EncodeJSON {
			m.Topic = b.prefix + m.Topic
		}
		if err := c.Append(m); errors.Is(err, pack.ErrFull) {
			break
		} else if err != nil { // it would be dropped
			return max(i, 1), len(d.message.Payload)
		}
	}
	block, n := c.Seal(nil)
	return max(n, 1), len(block)
}
