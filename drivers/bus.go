package drivers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"
)

// Buses is what drivers need of the machine. An empty name is the first bus of the kind. An error names what is missing and
// ends with a hint (a line for config.txt, a group to be in).
type Buses interface {
	// I2C opens a bus, or gives the open one again: it is shared and is not closed by drivers. Each Tx has a deadline.
	I2C(name string) (i2c.Bus, error)
	// Pin takes a line, named "GPIO17" or by its place on the header "P1_11", as an input whose edges are queued by the kernel.
	Pin(name string, c PinConfig) (Edges, error)
	// Serial opens a port for this driver alone.
	Serial(name string, c SerialConfig) (Port, error)
	// SPI opens a port with its chip select for this driver alone.
	SPI(name string) (spi.PortCloser, error)
	// Output takes a line as an output and sets it.
	Output(name string, on bool) (Output, error)
	// Files are those of the kernel, and of its drivers.
	Files() Files
	// Dial connects to a device on the local network, by TCP: "192.0.2.7:502".
	Dial(ctx context.Context, address string) (net.Conn, error)
	// Common gives what several sensors use together, as the master of a serial line: the first caller makes it, and it is closed
	// when each has called release. The name says what it is and where: "modbus rs485".
	Common(name string, make func() (io.Closer, error)) (shared io.Closer, release func() error, err error)
}

// Output is a line in use as an output.
type Output interface {
	Set(on bool) error
	// Close gives the line back. What it does then is the board's business: most keep the level until somebody takes the line.
	Close() error
}

// Files are small files that the kernel makes up when they are read. A name begins at the root, without a slash:
// "sys/class/thermal/thermal_zone0/temp". Reading may mean talking to a device: each call ends with its context, or soon after.
type Files interface {
	// ReadFile reads a whole file, of 64 KiB at most. One that is missing is fs.ErrNotExist.
	ReadFile(ctx context.Context, name string) ([]byte, error)
	// WriteFile writes to a file that exists, in one call.
	WriteFile(ctx context.Context, name string, data []byte) error
	// Space is how much of the file system that a folder is on is free for users without privileges, and how large it is, in bytes.
	Space(ctx context.Context, name string) (free, size uint64, err error)
	// Glob lists the names that match a pattern, sorted; see path.Match.
	Glob(pattern string) ([]string, error)
}

// Edges is an input line and the edges seen on it.
type Edges interface {
	// Read appends the edges seen since the last Read, oldest first, and does not wait. When they were too many to be kept the
	// oldest are missing, and the numbers of those that follow show how many.
	Read(dst []Edge) ([]Edge, error)
	Close() error
}

// Edge is one edge of a line.
type Edge struct {
	Seq    uint32    // numbered by the kernel from 1 since the line was taken; wraps around. A gap is edges that were lost
	Time   time.Time // when the kernel saw it, with Go's monotonic reading: differences survive a change of the clock
	Rising bool
}

// PinConfig says how an input line is set up.
type PinConfig struct {
	Pull     Pull
	Trigger  Trigger
	Debounce time.Duration // done by the kernel: an edge counts when the level has kept still so long; 0: every edge
}

// Pull is the resistor of an input line.
type Pull byte

// The pulls. PullNone leaves the line as the board has it.
const (
	PullNone Pull = iota
	PullUp
	PullDown
)

// Trigger says which edges are seen.
type Trigger byte

// The triggers.
const (
	Falling Trigger = iota
	Rising
	BothEdges
)

// Port is a serial port. Read and Write may be called at the same time, Close and SetReadDeadline at any time.
type Port interface {
	// Read waits for at least one byte. Silence until the deadline is os.ErrDeadlineExceeded; an adapter that is gone is
	// ErrUnplugged; after Close it is os.ErrClosed. After ErrUnplugged each call looks once whether the adapter is back.
	// It never returns 0 bytes without an error.
	io.ReadWriteCloser
	// SetReadDeadline holds for pending and coming calls of Read; the zero time is none.
	SetReadDeadline(t time.Time) error
	// Discard throws away what was received and not read yet.
	Discard() error
}

// ErrUnplugged says that the device behind a port or bus went away, as when a USB adapter is pulled.
var ErrUnplugged = errors.New("unplugged")

// SerialConfig is how a device talks unless the configuration of the bus says otherwise. Zero fields are 9600 8N1.
type SerialConfig struct {
	Baud     int // bit/s
	DataBits int // 5 to 8
	Parity   Parity
	StopBits int // 1 or 2
}

// Parity of a serial line.
type Parity byte

// The parities.
const (
	NoParity Parity = iota
	OddParity
	EvenParity
)

// The words below are those of the configuration.
var (
	pullWords    = []string{"none", "up", "down"}
	triggerWords = []string{"falling", "rising", "both"}
	parityWords  = []string{"none", "odd", "even"}
)

func (p Pull) String() string    { return word(pullWords, byte(p)) }
func (t Trigger) String() string { return word(triggerWords, byte(t)) }
func (p Parity) String() string  { return word(parityWords, byte(p)) }

// UnmarshalText reads none, up or down.
func (p *Pull) UnmarshalText(b []byte) error { return parseWord((*byte)(p), pullWords, b) }

// UnmarshalText reads falling, rising or both.
func (t *Trigger) UnmarshalText(b []byte) error { return parseWord((*byte)(t), triggerWords, b) }

// UnmarshalText reads none, odd or even.
func (p *Parity) UnmarshalText(b []byte) error { return parseWord((*byte)(p), parityWords, b) }

func word(words []string, i byte) string {
	if int(i) < len(words) {
		return words[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func parseWord(to *byte, words []string, b []byte) error {
	for i, w := range words {
		if w == string(b) {
			*to = byte(i)
			return nil
		}
	}
	return &WordError{string(b), words}
}

// WordError is a text where one of a few words is wanted.
type WordError struct {
	Text  string
	Words []string // those wanted
}

func (e *WordError) Error() string { return fmt.Sprintf("%q is none of %q", e.Text, e.Words) }
