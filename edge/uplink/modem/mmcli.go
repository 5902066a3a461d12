package modem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	mmcliProgram = "mmcli"
	maxOutput    = 256 << 10 // bytes of what a program writes; the rest is passed over
)

// ErrNoModemManager says that the program of ModemManager is not on this machine.
var ErrNoModemManager = errors.New("ModemManager is not installed: there is no program mmcli")

// mmcli runs the program of ModemManager.
type mmcli struct {
	program  string
	patience time.Duration
}

// run gives what the program writes.
func (m mmcli) run(ctx context.Context, args ...string) ([]byte, error) {
	out, said, err := runProgram(ctx, m.patience, m.program, args...)
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoModemManager
	case errors.Is(err, errSlow):
		return nil, fmt.Errorf("mmcli %s: %w (hint: systemctl restart ModemManager)", strings.Join(args, " "), err)
	}
	return nil, mmcliError(args, err, said)
}

var errSlow = errors.New("the program does not come to an end")

// runProgram runs a program for a limited time, and gives what it wrote, also what it said of its errors. None is left running.
func runProgram(ctx context.Context, patience time.Duration, program string, args ...string) (out []byte, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // numbers with a point, errors in English
	cmd.WaitDelay = time.Second                // a child that holds the pipe open does not hold us
	wrote, complained := &limited{most: maxOutput}, &limited{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = wrote, complained
	err = cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %v", errSlow, patience)
	}
	return wrote.kept.Bytes(), complained.kept.String(), err
}

// mmcliError says what a failure of the program means.
func mmcliError(args []string, err error, said string) error {
	said = strings.TrimPrefix(strings.TrimSpace(said), "error: ")
	said, _, _ = strings.Cut(said, "\n")
	said = shorten(said)
	switch {
	case strings.Contains(said, "couldn't find modem"), strings.Contains(said, "no modems"):
		return fmt.Errorf("%w: ModemManager sees none (hint: mmcli -L lists them; after plugging one in it takes half a minute)", ErrNoModem)
	case strings.Contains(said, "couldn't create manager"), strings.Contains(said, "couldn't find the ModemManager process"), strings.Contains(said, "couldn't get bus"):
		return fmt.Errorf("%w: %s (hint: systemctl enable --now ModemManager)", ErrNotRunning, said)
	case said == "":
		return fmt.Errorf("mmcli %s: %w", strings.Join(args, " "), err)
	}
	return fmt.Errorf("mmcli %s: %s", strings.Join(args, " "), said)
}

// limited keeps the beginning of what is written to it.
type limited struct {
	kept bytes.Buffer
	most int
}

func (l *limited) Write(b []byte) (int, error) {
	if room := l.most - l.kept.Len(); room > 0 {
		l.kept.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}

// document is the JSON of mmcli: objects in objects, whose leaves are texts, and "--" where nothing is known.
type document map[string]any

func parseDocument(data []byte) (document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("what mmcli writes is no JSON (hint: it needs ModemManager 1.10 or later): %w", err)
	}
	return d, nil
}

// at gives what stands at a path; nil: nothing.
func (d document) at(path []string) any {
	var at any = map[string]any(d)
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[key]
	}
	return at
}

// list gives the texts of a list.
func (d document) list(path ...string) []string {
	list, _ := d.at(path).([]any)
	var texts []string
	for _, item := range list {
		if text, ok := item.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// text gives a leaf by its path; empty: not known. Of a list it is the first.
func (d document) text(path ...string) string {
	text, ok := d.at(path).(string)
	if list := d.list(path...); !ok && len(list) > 0 {
		text = list[0]
	}
	if text == "--" {
		return ""
	}
	return text
}

// level gives a number; some versions write it with the comma of the locale.
func (d document) level(path ...string) Level {
	v, err := strconv.ParseFloat(strings.Replace(d.text(path...), ",", ".", 1), 64)
	if err != nil {
		return Level{}
	}
	return At(v)
}

// between keeps a level only in its range: an "unknown" of the modem may come as -32768, 0 or 255.
func between(low, high float64, l Level) Level {
	if l.Known && (l.Value < low || l.Value > high) {
		return Level{}
	}
	return l
}

// modemState is what `mmcli -m any -J` says beside the sample.
type modemState struct {
	Sample
	state, failed, lock string   // "connected", "sim-missing", "sim-pin"
	bearer              string   // path of the first bearer
	ports               []string // "ttyUSB2 (at)"
}

// parseModem reads `mmcli -m any -J`.
func parseModem(data []byte) (m modemState, err error) {
	d, err := parseDocument(data)
	if err != nil {
		return m, err
	}
	if _, ok := d["modem"].(map[string]any); !ok {
		return m, errors.New("what mmcli writes has no modem in it")
	}
	m.state, m.failed, m.lock = d.text("modem", "generic", "state"), d.text("modem", "generic", "state-failed-reason"), d.text("modem", "generic", "unlock-required")
	m.bearer, m.ports = d.text("modem", "generic", "bearers"), d.list("modem", "generic", "ports")
	m.Model = shorten(strings.TrimSpace(d.text("modem", "generic", "manufacturer") + " " + d.text("modem", "generic", "model")))
	m.Percent = between(0, 100, d.level("modem", "generic", "signal-quality", "value"))
	m.Registration = registrationWord(d.text("modem", "3gpp", "registration-state"))
	if m.state == "disabled" || m.state == "failed" || m.state == "locked" {
		m.Registration, m.Percent = NotRegistered, Level{}
	}
	if m.Registration.Registered() {
		m.Operator = network(d.text("modem", "3gpp", "operator-code"))
		m.Technology = technologyWord(d.text("modem", "generic", "access-technologies"))
	}
	m.APN = shorten(d.text("modem", "3gpp", "eps", "initial-bearer", "settings", "apn"))
	return m, nil
}

// parseSignal reads `mmcli -m any --signal-get -J`. rate is how often ModemManager asks the modem; 0: never, and there are no figures.
func parseSignal(data []byte) (rsrp, rsrq, snr, rssi Level, rate time.Duration, err error) {
	d, err := parseDocument(data)
	if err != nil {
		return
	}
	if seconds := between(0, 86400, d.level("modem", "signal", "refresh", "rate")); seconds.Known {
		rate = time.Duration(seconds.Value * float64(time.Second))
	}
	for _, technology := range []string{"5g", "lte"} {
		rsrp = between(-157, -30, d.level("modem", "signal", technology, "rsrp"))
		rsrq = between(-44, 20, d.level("modem", "signal", technology, "rsrq"))
		snr = between(-30, 50, d.level("modem", "signal", technology, "snr"))
		if rsrp.Known {
			break
		}
	}
	for _, technology := range []string{"lte", "umts", "gsm"} {
		if rssi = between(-120, -20, d.level("modem", "signal", technology, "rssi")); rssi.Known {
			break
		}
	}
	return
}

func registrationWord(word string) Registration {
	switch word {
	case "home", "home-csfb-not-preferred":
		return Home
	case "roaming", "roaming-csfb-not-preferred":
		return Roaming
	case "searching":
		return Searching
	case "denied":
		return Denied
	case "idle":
		return NotRegistered
	case "home-sms-only", "roaming-sms-only", "emergency-only", "attached-rlos":
		return Emergency
	}
	return RegistrationUnknown
}

func technologyWord(word string) string {
	switch word {
	case "5gnr":
		return "5G"
	case "lte":
		return "LTE"
	case "lte-cat-m":
		return "LTE-M"
	case "lte-nb-iot":
		return "NB-IoT"
	case "umts", "hsdpa", "hsupa", "hspa", "hspa-plus":
		return "3G"
	case "gsm", "gsm-compact", "gprs", "edge":
		return "2G"
	}
	return ""
}
