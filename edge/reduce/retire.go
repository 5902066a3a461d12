package reduce

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"skerry/broker"
)

// Former lists the streams of an uplink that have been reduced, sorted, those that still are included.
func Former(b *broker.Broker, uplink string) (streams []string) {
	for _, id := range b.Internal() {
		if stream, ok := strings.CutPrefix(id, key(uplink, "")); ok {
			streams = append(streams, stream)
		}
	}
	return streams
}

// Finish ends the reduction of a stream that is reduced no more: what was in the open window comes out, where results came out before, and
// nothing is left of it. It returns when that is done, or ctx ends; then it is to be called again by the next run.
func Finish(ctx context.Context, b *broker.Broker, uplink, stream string, log *slog.Logger) error {
	r := New(b, Options{Uplink: uplink, Stream: stream, Window: time.Hour, Log: log})
	if err := r.connect(); err != nil {
		return err
	}
	if len(r.account.Filters) > 0 {
		r.session.Unsubscribe(r.account.Filters)
	}
	for !r.finished() {
		select {
		case <-ctx.Done():
			r.session.Disconnect(broker.DisconnectOptions{})
			return nil
		case <-r.wake:
		case <-time.After(again):
		}
		if err := b.Err(); err != nil {
			return err
		}
		r.acknowledge()
		if !r.blocked || r.store(nil) {
			r.takeAll()
		}
	}
	now := uint32(0)
	r.session.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
	_, err := b.PutFact(key(uplink, stream), nil)
	return err
}

// finished closes the window when everything is in it; true if that has been done.
func (r *Reducer) finished() bool {
	left := r.session.Unfinished()
	for _, o := range r.owed {
		left -= min(left, uint64(len(o.ids)))
	}
	if r.blocked || left > uint64(len(r.holding)) {
		return false
	}
	r.close(r.date())
	return len(r.account.Topics) == 0
}

// Drop ends the reduction of a stream of an uplink that is gone: its results would go nowhere. It returns how many topics the open window had.
func Drop(b *broker.Broker, uplink, stream string, log *slog.Logger) (topics int, err error) {
	r := New(b, Options{Uplink: uplink, Stream: stream, Window: time.Hour, Log: log})
	if err := r.connect(); err != nil {
		return 0, err
	}
	now := uint32(0)
	r.session.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
	_, err = b.PutFact(key(uplink, stream), nil)
	return len(r.account.Topics), err
}
