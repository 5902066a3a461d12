package edge

import (
	"context"
	"strconv"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/edge/config"
	"skerry/edge/control"
	"skerry/edge/output"
	"skerry/queue"
)

const (
	// statisticsEvery is how often values under $SYS are brought up to date.
	statisticsEvery = 10 * time.Second
	// perDayAfter is how long the station must have run until what it writes in a day can be estimated.
	perDayAfter = 10 * time.Minute
)

// statistics publishes how the station does, under $SYS/broker: as mosquitto does, and below store/ and access/ what only this broker has to
// say. A value is published when it has changed. docs/sys.md names them.
type statistics struct {
	store   *queue.Store
	broker  *broker.Broker
	server  *server.Server
	version string
	report  queue.Report
	free    func() (int64, error)
	filters []config.Filter
	outputs func() []output.Status
	uplinks func() []control.Uplink
	began   time.Time
	shown   map[string]string
	sys     system
}

func (g *Gateway) startStatistics(layers *layers, store *queue.Store, r queue.Report, b *broker.Broker) error {
	s := &statistics{
		store: store, broker: b, server: g.server, version: g.options.Version, report: r, filters: g.config.Broker.Filters,
		outputs: g.outputs.Statuses, uplinks: uplinkRows{&g.own}.List, began: time.Now(), shown: map[string]string{}, sys: system{loads: map[string]*load{}},
		free: func() (int64, error) { return g.options.FS.Free(g.config.Storage.Path) },
	}
	layers.start("statistics", time.Second, func(ctx context.Context) error {
		tick := time.NewTicker(statisticsEvery)
		defer tick.Stop()
		for ; ctx.Err() == nil; wait(ctx, tick.C) {
			g.windows.update() // how slow an uplink was fades with time
			g.doors.look()
			g.server.Revoke()
			g.server.Look()
			s.publish()
		}
		return nil
	})
	return g.startMetrics(layers, s)
}

func wait(ctx context.Context, c <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-c:
	}
}

// publish brings all values up to date.
func (s *statistics) publish() {
	f := s.look()
	s.system(&f)
	s.waiting(&f)
	s.written(&f)
	s.dropped(&f)
	s.refused(&f)
	s.commands(&f)
	s.faults(&f)
	s.lastStart()
	s.filtered()
	s.carried()
	if free, err := s.free(); err == nil { // last: it asks the disk, which may hang
		s.count("disk/free", uint64(max(free, 0)))
	}
}

// waiting is what is kept for receivers, and where.
func (s *statistics) waiting(f *figures) {
	n, st := &f.waiting, &f.store
	s.count("messages/waiting", n.Messages)
	s.count("messages/waiting_bytes", n.Bytes)
	s.count("messages/inflight", uint64(n.InFlight))
	s.count("messages/oldest", uint64(n.Oldest/time.Second))
	s.count("sessions", uint64(f.stored))
	s.count("disk/slots", uint64(st.Slots))
	s.count("disk/segments", uint64(st.Segments))
	s.count("disk/freed", st.Freed)
}

// written is what the disk had to bear, and what it was spared.
func (s *statistics) written(f *figures) {
	st := &f.store
	bytes := st.Bytes + st.CheckpointBytes
	s.count("written/bytes", bytes)
	s.count("written/flushes", st.Flushes)
	s.count("written/groups", st.Groups)
	s.count("written/records", st.Records)
	s.count("written/messages", st.Messages)
	s.count("written/checkpoints", st.Checkpoints)
	if f.up >= perDayAfter {
		s.count("written/per_day", uint64(float64(bytes)/f.up.Hours()*24))
	}
	s.count("spared/elided", st.Elided)
	s.count("spared/coalesced", st.Coalesced)
	s.set("commit_window", seconds(s.store.CommitWindow()))
}

// dropped is what receivers did not get, by reason.
func (s *statistics) dropped(f *figures) {
	for reason, n := range f.store.Drops {
		s.count("dropped/"+queue.Reason(reason).String(), n)
	}
}

// refused is what nobody was let do, who was not let in, and what limits at the door have done.
func (s *statistics) refused(f *figures) {
	if s.server == nil {
		return
	}
	st := &f.server
	s.publishAs("broker/access/refused/connect", count(st.Refused))
	s.publishAs("broker/access/refused/publish", count(st.PublishDenied))
	s.publishAs("broker/access/refused/subscribe", count(st.SubscribeDenied))
	s.publishAs("broker/access/refused/read", count(st.ReadDenied))
	s.publishAs("broker/limits/connections", count(st.TurnedAway))
	s.publishAs("broker/limits/connects", count(st.TooOften))
	s.publishAs("broker/limits/rate", count(st.Paused))
	s.publishAs("broker/limits/packet", count(st.TooLarge))
	s.publishAs("broker/access/logins/throttled", count(st.Throttled))
	s.publishAs("broker/access/logins/delayed", count(st.Delayed))
}

// commands is what became of those that outputs were given.
func (s *statistics) commands(f *figures) {
	s.publishAs("broker/outputs/failing", count(uint64(f.failing)))
	s.publishAs("broker/outputs/commands/done", count(f.outputs.Done))
	s.publishAs("broker/outputs/commands/refused", count(f.outputs.Refused))
	s.publishAs("broker/outputs/commands/failed", count(f.outputs.Failed))
}

// faults are those of this run, those found at its start included.
func (s *statistics) faults(f *figures) {
	st := &f.store
	s.count("faults/damaged", st.Damaged)
	s.count("faults/lost_records", st.LostRecords)
	s.count("faults/quarantined", st.Quarantined)
	s.count("faults/moved", st.Moved)
	s.count("faults/checkpoints", st.CheckpointFailures)
	s.count("faults/lied", truth(st.Lied))
	s.count("faults/down", truth(f.down))
	s.count("committing", uint64(st.Committing/time.Second))
}

// lastStart is what was found then.
func (s *statistics) lastStart() {
	r := s.report
	s.count("start/clean", truth(!r.Unclean))
	s.count("start/power_lost", truth(r.PowerLost))
	s.count("start/records", uint64(r.Records))
	s.count("start/messages", uint64(r.Messages))
	s.count("start/torn_blocks", uint64(r.TornBlocks))
	s.count("start/unknown", uint64(r.Unknown))
	s.count("start/unreadable_checkpoints", uint64(len(r.UnreadableCheckpoints)))
	s.set("start/took", seconds(r.Duration))
}

func (s *statistics) count(name string, n uint64) { s.set(name, count(n)) }

func count(n uint64) string { return strconv.FormatUint(n, 10) }

func (s *statistics) set(name, value string) { s.publishAs("broker/store/"+name, value) }

// publishAs publishes a value if it has changed.
func (s *statistics) publishAs(name, value string) {
	if s.shown[name] == value {
		return
	}
	s.shown[name] = value
	s.broker.SetSystem(name, value)
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a duration in seconds, to the millisecond.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64)
}
