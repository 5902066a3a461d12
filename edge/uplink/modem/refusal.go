package modem

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of a modem.
var (
	// ErrSilent: it does not answer.
	ErrSilent = errors.New("the modem does not answer")
	// ErrNoAnswer: it confirmed a command and left out what was asked.
	ErrNoAnswer = errors.New("the modem gave no answer to the question")
	// ErrNoModem: there is none.
	ErrNoModem = errors.New("there is no modem")
	// ErrNotRunning: ModemManager is installed and does not run.
	ErrNotRunning = errors.New("ModemManager does not run")
)

// Refusal is a final result that is not OK.
type Refusal struct {
	Command string
	Code    int    // of +CME ERROR; -1: none was given
	Text    string // what the modem said
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("the modem refuses %s: %s", r.Command, r.Text)
	if h := r.hint(); h != "" {
		text += " (hint: " + h + ")"
	}
	return text
}

// cmeWords are those of TS 27.007, 9.2, that a user can do something about, as modems write them with AT+CMEE=2.
var cmeWords = map[int]string{
	3: "operation not allowed", 4: "operation not supported",
	10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure", 14: "SIM busy", 15: "SIM wrong",
	30: "no network service", 31: "network timeout", 32: "network not allowed - emergency calls only",
	100: "unknown", 107: "GPRS services not allowed", 111: "PLMN not allowed", 133: "requested service option not subscribed",
}

// refusal reads a final result that is not OK; nil: it is none.
func refusal(command, line string) *Refusal {
	switch {
	case line == "ERROR", line == "COMMAND NOT SUPPORT", line == "TOO MANY PARAMETERS":
		return &Refusal{command, -1, line}
	}
	for _, prefix := range []string{"+CME ERROR:", "+CMS ERROR:"} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return &Refusal{command, cmeCode(rest), strings.TrimSpace(line)}
		}
	}
	return nil
}

// cmeCode gives the number of an error that may be given by its words.
func cmeCode(text string) int {
	fields := split(text)
	if n, ok := number(fields, 0); ok {
		return n
	}
	for code, word := range cmeWords {
		if strings.EqualFold(word, strings.TrimSpace(text)) {
			return code
		}
	}
	return -1
}

// unsupported tells a command that the modem does not have, from one that it cannot do now.
func (r *Refusal) unsupported() bool { return r.Code == -1 || r.Code == 4 || r.Code == 100 }

func (r *Refusal) hint() string {
	switch r.Code {
	case 10:
		return "put the SIM in; many holders want it face down"
	case 11:
		return "switch the PIN of the SIM off, or give it to the modem: mmcli -i 0 --pin=1234"
	case 12:
		return "the SIM is locked after wrong PINs; unlock it with its PUK in a telephone"
	case 13, 15:
		return "clean the contacts of the SIM, or try it in a telephone"
	case 107, 111, 133:
		return "ask the operator whether the SIM is active and may be used in this network"
	}
	if w, ok := cmeWords[r.Code]; ok && !strings.Contains(strings.ToLower(r.Text), strings.ToLower(w)) {
		return w
	}
	return ""
}
