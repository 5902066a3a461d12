package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// talk is a connection to a socket of the emulator, over which lines are exchanged.
type talk struct {
	net.Conn
	lines *bufio.Reader
}

func dial(path string) (*talk, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return &talk{c, bufio.NewReader(c)}, nil
}

// ask sends a line and gives the first one back that is wanted.
func (t *talk) ask(line string, wanted func(string) bool) (string, error) {
	t.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(t, line); err != nil {
		return "", err
	}
	return t.await(wanted)
}

// await is the first line that is wanted, before the deadline.
func (t *talk) await(wanted func(string) bool) (string, error) {
	for {
		answer, err := t.lines.ReadString('\n')
		if err != nil || wanted(answer) {
			return answer, err
		}
	}
}

// control is QEMU's control socket (QMP).
type control struct{ *talk }

func newControl(path string) (control, error) {
	t, err := dial(path)
	if err != nil {
		return control{}, err
	}
	c := control{t}
	return c, c.command(nil, "qmp_capabilities", nil)
}

// command executes one, and puts what it returns into result.
func (c control) command(result any, name string, arguments map[string]any) error {
	order := map[string]any{"execute": name}
	if arguments != nil {
		order["arguments"] = arguments
	}
	line, err := json.Marshal(order)
	if err != nil {
		return err
	}
	answer, err := c.ask(string(line), func(s string) bool { return strings.Contains(s, `"return"`) || strings.Contains(s, `"error"`) })
	if err != nil {
		return err
	}
	var a struct {
		Return json.RawMessage
		Error  struct{ Desc string }
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		return err
	}
	if a.Error.Desc != "" {
		return errors.New(name + ": " + a.Error.Desc)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(a.Return, result)
}

// chips acts on those that are plugged into a Raspberry Pi.
func chips(m *machine) (actor, error) {
	c, err := newControl(m.socket("qmp"))
	return thermometer{c}, err
}

type thermometer struct{ control }

func (t thermometer) do(what string) error {
	var milli int
	if _, err := fmt.Sscanf(what, "temperature %d", &milli); err != nil {
		return err
	}
	return t.command(nil, "qom-set", map[string]any{"path": "/machine/peripheral/thermometer", "property": "temperature", "value": milli})
}

// watchdogResets is how long it may take until the watchdog resets a machine whose daemon has said that it is not fed: its timeout, and room for a
// busy emulator.
const watchdogResets = 90 * time.Second

// watch sees whether the emulated watchdog strikes.
type watch struct{ control }

func watches(m *machine) (actor, error) {
	c, err := newControl(m.socket("qmp"))
	return watch{c}, err
}

func (w watch) do(what string) error {
	switch what {
	case "watch": // from now on
		return nil
	case "reset":
		w.SetDeadline(time.Now().Add(watchdogResets))
		struck, err := w.await(func(s string) bool { return strings.Contains(s, `"event": "WATCHDOG"`) })
		if err == nil && !strings.Contains(struck, `"action": "reset"`) {
			err = errors.New(struck)
		}
		return err
	}
	return errors.New("not known")
}

// gpio moves the lines of the PL061 of the machine virt, by QEMU's interface for tests.
type gpio struct {
	*talk
	device string // its path in QEMU
	line   *talk  // the other end of the serial port
}

// The lines, as the guest has them.
const (
	sign   = 1
	pulses = 2
)

func pl061(m *machine) (actor, error) {
	c, err := newControl(m.socket("qmp"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	device, err := c.find("pl061")
	if err != nil {
		return nil, err
	}
	t, err := dial(m.socket("qtest"))
	if err != nil {
		return nil, err
	}
	line, err := dial(m.socket("line"))
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &gpio{t, device, line}, nil
}

// find is the path of the device of a type that nobody named.
func (c control) find(kind string) (string, error) {
	const folder = "/machine/unattached"
	var children []struct{ Name, Type string }
	if err := c.command(&children, "qom-list", map[string]any{"path": folder}); err != nil {
		return "", err
	}
	for _, child := range children {
		if child.Type == "child<"+kind+">" {
			return folder + "/" + child.Name, nil
		}
	}
	return "", fmt.Errorf("the machine has no %s", kind)
}

// Close ends both.
func (g *gpio) Close() error { return errors.Join(g.talk.Close(), g.line.Close()) }

// What the guest gets to see one level. Two edges in one turn of the emulator are one interrupt: of many in a hurry some are missed.
const (
	settle = 25 * time.Millisecond
	hurry  = time.Millisecond
)

// set moves a line.
func (g *gpio) set(line, level int, settle time.Duration) error {
	answer, err := g.ask(fmt.Sprintf("set_irq_in %s unnamed-gpio-in %d %d", g.device, line, level), func(s string) bool { return !strings.HasPrefix(s, "IRQ") })
	if err == nil && !strings.HasPrefix(answer, "OK") {
		err = errors.New(answer)
	}
	time.Sleep(settle)
	return err
}

func (g *gpio) pulse(line int, settle time.Duration) error {
	return errors.Join(g.set(line, 1, settle), g.set(line, 0, settle))
}

func (g *gpio) do(what string) error {
	word, rest, _ := strings.Cut(what, " ")
	var n int
	fmt.Sscan(rest, &n)
	switch word {
	case "echo":
		return g.echo()
	case "pulses":
		pause := settle
		if n > 100 {
			pause = hurry
		}
		for range n {
			if err := g.pulse(pulses, pause); err != nil {
				return err
			}
		}
		return g.pulse(sign, settle)
	case "bounce":
		return g.bounce(n)
	}
	return errors.New("not known")
}

// bounceEnds is when a contact has been still for longer than the debounce of the guest, half a second.
const bounceEnds = 1200 * time.Millisecond

// bounce is a contact that closes after n tries, and opens later without bouncing.
func (g *gpio) bounce(n int) error {
	for range n - 1 {
		if err := g.pulse(pulses, settle); err != nil {
			return err
		}
	}
	err := g.set(pulses, 1, settle)
	time.Sleep(bounceEnds)
	err = errors.Join(err, g.set(pulses, 0, settle))
	time.Sleep(bounceEnds)
	return errors.Join(err, g.pulse(sign, settle))
}

// echo reads a line that the guest sent by its serial port and answers.
func (g *gpio) echo() error {
	g.line.SetDeadline(time.Now().Add(patience))
	got, err := g.line.lines.ReadString('\n')
	if err == nil && got != "hello\n" {
		err = fmt.Errorf("the port sent %q", got)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(g.line, "!")
	return err
}
