package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"skerry/drivers"
	"skerry/drivers/frame"
	"skerry/drivers/nmea"
	"skerry/drivers/sdi12"
)

// bauds are the speeds that are tried while what comes makes no sense. The first is that of most receivers and sensors.
var bauds = []int{9600, 115200, 4800, 19200, 38400, 57600}

// serial listens to all ports at the same time.
func (p *Plan) serial(ctx context.Context, m Machine, o Options) Section {
	s := Section{Title: "serial ports", Findings: make([]Finding, len(p.Ports))}
	var wg sync.WaitGroup
	for i, port := range p.Ports {
		wg.Go(func() { s.Findings[i] = listenTo(ctx, m, port, o) })
	}
	wg.Wait()
	s.Findings = flat(s.Findings)
	if len(s.Findings) == 0 {
		s.add("", "none; switch the one on the header on with enable_uart=1 in /boot/firmware/config.txt, or plug an adapter in", nil)
	}
	return s
}

// flat gives findings that continue the one before, which are several sensors at one port, lines of their own.
func flat(all []Finding) []Finding {
	var out []Finding
	for _, f := range all {
		out = append(out, f)
		for b := f.block; b != nil && b.next != nil; b = b.next {
			out = append(out, Finding{f.Where, b.next.what, b.next})
		}
	}
	return out
}

// listenTo finds out what talks at a port.
func listenTo(ctx context.Context, m Machine, p Port, o Options) Finding {
	f := Finding{Where: p.Path}
	name, held := o.Held[p.Device]
	switch {
	case held:
		f.What = heldBy(name)
		return f
	case p.Console:
		f.What = "the kernel's console is on it: left alone; to use it, take console=serial0,115200 out of /boot/firmware/cmdline.txt and start again"
		return f
	}
	for _, baud := range bauds {
		heard, err := listen(ctx, m, p.Path, drivers.SerialConfig{Baud: baud}, o.Listen)
		if err != nil {
			f.What = err.Error()
			return f
		}
		if len(heard) == 0 {
			return askAt(ctx, m, p, o)
		}
		if what, b := recognise(heard, p.Path, baud); b != nil {
			f.What, f.block = what, b
			return f
		}
	}
	f.What = fmt.Sprintf("something talks, and it is neither text nor a known frame at %d to %d baud", 4800, 115200)
	return f
}

// listen gives what a port says in a time, or until it is clear what talks. Of a line that may have begun before, the next one is awaited.
func listen(ctx context.Context, m Machine, name string, c drivers.SerialConfig, d time.Duration) ([]byte, error) {
	port, err := m.Serial(name, c)
	if err != nil {
		return nil, err
	}
	defer port.Close()
	heard, err := hear(ctx, port, time.Now().Add(d), settled)
	if _, text := textLine(heard); err == nil && text && lines(heard) == 1 {
		var more []byte
		more, err = hear(ctx, port, time.Now().Add(2*d), func(more []byte) bool { return lines(more) > 0 })
		heard = append(heard, more...)
	}
	return heard, err
}

// settled tells whether more would say nothing new.
func settled(heard []byte) bool {
	return nmea.Sentences(heard) > 0 || frame.Recognise(heard) != "" || lines(heard) > 2
}

func lines(heard []byte) int { return bytes.Count(heard, []byte{'\n'}) }

const mostHeard = 16 << 10

// hear reads until a moment, or until it is enough.
func hear(ctx context.Context, port drivers.Port, until time.Time, enough func([]byte) bool) (heard []byte, err error) {
	var buf [512]byte
	for len(heard) < mostHeard && !enough(heard) {
		n, err := drivers.Receive(ctx, port, buf[:], until)
		heard = append(heard, buf[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return heard, nil
		case err != nil:
			return heard, err
		}
	}
	return heard, nil
}

const silentHint = "; a device may be there that speaks only when it is asked"

// askAt asks at a silent port for what Options allow to ask for.
func askAt(ctx context.Context, m Machine, p Port, o Options) Finding {
	f := Finding{Where: p.Path, What: "silent" + silentHint}
	if o.SDI12 {
		first, err := findSDI12(ctx, m, p.Path)
		switch {
		case first != nil:
			return Finding{p.Path, first.what, first}
		case err != nil:
			f.What = "SDI-12: " + err.Error()
			return f
		}
		f.What = "silent, also to SDI-12"
	}
	if len(o.Modbus) > 0 {
		first, err := findModbus(ctx, m, p.Path, o.Modbus)
		switch {
		case first != nil:
			return Finding{p.Path, first.what, first}
		case err != nil:
			f.What = "Modbus: " + err.Error()
		default:
			f.What = strings.TrimSuffix(f.What, silentHint) + ", to Modbus RTU too"
		}
	}
	return f
}

// findSDI12 asks by an adapter that hands bits on, then by one with a program of its own.
func findSDI12(ctx context.Context, m Machine, name string) (first *block, err error) {
	for _, adapter := range []string{"transparent", "text"} {
		found, err := sdi12At(ctx, m, name, adapter)
		if err != nil {
			return nil, err
		}
		for i := len(found) - 1; i >= 0; i-- {
			a := found[i]
			first = &block{bus: "sdi12", device: "serial: " + name, name: "sdi12", next: first,
				what: fmt.Sprintf("SDI-12 address %s: %s, driver sdi12, adapter %s; docs/sensors/sdi12.md says how to name its values", a.Address, a.Identity, adapter),
				keys: []string{"driver: sdi12", "address: " + a.Address, "adapter: " + adapter}, values: []string{"value_1: {index: 1}"}}
		}
		if first != nil {
			return first, nil
		}
	}
	return nil, nil
}

func sdi12At(ctx context.Context, m Machine, name, adapter string) ([]sdi12.Found, error) {
	port, err := m.Serial(name, sdi12.Line(adapter))
	if err != nil {
		return nil, err
	}
	defer port.Close()
	return sdi12.Find(ctx, port, adapter)
}
