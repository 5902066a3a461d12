package modem

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"skerry/drivers"
)

// seldom is how many polls lie between two questions for what hardly ever changes: the operator and the APN.
const seldom = 10

// Scale says what AT+CSQ means.
type Scale byte

// The scales.
const (
	Cellular Scale = iota // 0 to 31, and 99
	Iridium               // 0 to 5 bars
)

// Line is how a serial port of a modem is set where the configuration does not say it. Those of USB ignore the speed.
func (s Scale) Line() drivers.SerialConfig {
	if s == Iridium {
		return drivers.SerialConfig{Baud: 19200}
	}
	return drivers.SerialConfig{Baud: 115200}
}

// at is a modem on a serial port.
type at struct {
	open     func() (drivers.Port, error)
	scale    Scale
	context  int // the cid whose APN counts
	patience time.Duration
	log      *slog.Logger

	turn  chan struct{} // holds a token while nobody talks
	wire  *wire         // nil: the port is not open
	setUp bool
	lacks map[string]bool // commands that this modem does not have
	known Sample          // what is asked seldom
	polls int             // since the modem was set up
}

func newAT(o Options) *at {
	a := &at{open: func() (drivers.Port, error) { return o.Open(o.Modem) }, scale: o.Scale, context: o.Context, patience: o.Patience, log: o.Log.With("modem", o.Modem)}
	a.turn = make(chan struct{}, 1)
	a.turn <- struct{}{}
	return a
}

func (a *at) name() string { return "at" }

// with talks to the modem alone. A port that failed is set up anew the next time; one that is gone comes back by itself.
func (a *at) with(ctx context.Context, talk func() error) error {
	select {
	case <-a.turn:
		defer func() { a.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if a.wire == nil {
		port, err := a.open()
		if err != nil {
			return err
		}
		a.wire, a.setUp = &wire{port: port, patience: a.patience}, false
	}
	port := a.wire.port
	stop := context.AfterFunc(ctx, func() { _ = port.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err := a.prepare(ctx)
	if err == nil {
		err = talk()
	}
	if _, refused := errors.AsType[*Refusal](err); err != nil && !refused {
		a.wire.inStep = false
		if !errors.Is(err, ErrNoAnswer) && ctx.Err() == nil {
			a.setUp = false // it may be another modem, or one that was switched off and on
		}
	}
	return err
}

// prepare sets up a modem that is new. Only that it answers is needed; some have not all of these.
func (a *at) prepare(ctx context.Context) error {
	if a.setUp {
		return nil
	}
	a.lacks, a.known, a.polls = map[string]bool{}, Sample{}, 0
	a.wire.inStep = false
	if _, err := a.wire.ask(ctx, command{text: "ATE0"}); err != nil {
		return err
	}
	settings := []string{"AT+CMEE=2"}
	if a.scale == Cellular {
		settings = append(settings, "AT+COPS=3,2")
	}
	for _, text := range settings {
		if _, err := a.wire.ask(ctx, command{text: text}); fatal(ctx, err) {
			return err
		}
	}
	for _, text := range []string{"AT+CGMM", "ATI"} {
		lines, err := a.wire.ask(ctx, command{text: text, prefix: strings.TrimPrefix(text, "AT") + ":", free: true})
		if fatal(ctx, err) {
			return err
		}
		if len(lines) > 0 {
			a.known.Model = shorten(unquote(lines[0]))
			break
		}
	}
	if err := a.wake(ctx); err != nil {
		return err
	}
	a.setUp = true
	return nil
}

// wake switches the radio on where it is off: it may be this program that was ended while it was. One that does not tell is taken to be on.
func (a *at) wake(ctx context.Context) error {
	if a.scale == Iridium {
		return nil
	}
	lines, err := a.wire.ask(ctx, command{text: "AT+CFUN?", prefix: "+CFUN:"})
	if err != nil || len(lines) == 0 || lines[0] != "0" && lines[0] != "4" {
		if fatal(ctx, err) {
			return err
		}
		return nil
	}
	a.log.Warn("the radio of the modem was off; it is switched on", "functionality", lines[0])
	if _, err := a.wire.ask(ctx, command{text: "AT+CFUN=1", patience: radioPatience}); fatal(ctx, err) {
		return err
	}
	return nil
}

// fatal tells the errors after which it is no use to go on: all but what a modem can say, or leave unsaid.
func fatal(ctx context.Context, err error) bool {
	_, refused := errors.AsType[*Refusal](err)
	return err != nil && (ctx.Err() != nil || !refused && !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrSilent))
}

// shorten makes of a text from elsewhere one that a log and a terminal can show.
func shorten(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimSpace(text))
	for n := range clean {
		if n >= 64 {
			return clean[:n]
		}
	}
	return clean
}

// read polls the modem.
func (a *at) read(ctx context.Context) (s Sample, err error) {
	err = a.with(ctx, func() error {
		s, err = a.poll(ctx)
		return err
	})
	return s, err
}

func (a *at) poll(ctx context.Context) (Sample, error) {
	s := Sample{Model: a.known.Model}
	again := a.polls%seldom == 0
	a.polls++
	if again {
		clear(a.lacks) // it may have been a moment's refusal
	}
	if err := a.signal(ctx, &s); err != nil {
		return Sample{}, err
	}
	if err := a.registration(ctx, &s); err != nil {
		return Sample{}, err
	}
	if a.scale == Iridium {
		return s, nil
	}
	if again || s.Registration != a.known.Registration {
		a.known.Operator, a.known.APN, a.known.Technology = "", "", ""
		if err := a.network(ctx, &a.known); err != nil {
			return Sample{}, err
		}
		a.known.Registration = s.Registration
	}
	s.APN = a.known.APN
	if s.Registration.absent() {
		trouble, err := a.trouble(ctx)
		s.Trouble = trouble
		return s, err
	}
	s.Operator = a.known.Operator
	if s.Technology == "" {
		s.Technology = a.known.Technology
	}
	return s, nil
}

// query asks one thing; nothing when the modem does not have it, or cannot tell now.
func (a *at) query(ctx context.Context, text string, empty bool) ([]string, error) {
	if a.lacks[text] {
		return nil, nil
	}
	prefix := strings.TrimRight(strings.TrimPrefix(text, "AT"), "?") + ":"
	lines, err := a.wire.ask(ctx, command{text: text, prefix: prefix, empty: empty})
	if r, refused := errors.AsType[*Refusal](err); refused {
		a.lacks[text] = r.unsupported()
		return nil, nil
	}
	if errors.Is(err, ErrNoAnswer) {
		a.lacks[text] = true
		return nil, nil
	}
	return lines, err
}

func (a *at) signal(ctx context.Context, s *Sample) error {
	patience := a.patience
	if a.scale == Iridium {
		patience = max(patience, 20*time.Second) // it listens before it answers
	}
	lines, err := a.wire.ask(ctx, command{text: "AT+CSQ", prefix: "+CSQ:", patience: patience})
	if err != nil {
		return err // the one command that every modem has: what it says is why there is no signal
	}
	n, ok := parseCSQ(lines[len(lines)-1])
	switch {
	case ok && a.scale == Iridium && n <= 5:
		s.Bars = At(float64(n))
	case ok && a.scale == Cellular:
		s.CSQ = At(float64(n))
	}
	if a.scale == Iridium {
		return nil
	}
	lines, err = a.query(ctx, "AT+CESQ", false)
	if len(lines) > 0 {
		s.RSRP, s.RSRQ, s.SNR = parseCESQ(lines[len(lines)-1])
	}
	return err
}

// registration asks for LTE first, then for what is older: one that is registered counts. That of telephone calls says nothing about
// data, and is asked of modems that tell no other.
func (a *at) registration(ctx context.Context, s *Sample) error {
	commands := []string{"AT+CEREG?", "AT+CGREG?", "AT+CREG?"}
	if a.scale == Iridium {
		commands = commands[2:]
	}
	for _, text := range commands {
		if text == "AT+CREG?" && s.Registration != RegistrationUnknown {
			return nil
		}
		lines, err := a.query(ctx, text, false)
		if err != nil {
			return err
		}
		for _, line := range lines {
			r, technology, ok := parseRegistration(line)
			if ok && r > s.Registration {
				s.Registration, s.Technology = r, technology
			}
		}
		if s.Registration.Registered() {
			return nil
		}
	}
	return nil
}

// trouble asks for the SIM, when there is no network.
func (a *at) trouble(ctx context.Context) (string, error) {
	lines, err := a.wire.ask(ctx, command{text: "AT+CPIN?", prefix: "+CPIN:"})
	r, refused := errors.AsType[*Refusal](err)
	switch {
	case refused && !r.unsupported():
		return r.Error(), nil
	case refused, errors.Is(err, ErrNoAnswer):
		return "", nil
	case err != nil:
		return "", err
	}
	if said := lines[len(lines)-1]; said != "READY" {
		return "the SIM is locked: " + shorten(said) + " (hint: switch the PIN of the SIM off)", nil
	}
	return "", nil
}

// network asks for the operator and the APN.
func (a *at) network(ctx context.Context, s *Sample) error {
	lines, err := a.query(ctx, "AT+COPS?", false)
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		s.Operator, s.Technology = parseCOPS(lines[len(lines)-1])
	}
	lines, err = a.query(ctx, "AT+CGDCONT?", true)
	for _, line := range lines {
		if cid, apn, ok := parseCGDCONT(line); ok && cid == a.context {
			s.APN = apn
		}
	}
	return err
}

// close gives the port back.
func (a *at) close() error {
	<-a.turn
	defer func() { a.turn <- struct{}{} }()
	if a.wire == nil {
		return nil
	}
	port := a.wire.port
	a.wire = nil
	return port.Close()
}
