package modem

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// says is what a modem says, and so long after the command before it.
type says struct {
	after time.Duration
	text  string
}

// talk gives a wire to a modem that says what is given, one part for each command that it hears.
func talk(t *testing.T, script ...says) (w *wire, heard func() []string) {
	t.Helper()
	ours, theirs := net.Pipe()
	var commands []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 64)
		for {
			n, err := theirs.Read(b)
			if err != nil {
				return
			}
			commands = append(commands, strings.TrimSpace(string(b[:n])))
			if len(script) > 0 {
				now := script[0]
				script = script[1:]
				go func() {
					time.Sleep(now.after)
					_, _ = theirs.Write([]byte(now.text))
				}()
			}
		}
	}()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return &wire{port: mute{ours}, patience: 2 * time.Second}, func() []string {
		ours.Close()
		<-done
		return commands
	}
}

var csq = command{text: "AT+CSQ", prefix: "+CSQ:"}

// TestAnOldAnswerIsNotANewOne: a question that was not answered in time is answered before the next one; that answer is not taken.
func TestAnOldAnswerIsNotANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, heard := talk(t,
			says{0, "\r\nOK\r\n"},
			says{2500 * time.Millisecond, "\r\n+CSQ: 5,99\r\n\r\nOK\r\n"}, // too late
			says{600 * time.Millisecond, "\r\nOK\r\n"},
			says{0, "\r\n+CSQ: 25,99\r\n\r\nOK\r\n"},
		)
		if _, err := w.ask(t.Context(), csq); !errors.Is(err, ErrSilent) {
			t.Errorf("the answer that is late: %v", err)
		}
		lines, err := w.ask(t.Context(), csq)
		if err != nil || !slices.Equal(lines, []string{"25,99"}) {
			t.Errorf("%q, %v", lines, err)
		}
		if got, want := heard(), []string{"AT", "AT+CSQ", "AT", "AT+CSQ"}; !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		said string
		want []string
		err  error
	}{
		"plain":                   {"\r\n+CSQ: 7,99\r\n\r\nOK\r\n", []string{"7,99"}, nil},
		"echo":                    {"AT+CSQ\r\r\n+CSQ: 7,99\r\n\r\nOK\r\n", []string{"7,99"}, nil},
		"an OK that is left":      {"\r\nOK\r\n\r\n+CSQ: 7,99\r\n\r\nOK\r\n", []string{"7,99"}, nil},
		"OK and nothing else":     {"\r\nOK\r\n", nil, ErrNoAnswer},
		"the answer to another":   {"\r\n+CESQ: 99,99,255,255,2,2\r\n\r\nOK\r\n", nil, ErrNoAnswer},
		"no end":                  {"\r\n+CSQ: 7,99\r\n", nil, ErrSilent},
		"half a line":             {"\r\n+CSQ: 7", nil, ErrSilent},
		"nothing but other lines": {strings.Repeat("RING\r\n", 200), nil, ErrNoAnswer},
		"a line without an end":   {strings.Repeat("x", 10000), nil, ErrSilent},
		"after such a line":       {strings.Repeat("x", 13*768) + "+CSQ: 1,1\r\n+CSQ: 7,99\r\nOK\r\n", []string{"7,99"}, nil},
		"binary":                  {"\x00+CSQ: 1,1\r\n+CSQ: 7,99\r\nOK\r\n", []string{"7,99"}, nil},
		"only line feeds":         {"+CSQ: 7,99\n\nOK\n", []string{"7,99"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := talk(t, says{0, test.said})
				w.inStep = true
				began := time.Now()
				lines, err := w.ask(t.Context(), csq)
				if !slices.Equal(lines, test.want) || !errors.Is(err, test.err) {
					t.Errorf("%q, %v; want %q, %v", lines, err, test.want, test.err)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				if w.inStep != (test.err == nil) {
					t.Errorf("in step: %t", w.inStep)
				}
			})
		})
	}
}

// TestWhoGivesUp: a question ends with its context, whatever the modem does.
func TestWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := talk(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.inStep = true
		began := time.Now()
		if _, err := w.ask(ctx, csq); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
