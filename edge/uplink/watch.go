package uplink

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"skerry/broker/packet"
	"skerry/broker/watch"
	"skerry/queue"
)

// tap sees the packets of one connection upstream.
type tap struct {
	u         *Uplink
	version   packet.Version
	keepAlive time.Duration
	in, out   watch.Meter
	opened    time.Time
	last      atomic.Int64 // when a packet has come or gone; nanoseconds since opened
}

func (t *tap) see(in bool, packets []byte) {
	t.last.Store(int64(time.Since(t.opened)))
	meter := &t.out
	if in {
		meter = &t.in
	}
	meter.Count(t.version, packets)
	if shown := t.u.trace.Load(); shown != nil {
		shown.See(t.version, in, packets)
	}
}

// quiet is how long nothing has come or gone.
func (t *tap) quiet() time.Duration {
	if t == nil {
		return 0
	}
	return time.Since(t.opened) - time.Duration(t.last.Load())
}

// look adds to a Status what the latest connection has carried.
func (t *tap) look(s *Status) {
	if t != nil {
		s.Version, s.KeepAlive, s.In, s.Out = t.version.String(), t.keepAlive, t.in.Read(), t.out.Read()
	}
}

// Name is that of the configuration.
func (u *Uplink) Name() string { return u.config.Name }

// Queue sums up what the local sessions of the streams hold.
func (u *Uplink) Queue() (sum queue.SessionStats) {
	for _, s := range u.streams {
		session := s.session.Load()
		if session == nil {
			continue
		}
		one := session.Stats()
		sum.Messages += one.Messages
		sum.Bytes += one.Bytes
		sum.InFlight += one.InFlight
		sum.Oldest = max(sum.Oldest, one.Oldest)
		for reason, n := range one.Dropped {
			sum.Dropped[reason] += n
		}
	}
	return sum
}

// ErrTraced says that somebody watches already.
var ErrTraced = errors.New("it is traced already")

// Trace gives each packet from and to the Server to see, until ctx ends or see fails; also of connections to come. started is
// told whether the uplink is online. The uplink is served as if nobody watched.
func (u *Uplink) Trace(ctx context.Context, started func(online bool) error, see func(watch.Packet) error) error {
	t := watch.NewTrace()
	if !u.trace.CompareAndSwap(nil, t) {
		return ErrTraced
	}
	defer u.trace.Store(nil)
	if err := started(u.Status().Online); err != nil {
		return err
	}
	return t.Show(ctx, see)
}
