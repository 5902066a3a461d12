package sdi12

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"skerry/drivers"
)

// tries is how often a command is given before its error is reported, and within one break how often a sleeping sensor is called.
// The specification's section on retries asks for three of each at least.
const tries = 3

// bus is one wire with its sensors.
type bus struct {
	wire
	turn     chan struct{} // holds a token while nobody talks
	stations map[address]*station
}

// station is what is known of the sensor at an address.
type station struct {
	at       address
	identity identification
	known    bool   // identity was learned
	inStep   bool   // no answer can be on its way
	commands uint64 // given so far; a measurement under way does not survive another command
}

func newBus(p drivers.Port, a adapter) *bus {
	b := &bus{wire: wire{port: p, adapter: a}, turn: make(chan struct{}, 1), stations: map[address]*station{}}
	b.turn <- struct{}{}
	return b
}

// Close gives the port back.
func (b *bus) Close() error { return b.port.Close() }

// take waits until nobody talks.
func (b *bus) take(ctx context.Context) (giveBack func(), err error) {
	select {
	case <-b.turn:
		return func() { b.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *bus) station(a address) *station {
	if b.stations[a] == nil {
		b.stations[a] = &station{at: a}
	}
	return b.stations[a]
}

// query asks who is there. With more than one sensor on the wire their answers collide.
func (b *bus) query(ctx context.Context) (a address, err error) {
	for range tries {
		if err = b.settle(ctx); err != nil {
			return 0, err
		}
		var line string
		line, err = b.once(ctx, anyone, "?!")
		switch {
		case err == nil && len(line) == 1 && isAddress(line[0]):
			return address(line[0]), nil
		case err == nil:
			err = fmt.Errorf("%w %q to the address query: is there more than one sensor? Write the address of each", ErrGarbled, line)
		case final(ctx, err):
			return 0, err
		}
	}
	return 0, err
}

// ask gives a command until its answer can be read. take reads the answer from its address on.
func (b *bus) ask(ctx context.Context, s *station, command string, take func(line string) error) (err error) {
	for range tries {
		if err := b.identify(ctx, s); err != nil {
			return err
		}
		var line string
		if line, err = b.once(ctx, s.at, s.at.String()+command+"!"); err == nil {
			err = take(line)
		}
		if err == nil {
			return nil
		}
		s.inStep = false
		if final(ctx, err) {
			return err
		}
	}
	return fmt.Errorf("%s%s!: %w", s.at, command, err)
}

// final tells the errors that another try cannot mend.
func final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, ErrAborted) || errors.Is(err, ErrTooFew) || errors.Is(err, drivers.ErrUnplugged) || errors.Is(err, os.ErrClosed)
}

// once gives a command and reads one answer, after dropping what came before.
func (b *bus) once(ctx context.Context, a address, command string) (string, error) {
	if err := b.forget(); err != nil {
		return "", err
	}
	return b.exchange(ctx, a, command)
}

// exchange gives a command and reads one answer.
func (b *bus) exchange(ctx context.Context, a address, command string) (string, error) {
	b.station(a).commands++
	if err := b.send(ctx, command, true); err != nil {
		return "", err
	}
	return b.answer(ctx, a, command)
}

// answer reads the answer of an address. Lines of other addresses are passed over: they are late answers to somebody else.
func (b *bus) answer(ctx context.Context, a address, command string) (string, error) {
	until := time.Now().Add(b.timeout)
	if b.breaks {
		until = until.Add(time.Duration(len(command)) * character)
	}
	var other error
	for end := until.Add(maxAnswer); time.Now().Before(end); {
		line, err := b.line(ctx, until, command)
		switch {
		case errors.Is(err, ErrNoAnswer) && other != nil:
			return "", other
		case err != nil:
			return "", err
		case address(line[0]) == a || a == anyone:
			return line, nil
		}
		other = fmt.Errorf("%w: %q", ErrOtherAddress, line)
	}
	return "", other
}

// identify makes sure that nothing is on its way any more, and that the sensor is the one that it was; at once when that is so.
func (b *bus) identify(ctx context.Context, s *station) error {
	if s.inStep {
		return nil
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	var err error
	for try := range tries * b.calls() {
		if err = b.forget(); err != nil {
			return err
		}
		if _, err = b.barrier(ctx, s, try%b.calls() == 0); err == nil || final(ctx, err) || errors.Is(err, ErrOtherSensor) {
			return err
		}
	}
	return fmt.Errorf("%sI!: %w", s.at, err)
}

// calls is how often a sensor is called after one break: more than once only if that is while it is awake.
func (b *bus) calls() int {
	if b.breaks && b.timeout < awake {
		return tries
	}
	return 1
}

// barrier asks for the identification and gives what of this address came before it.
func (b *bus) barrier(ctx context.Context, s *station, wake bool) (before []string, err error) {
	command := s.at.String() + "I!"
	s.inStep = false
	s.commands++
	if err := b.send(ctx, command, wake); err != nil {
		return nil, err
	}
	for range 2 * tries {
		line, err := b.answer(ctx, s.at, command)
		if err != nil {
			return before, err
		}
		if who, err := parseIdentification(line[1:]); err == nil {
			return before, s.meet(who)
		}
		before = append(before, line)
	}
	return before, fmt.Errorf("%w: no identification among %q", ErrGarbled, before)
}

// meet compares a sensor with the one that was there before.
func (s *station) meet(who identification) error {
	if s.known && !s.identity.sameModel(who) {
		return fmt.Errorf("%w: %s, before it was %s; start skerry again if that is right", ErrOtherSensor, who, s.identity)
	}
	s.identity, s.known, s.inStep = who, true, true
	return nil
}
