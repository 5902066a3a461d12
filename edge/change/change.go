package change

import (
	"slices"
	"sync"
	"time"

	"skerry/broker/filter"
)

// MaxBytes bounds what a Detector remembers. It is enough for some 20,000 topics of one number.
const MaxBytes = 4 << 20

// Options say what counts as a change. The zero Options: any, but for the time.
type Options struct {
	Ignore    []string      // members that do not count, by name, wherever they stand; nil: "time"
	Deadband  float64       // a number that differs by no more is the same
	Heartbeat time.Duration // what has not passed for so long passes; 0: nothing does only for that
}

// Detector remembers what has passed. It may be used by several goroutines.
type Detector struct {
	options Options

	mu     sync.Mutex
	topics map[string]*passed
	bytes  int
}

// passed is the last message of a topic that has passed.
type passed struct {
	leaves
	at     time.Time
	unsure bool // of QoS 0: nobody says whether it arrives
}

// overhead is about what a topic costs beside its name and its numbers, in bytes.
const overhead = 160

func (p *passed) size(topic string) int { return overhead + len(topic) + 8*len(p.numbers) }

// NewDetector makes one that remembers nothing yet.
func NewDetector(o Options) *Detector {
	if o.Ignore == nil {
		o.Ignore = []string{"time"}
	}
	o.Ignore = slices.Clone(o.Ignore)
	return &Detector{options: o, topics: map[string]*passed{}}
}

// Holds tells whether a message is news, and if so remembers it. It is a condition of the broker's content filters, which ask about
// each message once.
func (d *Detector) Holds(s *filter.Subject) bool {
	now := &passed{leavesOf(s, d.options.Ignore), time.Now(), s.QoS == 0}
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.topics[s.Topic]
	if last != nil && len(s.Payload) > 0 && last.same(now.leaves, d.options.Deadband) && !d.due(last, now.at) {
		return false
	}
	d.remember(s.Topic, last, now)
	return true
}

func (d *Detector) due(last *passed, now time.Time) bool {
	return d.options.Heartbeat > 0 && now.Sub(last.at) >= d.options.Heartbeat
}

// Stored tells whether a stored message, the retained one of its topic, is for somebody who has had nothing yet: it is, and it is remembered.
func (d *Detector) Stored(s *filter.Subject) bool {
	now := &passed{leavesOf(s, d.options.Ignore), time.Now(), s.QoS == 0}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remember(s.Topic, d.topics[s.Topic], now)
	return true
}

// Forget forgets a topic whose last message has passed and did not arrive after all: what comes next of it passes.
func (d *Detector) Forget(topic string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.topics[topic]; p != nil {
		delete(d.topics, topic)
		d.bytes -= p.size(topic)
	}
}

// ForgetAll forgets everything: something did not arrive, and nobody knows what.
func (d *Detector) ForgetAll() { d.forget(func(string, *passed) bool { return true }) }

// ForgetUnsure forgets what has passed with QoS 0 since a moment from which on that may have been lost.
func (d *Detector) ForgetUnsure(since time.Time) {
	d.forget(func(_ string, p *passed) bool { return p.unsure && !p.at.Before(since) })
}

func (d *Detector) forget(which func(topic string, p *passed) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for topic, p := range d.topics {
		if which(topic, p) {
			delete(d.topics, topic)
			d.bytes -= p.size(topic)
		}
	}
}

// Bytes is about how much memory is in use.
func (d *Detector) Bytes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bytes
}

// remember puts what has passed in the place of the last. When there is no room any other topic is forgotten: each of them costs a
// message too many, whichever it is.
func (d *Detector) remember(topic string, last, now *passed) {
	if last != nil {
		d.bytes -= last.size(topic)
	}
	d.topics[topic] = now
	d.bytes += now.size(topic)
	for other, p := range d.topics {
		if d.bytes <= MaxBytes {
			return
		}
		delete(d.topics, other)
		d.bytes -= p.size(other)
	}
}
