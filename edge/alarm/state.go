package alarm

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"skerry/broker"
)

// kept is what survives a restart: the alarms that are raised, by name.
type kept map[string]keptAlarm

type keptAlarm struct {
	Topic string    `json:"topic"`
	Since time.Time `json:"since,omitzero"` // zero: not known
}

func (s *Set) keep(sink Sink) {
	all := kept{}
	for _, a := range s.alarms {
		if a.raised {
			all[a.config.Name] = keptAlarm{a.config.Topic, s.since(a)}
		}
	}
	state, err := json.Marshal(all)
	if err == nil {
		err = sink.KeepAlarms(state)
	}
	if err != nil && !s.unkept {
		s.log.Error("which alarms are raised could not be kept: a restart would raise them again", "err", err)
	}
	s.unkept = err != nil
}

// restore takes up what was raised, and clears what is configured no longer.
func (s *Set) restore(ctx context.Context, sink Sink) {
	state := sink.AlarmState()
	if state == nil {
		return
	}
	var all kept
	if err := json.Unmarshal(state, &all); err != nil {
		s.log.Error("which alarms were raised cannot be read: those whose reason is still there are raised again", "err", err)
		return
	}
	var gone []*broker.Message
	for name, k := range all {
		i := slices.IndexFunc(s.alarms, func(a *alarm) bool { return a.config.Name == name && a.config.Topic == k.Topic })
		if i >= 0 {
			s.alarms[i].raised, s.alarms[i].since = true, k.Since
			continue
		}
		s.log.Info("alarm cleared: it is configured no longer", "alarm", name)
		gone = append(gone, s.removed(name, k, time.Now()))
	}
	if len(gone) == 0 {
		return
	}
	if err := sink.Publish(ctx, gone); err != nil {
		s.log.Error("alarms that are configured no longer could not be cleared", "err", err)
		return // they stay among those kept until the next change of another, or the next start
	}
	s.keep(sink)
}
