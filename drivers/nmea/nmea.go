package nmea

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	gonmea "github.com/adrianmo/go-nmea"

	"skerry/drivers"
)

const (
	baud     = 9600                   // what NMEA receivers are set to in the factory; older ones 4800
	pause    = 300 * time.Millisecond // silence after which an epoch is over
	freshFor = 2 * time.Second        // how long bytes may wait in the port and still tell of now
)

type sensor struct {
	wait   time.Duration
	bus    string
	port   drivers.Port
	parser gonmea.SentenceParser // one per port: the package's own has one lock for all

	splitter splitter
	buf      [512]byte
	unread   []byte          // in buf
	held     gonmea.Sentence // read, and of the next epoch
	lastRead time.Time
	last     epoch // that of the last Sense

	utc, at time.Time // the last epoch's, zero unless it had a fix
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	port, err := b.Serial(s.Bus, drivers.SerialConfig{Baud: baud})
	if err != nil {
		return nil, fmt.Errorf("satellite receiver: %w", err)
	}
	return &sensor{wait: options(s).Wait, bus: s.Bus, port: port}, nil
}

// String names the port.
func (x *sensor) String() string {
	if x.bus == "" {
		return "satellite receiver"
	}
	return "satellite receiver on " + x.bus
}

// heard is what one Sense heard, to tell what is wrong when it was not enough.
type heard struct {
	bytes     int
	sentences int // with a right checksum
}

// Sense listens until an epoch is whole.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var h heard
	x.utc, x.at = time.Time{}, time.Time{}
	e, err := x.listen(ctx, &h)
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return dst, fmt.Errorf("%s: %w", x, err)
	case errors.Is(err, os.ErrDeadlineExceeded) && e.some():
	case errors.Is(err, os.ErrDeadlineExceeded):
		return dst, fmt.Errorf("%s: %w", x, x.explain(h))
	case err != nil:
		x.forget()
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	if e.repeats(x.last) {
		return dst, fmt.Errorf("%s: says the same moment over and over (%s); take its supply away for a while", x, e.clock)
	}
	x.last = e
	if utc, ok := e.utc(); ok && e.quality() == drivers.Good && utc.Year() >= firstYear {
		x.utc, x.at = utc, e.at
	}
	return e.readings(dst), nil
}

// Fix gives the date of the last epoch, if it had a fix: before the first one a receiver's clock is one that nobody has set.
func (x *sensor) Fix() (utc, at time.Time, ok bool) { return x.utc, x.at, !x.utc.IsZero() }

// explain tells three kinds of nothing apart.
func (x *sensor) explain(h heard) error {
	switch {
	case h.bytes == 0:
		return fmt.Errorf("silent for %v; check its supply and that its TX goes to RX here", x.wait)
	case h.sentences == 0:
		return fmt.Errorf("%d bytes and no NMEA sentence in %v; set `baud` of the bus to the receiver's speed (9600, 4800, 38400 or 115200)", h.bytes, x.wait)
	}
	return fmt.Errorf("%d sentences and no RMC, GGA, GNS, GLL or ZDA among them in %v; set the receiver to send RMC and GGA", h.sentences, x.wait)
}

// listen gathers an epoch. The first burst may have begun before anybody listened; it is taken only if it is whole.
func (x *sensor) listen(ctx context.Context, h *heard) (epoch, error) {
	end := time.Now().Add(x.wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	if err := x.dropStale(); err != nil {
		return epoch{}, err
	}
	first, err := x.burst(ctx, end, h)
	if err != nil || first.whole() {
		return first, err
	}
	second, err := x.burst(ctx, end, h)
	if errors.Is(err, os.ErrDeadlineExceeded) && !second.some() {
		return first, err
	}
	return second, err
}

// dropStale throws away what came in too long ago to tell of now.
func (x *sensor) dropStale() error {
	if time.Since(x.lastRead) < freshFor {
		return nil
	}
	x.forget()
	return x.port.Discard()
}

// forget drops what was read and not used.
func (x *sensor) forget() { x.splitter, x.unread, x.held = splitter{}, nil, nil }

// burst reads one epoch: until another moment begins or the line pauses.
func (x *sensor) burst(ctx context.Context, end time.Time, h *heard) (e epoch, err error) {
	quiet := time.Now()
	for {
		until := end
		if e.some() {
			until = earlier(end, quiet.Add(pause))
		}
		s, err := x.sentence(ctx, until, h)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && e.some() && time.Now().Before(end):
			return e, nil
		case err != nil:
			return e, err
		}
		quiet = time.Now()
		if e.at.IsZero() {
			e.at = x.lastRead
		}
		if e.take(s) {
			x.held = s
			return e, nil
		}
	}
}

// sentence gives the next one that has a right checksum and is of a known type.
func (x *sensor) sentence(ctx context.Context, until time.Time, h *heard) (gonmea.Sentence, error) {
	if s := x.held; s != nil {
		x.held = nil
		return s, nil
	}
	for {
		line, rest := x.splitter.next(x.unread)
		x.unread = rest
		if line == nil {
			if err := x.fill(ctx, until, h); err != nil {
				return nil, err
			}
			continue
		}
		s, err := x.parser.Parse(string(line))
		var unknown *gonmea.NotSupportedError
		if err == nil || errors.As(err, &unknown) {
			h.sentences++
		}
		if err == nil {
			return s, nil
		}
	}
}

// fill reads from the port.
func (x *sensor) fill(ctx context.Context, until time.Time, h *heard) error {
	n, err := drivers.Receive(ctx, x.port, x.buf[:], until)
	if err != nil {
		return err
	}
	x.unread, x.lastRead = x.buf[:n], time.Now()
	h.bytes += n
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Halt gives the port back.
func (x *sensor) Halt() error { return x.port.Close() }
