package sdi12

import (
	"context"
	"errors"

	"skerry/drivers"
)

// Found is a sensor that answered.
type Found struct {
	Address  string
	Identity string // maker, model and version, as it says them
}

// Line is how the port must be opened for an adapter: "text" or "transparent".
func Line(adapter string) drivers.SerialConfig { return Opts{Adapter: adapter}.line() }

// Find asks who is on the wire behind an adapter: first anybody, and when somebody answers, the addresses from 0 to 9 one by one. It commands
// no measurement.
func Find(ctx context.Context, port drivers.Port, adapter string) ([]Found, error) {
	b := newBus(port, Opts{Adapter: adapter}.adapter())
	one, err := b.query(ctx)
	switch {
	case errors.Is(err, ErrNoAnswer):
		return nil, nil
	case err != nil && !mute(err):
		return nil, err
	}
	var all []Found
	if err == nil && (one < '0' || one > '9') {
		all, err = b.whoIs(ctx, one)
	}
	for a := address('0'); a <= '9' && (err == nil || mute(err)); a++ {
		if err = b.settle(ctx); err == nil {
			_, err = b.once(ctx, a, a.String()+"!") // one try: who is there answered the query already
		}
		if err != nil {
			continue
		}
		var found []Found
		found, err = b.whoIs(ctx, a)
		all = append(all, found...)
	}
	if mute(err) {
		err = nil
	}
	return all, err
}

// mute tells the errors of an address that nobody has, or whose answer was spoilt.
func mute(err error) bool {
	return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrGarbled) || errors.Is(err, ErrOtherAddress)
}

// whoIs asks an address for its identification.
func (b *bus) whoIs(ctx context.Context, a address) ([]Found, error) {
	s := b.station(a)
	if err := b.identify(ctx, s); err != nil {
		return nil, err
	}
	return []Found{{s.at.String(), s.identity.String()}}, nil
}
