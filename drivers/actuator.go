package drivers

import "context"

// ActuateTimeout is the least time that a caller gives to one Set or Get. Drivers finish or give up within it.
const ActuateTimeout = SenseTimeout

// Actuator is a device or line in use that can be set. A value is a number; of a switch 1 is on and 0 is off.
type Actuator interface {
	// String names the device and where it sits, for messages: "line GPIO27".
	String() string
	// Set makes value what the device has. Nil: it has it, as far as the device can tell; a value that it rounds is no error. After an
	// error nobody knows what it has, and Set may be called again. It ends when its context does.
	Set(ctx context.Context, value float64) error
	// Get tells what the device has. It changes nothing.
	Get(ctx context.Context) (float64, error)
	// Halt gives back pins and ports. It sets nothing; what the device does then is its own business. It may be called more than once.
	Halt() error
}

// OutputKind is what a Kind is to `outputs:`.
type OutputKind struct {
	// Opts are as those of a Kind; keys that every output has (driver, bus, initial, command ...) are not among them.
	Opts func() any
	// Check looks at options together, as that of a Kind. Nil: nothing to check.
	Check func(s Setup) error
	// Describe says what can be set. The options are checked.
	Describe func(s Setup) OutputDoc
	// New takes the device. One that has some value as soon as it is taken, as a line has, gets first; all others keep what they have.
	// Errors name the device and end with a hint; calling again later is always right.
	New func(ctx context.Context, b Buses, s Setup, first float64) (Actuator, error)
}

// OutputDoc says what an output can be set to.
type OutputDoc struct {
	Switch   bool    // 1, on, or 0, off; else all numbers from Min to Max
	Min, Max float64 // of a number
	Unit     string  // of a number; may be empty
	Wide     bool    // of a number: far more than anybody would set; the configuration has to say a range
	Keeps    bool    // the device keeps its value while nobody has it: it can be asked for it before the first Set

	// Places are what it sets, in words of the driver: two outputs with one place would undo each other's values. A line of the board needs
	// none.
	Places []string
}
