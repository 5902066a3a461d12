package edge

import (
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/edge/output"
	"skerry/queue"
)

// figures are what a station counts, looked at in one go.
type figures struct {
	up      time.Duration // since the start
	broker  broker.Stats
	server  server.Stats
	store   queue.Stats
	waiting queue.SessionStats // of all sessions that survive a restart together; Dropped is not summed up
	stored  int                // how many these are
	down    bool               // storage has failed
	outputs output.Counts      // commands of all outputs together
	failing int                // outputs that fail
}

// look gathers them. It holds each lock for moments only.
func (s *statistics) look() figures {
	f := figures{up: time.Since(s.began), broker: s.broker.Stats(), store: s.store.Stats(), down: s.store.Err() != nil}
	if s.server != nil {
		f.server = s.server.Stats()
	}
	for x := range s.store.Sessions() {
		one := x.Stats()
		f.stored++
		f.waiting.Messages += one.Messages
		f.waiting.Bytes += one.Bytes
		f.waiting.Oldest = max(f.waiting.Oldest, one.Oldest)
		f.waiting.InFlight += one.InFlight
	}
	for _, x := range s.outputs() {
		f.outputs.Done += x.Counts.Done
		f.outputs.Refused += x.Counts.Refused
		f.outputs.Failed += x.Counts.Failed
		if x.Failures > 0 {
			f.failing++
		}
	}
	return f
}

// kept is how many messages are in memory and on the disk: retained, or waiting for a receiver.
func (f *figures) kept() uint64 { return f.waiting.Messages + uint64(f.broker.Retained) }

func (f *figures) keptBytes() uint64 { return f.waiting.Bytes + uint64(f.broker.RetainedBytes) }

// lost is how many deliveries fell to a limit.
func (f *figures) lost() uint64 { return f.store.Drops.Lost() }
