package modem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"skerry/drivers"
)

const (
	maxLine  = 512                    // bytes; what is longer is no line of a modem
	maxLines = 64                     // of one answer, those included that nobody asked for
	tries    = 3                      // calls to a modem before it counts as silent
	quiet    = 100 * time.Millisecond // without a byte after which nothing more is on its way
)

// command is a question to the modem.
type command struct {
	text     string        // "AT+CSQ"
	prefix   string        // of the lines that answer: "+CSQ:"; empty: there is none
	free     bool          // it answers with lines that have no prefix
	empty    bool          // OK alone is an answer
	patience time.Duration // 0: that of the wire
}

// wire is the conversation with a modem. One goroutine at a time uses it.
type wire struct {
	port     drivers.Port
	patience time.Duration // how long an answer may take

	part   []byte // the line that is not complete yet
	skip   bool   // the rest of it is passed over
	inStep bool   // no answer can be on its way
}

// ask gives a command and returns the lines that answer it, without their prefix.
func (w *wire) ask(ctx context.Context, c command) ([]string, error) {
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	w.inStep = false
	if err := w.send(c.text); err != nil {
		return nil, err
	}
	patience := c.patience
	if patience == 0 {
		patience = w.patience
	}
	lines, err := w.answer(ctx, c, time.Now().Add(patience))
	if _, refused := errors.AsType[*Refusal](err); err == nil || refused {
		w.inStep = true
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%s: %w within %v", c.text, ErrSilent, patience)
	}
	return lines, err
}

// answer reads until the final result. An OK that comes before the answer is that of an earlier command, which came late.
func (w *wire) answer(ctx context.Context, c command, until time.Time) (lines []string, err error) {
	late := false
	for range maxLines {
		line, err := w.line(ctx, until)
		switch {
		case late && errors.Is(err, os.ErrDeadlineExceeded):
			return nil, fmt.Errorf("%s: %w", c.text, ErrNoAnswer)
		case err != nil:
			return nil, err
		case line == c.text: // echo
			continue
		case line == "OK" && (len(lines) > 0 || c.prefix == "" && !c.free || c.empty):
			return lines, nil
		case line == "OK" && !late:
			late = true
			continue
		}
		if r := refusal(c.text, line); r != nil {
			return nil, r
		}
		if text, ok := c.takes(line); ok {
			lines = append(lines, text)
		}
	}
	return nil, fmt.Errorf("%s: %w: more than %d lines", c.text, ErrNoAnswer, maxLines)
}

// takes tells whether a line belongs to the answer, and gives it without the prefix. What comes unasked has another prefix, or
// is one of the words of telephones.
func (c command) takes(line string) (string, bool) {
	if c.prefix != "" {
		if rest, ok := strings.CutPrefix(line, c.prefix); ok {
			return strings.TrimSpace(rest), true
		}
	}
	if !c.free || strings.HasPrefix(line, "+") || strings.HasPrefix(line, "^") || strings.HasPrefix(line, "AT") {
		return "", false
	}
	switch line {
	case "RING", "NO CARRIER", "BUSY", "CONNECT", "RDY", "SMS READY", "Call Ready", "SMS Ready":
		return "", false
	}
	return line, true
}

// settle makes sure that nothing is on its way any more; at once when that is so. Modems answer in order: after the OK to an empty
// command, and a moment of silence, what comes belongs to the next.
func (w *wire) settle(ctx context.Context) error {
	if w.inStep {
		return nil
	}
	for try := range tries {
		patience := min(w.patience, time.Second)
		if try == tries-1 {
			patience = w.patience // a slow modem has all of them to answer by then
		}
		if err := w.forget(); err != nil {
			return err
		}
		if err := w.send("AT"); err != nil {
			return err
		}
		err := w.heard(ctx, time.Now().Add(patience))
		for range try { // a slow modem still owes the OKs of the calls before; one that was not awake does not
			if err == nil {
				err = w.owed(ctx)
			}
		}
		if err == nil {
			err = w.drain(ctx)
		}
		if err == nil {
			w.inStep = true
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return fmt.Errorf("%w to AT, %d times (hint: is it the port for AT commands? a modem has several, as ttyUSB2 and ttyUSB3; and no other program may use it)", ErrSilent, tries)
}

// heard waits for an OK; a refusal before it belongs to an earlier command.
func (w *wire) heard(ctx context.Context, until time.Time) error {
	for {
		line, err := w.line(ctx, until)
		if err != nil || line == "OK" {
			return err
		}
	}
}

// owed waits for an OK that may come.
func (w *wire) owed(ctx context.Context) error {
	if err := w.heard(ctx, time.Now().Add(w.patience)); err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil) {
		return err
	}
	return nil
}

// drain reads until nothing has come for a moment. A modem that never falls silent ends it as well.
func (w *wire) drain(ctx context.Context) error {
	for range maxLines {
		if _, err := w.line(ctx, time.Now().Add(quiet)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				return nil
			}
			return err
		}
	}
	return os.ErrDeadlineExceeded
}

func (w *wire) forget() error {
	w.part, w.skip = w.part[:0], false
	return w.port.Discard()
}

func (w *wire) send(text string) error {
	_, err := w.port.Write([]byte(text + "\r"))
	return err
}

// line gives the next line that is not empty and is text. os.ErrDeadlineExceeded: there was none; the part of one that came is kept.
func (w *wire) line(ctx context.Context, until time.Time) (string, error) {
	end, ends := ctx.Deadline()
	if ends = ends && !end.After(until); ends {
		until = end
	}
	for {
		if line, ok := w.cut(); ok {
			return line, nil
		}
		if err := w.port.SetReadDeadline(until); err != nil {
			return "", err
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		b := make([]byte, 256)
		n, err := w.port.Read(b)
		if n > 0 {
			w.part = append(w.part, b[:n]...)
			continue
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(until) {
			continue // the deadline was that of an earlier caller, who gave up
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && ends {
			return "", context.DeadlineExceeded // the context notices in this moment
		}
		if err != nil {
			return "", err
		}
	}
}

// cut takes the first usable line out of what came. Lines that are too long, or hold what is no text, are passed over.
func (w *wire) cut() (string, bool) {
	for {
		end := bytes.IndexAny(w.part, "\r\n")
		if end < 0 {
			if len(w.part) > maxLine {
				w.part, w.skip = w.part[:0], true
			}
			return "", false
		}
		line, skip := string(bytes.TrimSpace(w.part[:end])), w.skip
		w.part, w.skip = w.part[end+1:], false
		if !skip && line != "" && len(line) <= maxLine && isText(line) {
			return line, true
		}
	}
}

func isText(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return false
		}
	}
	return true
}
