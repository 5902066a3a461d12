package uplink

import (
	"context"
	"slices"
	"strings"
	"sync"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/broker/topic"
	"skerry/edge/change"
	"skerry/edge/config"
	"skerry/edge/reduce"
)

// contentFilter is the name of the broker's private content filter that decides what a stream carries, where one does (config.Stream.Chooses).
// No filter of a configuration can have it.
func contentFilter(stream string) string { return "$" + stream }

// ContentFilters are the private content filters that the broker must have for streams that choose.
func ContentFilters(streams []config.Stream) (all []broker.Filter) {
	for _, s := range streams {
		if !s.Chooses() {
			continue
		}
		c := content{when: s.When.Expression}
		if o := s.OnChange; o.On {
			c.change = change.NewDetector(change.Options{Ignore: o.Ignore, Deadband: o.Deadband, Heartbeat: o.Heartbeat})
		}
		all = append(all, broker.Filter{Name: contentFilter(s.Name), Match: s.Match, Condition: c, Private: true})
	}
	return all
}

// content decides what a stream carries: what `when` holds of, and, of that, what says something new.
type content struct {
	when   *filter.Expression // nil: of everything
	change *change.Detector   // nil: nothing is left out
}

// wants tells whether `when` holds. It is not asked about what removes a retained message: that may have left before.
func (c content) wants(s *filter.Subject) bool {
	return c.when == nil || removes(s.Retain, s.Payload) || c.when.Holds(s)
}

// removes tells whether a message removes the retained one of its topic [MQTT-3.3.1-6].
func removes(retain bool, payload []byte) bool { return retain && len(payload) == 0 }

// Holds is asked once about each message.
func (c content) Holds(s *filter.Subject) bool {
	return c.wants(s) && (c.change == nil || c.change.Holds(s))
}

// Stored is asked once about each stored message for a new subscription.
func (c content) Stored(s *filter.Subject) bool {
	return c.wants(s) && (c.change == nil || c.change.Stored(s))
}

// Forget tells that a message was not published.
func (c content) Forget(topic string) {
	if c.change != nil {
		c.change.Forget(topic)
	}
}

// chosen are the filters for what a stream matches, and of that for what it chooses.
func chosen(c *config.Stream) []string {
	if !c.Chooses() {
		return slices.Clone(c.Match)
	}
	var all []string
	for _, filter := range c.Match {
		all = append(all, topic.Filtered(contentFilter(c.Name), filter))
	}
	return all
}

// ours tells whether only the program itself publishes to what a filter matches. Its results are no echo of what came from the Server,
// though they come from a session of the uplink.
func ours(filter string) bool { return strings.HasPrefix(filter, "$skerry/") }

// original is the local topic that a message is about: of a result that of its inputs.
func (u *Uplink) original(name string) string {
	if plain, ok := reduce.Original(u.config.Name, name); ok {
		return plain
	}
	return name
}

// findReduced finds which streams were reduced before and are not any more.
func (u *Uplink) findReduced() {
	for _, name := range reduce.Former(u.broker, u.config.Name) {
		i := slices.IndexFunc(u.streams, func(s *stream) bool { return s.name == name })
		if i >= 0 && u.streams[i].reduce != nil && !u.streams[i].behind {
			continue
		}
		u.former = append(u.former, name)
		if i >= 0 {
			u.streams[i].former = true
		}
	}
}

// openReduced has the reductions gather. Of a pair that of the backfill stream stands for both.
func (u *Uplink) openReduced() error {
	for _, s := range u.streams {
		if s.reduce == nil || s.behind {
			continue
		}
		var to []string
		for _, what := range s.reduce.To {
			to = append(to, string(what))
		}
		r := reduce.New(u.broker, reduce.Options{Uplink: u.config.Name, Stream: s.name, Group: u.group(), Filters: s.asks, Window: s.reduce.Window, To: to, Log: u.log})
		if err := r.Open(); err != nil {
			return err
		}
		u.reduced = append(u.reduced, r)
	}
	return nil
}

// runReduced runs the reductions, and ends those that are not wanted any more. What it returns waits for them, when ctx has ended.
func (u *Uplink) runReduced(ctx context.Context) (wait func()) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, r := range u.reduced {
		running.Go(func() { _ = r.Run(ctx) }) // its error is that of the broker, which ends the uplink too
	}
	for _, name := range u.former {
		running.Go(func() {
			if err := reduce.Finish(ctx, u.broker, u.config.Name, name, u.log); err != nil {
				u.log.Warn("a stream is not reduced any more, and the last results cannot be stored; they are made with the next start", "stream", name, "err", err)
			}
		})
	}
	return func() {
		stop()
		running.Wait()
	}
}

// dropReduced ends the reductions of an uplink that is configured no more. What was in their open windows has nowhere to go.
func (u *Uplink) dropReduced() error {
	for _, name := range reduce.Former(u.broker, u.config.Name) {
		topics, err := reduce.Drop(u.broker, u.config.Name, name, u.log)
		if err != nil {
			return err
		}
		if topics > 0 {
			u.log.Warn("an uplink is configured no more; readings of the window that was open in one of its streams are lost", "stream", name, "topics", topics)
		}
	}
	return nil
}
