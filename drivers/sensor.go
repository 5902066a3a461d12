package drivers

import (
	"context"
	"time"
)

// SenseTimeout is the least time that a caller gives to one Sense. Drivers finish or give up within it.
const SenseTimeout = 10 * time.Second

// Sensor is a device in use.
type Sensor interface {
	// String names the device and where it sits, for messages: "BME280 at 0x76 on i2c1".
	String() string
	// Sense measures and appends its readings to dst. With an error there may still be readings: those that are true. A *NotYetError is none.
	Sense(ctx context.Context, dst []Reading) ([]Reading, error)
	// Halt puts the device to rest and gives back pins and ports. The Sensor is not used afterwards.
	Halt() error
}

// NotYetError is what Sense gives when the device measures for longer than a Sense has. It has not failed: the next Sense, which is to come
// when After is over, gives what it measured.
type NotYetError struct {
	After time.Duration
	Err   error // in words
}

func (e *NotYetError) Error() string { return e.Err.Error() }
func (e *NotYetError) Unwrap() error { return e.Err }

// Stateful is a Sensor with a little state that must survive a restart, as the total of a pulse counter. State is taken after
// a Sense, so that what is kept and what was reported are the same; Restore comes once, before the first Sense.
type Stateful interface {
	State() []byte
	// Restore takes what State gave. State of another version, or damaged, is an error, and the Sensor stays as it was.
	Restore(state []byte) error
}

// Timekeeper is a Sensor that is told the date from outside, as a satellite receiver is.
type Timekeeper interface {
	// Fix gives what the last Sense heard of the date: it was utc at the moment at, which has Go's monotonic reading. False: nothing
	// that can be relied on.
	Fix() (utc, at time.Time, ok bool)
}

// Punctual is a Sensor that knows how often its device answers too late.
type Punctual interface {
	// Lateness is as of the last Sense. It is not called while one is under way.
	Lateness() Lateness
}

// Lateness is how a device keeps the time that it has for an answer, since its bus was opened. Sensors of one device have one.
type Lateness struct {
	Asked   uint64        // requests
	Late    uint64        // answers that came when their time was over, and were dropped
	Slowest time.Duration // the latest of them, from its request on, as far as somebody listened; 0: not known
	Timeout time.Duration // the time that the device has
}
