package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"skerry/board"
	"skerry/drivers"
)

// The lines of the PL061 that the other side moves: what is counted, and a sign that it is done.
const (
	pulses = "9030000.pl061:2"
	sign   = "9030000.pl061:1"
)

// virt counts edges that the other side makes, and talks RS-485.
func virt(b *board.Board) {
	done, err := b.Pin(sign, drivers.PinConfig{Trigger: drivers.Rising})
	check("the sign as an input", err)
	if err != nil {
		return
	}
	defer done.Close()
	played := func(what string) error {
		say("DO", "%s", what)
		return eventually(30*time.Second, func() error {
			if got, err := done.Read(nil); err != nil || len(got) == 0 {
				return errors.Join(errors.New("no sign"), err)
			}
			return nil
		})
	}
	edges(b, played)
	bounce(b, played)
	daemonCounts(played)
	let := time.Now()
	check("the watchdog is let go of", watchdogIs("inactive"))
	chipReturns(b, played)
	rs485(b)
	say("IDLE", "")
	time.Sleep(time.Until(let.Add(watchdogTimeout + watchdogTimeout/6)))
	say("OK", "a daemon that has ended in good order has left no watchdog that resets the machine")
}

// edges counts slow ones, each of which is kept, and then more than the kernel keeps.
func edges(b *board.Board, played func(string) error) {
	in, err := b.Pin(pulses, drivers.PinConfig{Trigger: drivers.Rising})
	check("a line by chip and number", err)
	if err != nil {
		return
	}
	defer in.Close()
	start := time.Now()
	var missed error
	for range 10 {
		missed = errors.Join(missed, played("pulses 1")) // one at a time: the emulator makes one interrupt of two that nobody has seen yet
	}
	check("10 pulses are played", missed)
	got, err := in.Read(nil)
	check("10 pulses are 10 edges", sequence(got, err, 10))
	if len(got) > 0 && (got[0].Seq != 1 || got[len(got)-1].Seq != 10) {
		say("FAIL", "10 edges are numbered from %d to %d", got[0].Seq, got[len(got)-1].Seq)
	}
	if len(got) > 0 && (got[0].Time.Before(start) || got[len(got)-1].Time.After(time.Now()) || !got[0].Rising) {
		say("FAIL", "edges from %v to %v, rising %v; they were played from %v to now", got[0].Time, got[len(got)-1].Time, got[0].Rising, start)
	}
	check("of 1500 pulses the kernel keeps 1024", overflow(in, played))
}

// overflow plays more edges than the kernel keeps. The emulator merges some, on a busy machine so many that it has to be tried again.
func overflow(in drivers.Edges, played func(string) error) error {
	const kept, tries = 1024, 4
	from := 10 // edges before
	var err error
	for range tries {
		if err := played("pulses 1500"); err != nil {
			return err
		}
		var got []drivers.Edge
		got, err = in.Read(nil)
		if err = sequence(got, err, kept); len(got) == 0 {
			return err
		}
		last := int(got[len(got)-1].Seq)
		if err == nil && last > from+kept && last <= from+1500 {
			return nil
		}
		err = cmp.Or(err, fmt.Errorf("the last of %d edges has number %d", from+1500, last))
		from = last
	}
	return err
}

// sequence tells whether there are n edges, numbered without a gap.
func sequence(got []drivers.Edge, err error, n int) error {
	if err != nil {
		return err
	}
	if len(got) == 0 {
		return errors.New("no edges")
	}
	for i := range got[1:] {
		if got[i+1].Seq != got[i].Seq+1 {
			return fmt.Errorf("%d follows %d", got[i+1].Seq, got[i].Seq)
		}
	}
	if len(got) != n {
		return fmt.Errorf("%d edges, from number %d to %d; want %d", len(got), got[0].Seq, got[len(got)-1].Seq, n)
	}
	return nil
}

// bounce plays a contact that bounces: with debounce it is one edge, and without it is many.
func bounce(b *board.Board, played func(string) error) {
	for _, debounce := range []time.Duration{0, 500 * time.Millisecond} {
		in, err := b.Pin(pulses, drivers.PinConfig{Trigger: drivers.Rising, Debounce: debounce})
		check(fmt.Sprintf("a line with a debounce of %v", debounce), err)
		if err != nil {
			continue
		}
		check("a contact bounces", played("bounce 6"))
		got, err := in.Read(nil)
		if err == nil && (len(got) == 0 || len(got) > 6 || len(got) > 1 != (debounce == 0)) {
			err = fmt.Errorf("%d edges", len(got))
		}
		check(fmt.Sprintf("six bounces with a debounce of %v are %d edges", debounce, len(got)), err)
		in.Close()
	}
}

// chipReturns pulls the chip and puts it back.
func chipReturns(b *board.Board, played func(string) error) {
	in, err := b.Pin("9030000.pl061:5", drivers.PinConfig{})
	check("a line of a chip that will go", err)
	if err != nil {
		return
	}
	err = unplugged("/sys/bus/amba/devices/9030000.pl061", func() {
		_, err := in.Read(nil)
		say("INFO", "a line of a chip that went: %v", err)
		if !errors.Is(err, drivers.ErrUnplugged) {
			say("FAIL", "a line of a chip that went: %v", err)
		}
		check("it is given back", in.Close())
		_, err = b.Pin("9030000.pl061:5", drivers.PinConfig{})
		check("and not there", wanted(err, "no GPIO chip"))
	})
	check("a chip is pulled and put back", err)
	check("a line of a chip that returned", eventually(5*time.Second, func() error {
		in, err := b.Pin("9030000.pl061:5", drivers.PinConfig{})
		if err != nil {
			return err
		}
		return in.Close()
	}))
}

// rs485 has the kernel's driver of a PL011 switch the direction.
func rs485(b *board.Board) {
	p, err := b.Serial("rs485", drivers.SerialConfig{})
	check("a serial port with RS-485 by the kernel", err)
	if err != nil {
		return
	}
	defer p.Close()
	_, err = p.Write([]byte("hello\n"))
	check("bytes are sent", err)
	say("DO", "echo")
	p.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := make([]byte, 1)
	_, err = p.Read(r)
	check("bytes come back", err)
}
