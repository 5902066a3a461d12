package modem

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"skerry/drivers"
)

// The words of `modem:` that are no path.
const (
	Auto   = "auto" // ModemManager if it is there, else none
	Absent = "none"
)

const (
	defaultEvery    = 30 * time.Second
	defaultPatience = 5 * time.Second
	staleAfter      = 3 // polls
	attachRest      = 3 * time.Minute
)

// Options of a Watcher. Zero fields take the defaults.
type Options struct {
	// Modem is the value of `modem:` of a link: Auto, the path of a serial port for AT commands as "/dev/ttyUSB2", or Absent, which is the default.
	Modem string
	// Open opens a serial port by its path, for this Watcher alone. It is needed for a path only. A port that goes away should come back
	// by itself, as those of package board do.
	Open func(device string) (drivers.Port, error)
	// Program is that of ModemManager; default mmcli.
	Program string
	// Scale says what AT+CSQ means: Iridium for links of kind certus.
	Scale Scale
	// Context is the number of the data context (cid) whose APN counts; default 1.
	Context int
	// Every is the time between two polls; default 30 s.
	Every time.Duration
	// Patience is how long the modem may take for one answer; default 5 s.
	Patience time.Duration
	// MaxHold is how long a class is held back at a stretch; default DefaultMaxHold.
	MaxHold time.Duration
	// Changed is called when the band, what is held back, what may be learned, the registration, the operator, the APN or the technology has
	// changed. It must not block. nil: nobody is told.
	Changed func(Signal)
	// Log gets the changes; nil: discard.
	Log *slog.Logger
}

// withDefaults fills what is left open, and checks.
func (o Options) withDefaults() (Options, error) {
	if o.Modem == "" {
		o.Modem = Absent
	}
	if err := Check(o.Modem); err != nil {
		return o, err
	}
	if strings.HasPrefix(o.Modem, "/") && o.Open == nil {
		return o, errors.New("a modem on a serial port, and nothing that opens ports")
	}
	if o.Program == "" {
		o.Program = mmcliProgram
	}
	if o.Context <= 0 {
		o.Context = 1
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.MaxHold <= 0 {
		o.MaxHold = DefaultMaxHold
	}
	if o.Changed == nil {
		o.Changed = func(Signal) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Check tells what is wrong with a value of `modem:`.
func Check(modem string) error {
	switch {
	case modem == Auto, modem == Absent, strings.HasPrefix(modem, "/"):
		return nil
	}
	return fmt.Errorf("modem %q (hint: auto, none, or the path of the port for AT commands, as /dev/ttyUSB2)", modem)
}
