package broker

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"skerry/broker/filter"
	"skerry/broker/topic"
	"skerry/queue"
)

// A Filter is a content filter. Whoever subscribes to "$filter/NAME/FILTER" gets the messages whose Topic Names match FILTER
// and one of Match, and of which the Condition holds. They are delivered as "$filter/NAME/" and the name that they were
// published to: what a Server sends has to match the subscription [MQTT-3.3.2-3], and Clients that hand messages on by their
// filters find the right one.
type Filter struct {
	Name      string
	Match     []string // Topic Filters
	Condition Condition

	// Private filters are for the program's own sessions. What passes goes to them as it was published, under its own Topic Name: it is
	// no copy, and costs the log nothing.
	Private bool
}

// A Condition decides by content; *filter.Expression does. It is asked once about a message, by the publisher's goroutine, and
// only if somebody has subscribed.
type Condition interface {
	Holds(*filter.Subject) bool
}

// A Memory is a Condition that remembers what it has let pass.
type Memory interface {
	Condition
	// Stored is asked in place of Holds about a retained message for a new subscription: who has subscribed has had nothing yet.
	Stored(*filter.Subject) bool
	// Forget tells that the last message of a topic was not published after all: its publisher was told, and will try again.
	Forget(topic string)
}

// Filter gives a content filter by its name.
func (b *Broker) Filter(name string) (Filter, bool) {
	c := b.contents.byName[name]
	if c == nil {
		return Filter{}, false
	}
	return c.Filter, true
}

// unpublished tells conditions that remember that m was not published.
func (b *Broker) unpublished(m *Message) {
	active := b.contents.active.Load()
	if active == nil {
		return
	}
	for _, c := range *active {
		if memory, ok := c.Condition.(Memory); ok && c.matches(m.TopicName) {
			memory.Forget(m.TopicName)
		}
	}
}

// contents are the content filters of a broker. Which there are does not change.
type contents struct {
	byName map[string]*content
	active atomic.Pointer[[]*content] // those that somebody has subscribed to; nil: none, and publishing looks no further
}

// content is one content filter, and who is behind it, by what they ask for behind it.
type content struct {
	Filter
	index   int
	longest int // Topic Name that leaves room for that of the filter
	subs    topic.Tree[*session, *subscription]
	active  bool // it is among contents.active; guarded by Broker.mu
	date    func() (time.Time, bool)
}

// newContents has the private ones come first: their targets are the message's own, and stand before those of its forms.
func newContents(filters []Filter, date func() (time.Time, bool)) contents {
	filters = slices.Clone(filters)
	slices.SortStableFunc(filters, func(x, y Filter) int { return order(x) - order(y) })
	all := make(map[string]*content, len(filters))
	for i, f := range filters {
		c := &content{Filter: f, index: i, longest: topic.MaxLength, date: date}
		if !f.Private {
			c.longest -= len(topic.Filtered(f.Name, ""))
		}
		all[f.Name] = c
	}
	return contents{byName: all}
}

func order(f Filter) int {
	if f.Private {
		return 0
	}
	return 1
}

// of finds the content filter that a Topic Filter names, and what is asked for behind it; nil if it names none that there is.
func (c *contents) of(topicFilter string) (*content, string) {
	name, rest, ok := topic.CutFiltered(topicFilter)
	if !ok {
		return nil, ""
	}
	return c.byName[name], rest
}

// refuses tells whether a Topic Filter asks for a content filter in a way that leads nowhere, or for one that is not for Clients.
func (c *contents) refuses(topicFilter string, internal bool) bool {
	if !topic.IsFiltered(topicFilter) {
		return false
	}
	found, _ := c.of(topicFilter)
	return found == nil || found.Private && !internal || topic.ValidFiltered(topicFilter) != nil
}

// lacks tells whether a Topic Filter names a content filter that is not configured.
func (c *contents) lacks(topicFilter string) bool {
	found, _ := c.of(topicFilter)
	return found == nil && topic.IsFiltered(topicFilter)
}

// tellAsleep reports stored subscriptions to content filters that are not configured any more, by their names. They are kept,
// for a filter may come back; until then nothing goes to them.
func (b *Broker) tellAsleep(asleep map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(asleep)) {
		b.log.Warn("subscriptions to a filter that is not configured: they get nothing until it is, or their clients unsubscribe",
			"filter", name, "subscriptions", asleep[name])
	}
}

// changed makes the list of those that somebody has subscribed to, if a subscription to one has changed it. Broker.mu is held.
func (c *contents) changed(to *content) {
	if to.active == (to.subs.Len() > 0) {
		return
	}
	to.active = !to.active
	var active []*content
	for _, one := range c.byName {
		if one.active {
			active = append(active, one)
		}
	}
	if active == nil {
		c.active.Store(nil)
		return
	}
	slices.SortFunc(active, func(x, y *content) int { return x.index - y.index })
	c.active.Store(&active)
}

// matches tells whether messages of that name are the filter's business. One that is too long has no form behind the filter.
func (c *content) matches(name string) bool {
	if len(name) > c.longest {
		return false
	}
	for _, m := range c.Match {
		if topic.Match(m, name) {
			return true
		}
	}
	return false
}

// named is the Topic Name under which a message goes to those behind the filter.
func (c *content) named(name string) string {
	if c.Private {
		return name
	}
	return topic.Filtered(c.Name, name)
}

// form is a message as it goes to those behind a filter that is not private.
func (c *content) form(m *Message) *Message {
	f := *m
	f.TopicName = c.named(m.TopicName)
	f.Retain = false
	return &f
}

// span says which targets of a Touched are those of a content filter.
type span struct {
	content  *content
	from, to int
}

// routeFiltered adds whom m goes to by content filters.
func (b *Broker) routeFiltered(active []*content, m *Message, from *session, t *Touched) {
	for _, c := range active {
		if !c.matches(m.TopicName) {
			continue
		}
		matched, filters := c.subs.MatchBelow(m.TopicName, t.matched[:0])
		t.matched = matched
		if len(matched) == 0 || !t.passes(c, m) {
			continue
		}
		begin := len(t.targets)
		t.addAll(m, from, matched, filters)
		if end := len(t.targets); end > begin && !c.Private {
			t.spans = append(t.spans, span{c, begin, end})
		}
	}
	t.forget()
}

// judge asks the filters about a message before a lock is taken under which it is routed. Who subscribes meanwhile may have
// one asked under the lock.
func (b *Broker) judge(m *Message, t *Touched) {
	active := b.contents.active.Load()
	if active == nil {
		return
	}
	for _, c := range *active {
		if !c.matches(m.TopicName) {
			continue
		}
		if t.matched, _ = c.subs.MatchBelow(m.TopicName, t.matched[:0]); len(t.matched) > 0 {
			t.passes(c, m)
		}
	}
}

// verdict is what a filter has said about a message.
type verdict byte

const (
	unknown verdict = iota
	passed
	failed
)

// passes tells whether the condition of a filter holds of m, which it is asked once.
func (t *Touched) passes(c *content, m *Message) bool {
	if t.subject == nil {
		t.subject = new(filter.Subject)
	}
	if t.judged != m {
		t.judged = m
		clear(t.verdicts)
		t.subject.Date = c.date
		t.subject.Set(m.TopicName, m.Payload, m.Properties, m.QoS, m.Retain, 0)
	}
	if more := c.index + 1 - len(t.verdicts); more > 0 {
		t.verdicts = append(t.verdicts, make([]verdict, more)...)
	}
	if v := &t.verdicts[c.index]; *v == unknown {
		if *v = failed; c.Condition.Holds(t.subject) {
			*v = passed
		}
	}
	return t.verdicts[c.index] == passed
}

// forget lets go of the message that filters were asked about.
func (t *Touched) forget() {
	if t.judged != nil {
		t.judged = nil
		t.subject.Clear()
	}
}

// formsOf are the forms in which a routed message goes out, itself first.
func (t *Touched) formsOf(m *Message) []queue.Form {
	own := t.targets
	if len(t.spans) > 0 {
		own = t.targets[:t.spans[0].from]
	}
	t.forms = append(t.forms[:0], queue.Form{Message: m, To: own})
	for _, s := range t.spans {
		t.forms = append(t.forms, queue.Form{Message: s.content.form(m), To: t.targets[s.from:s.to]})
	}
	return t.forms
}
