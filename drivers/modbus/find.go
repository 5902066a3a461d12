package modbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skerry/drivers"
)

// Found is a device that answered.
type Found struct {
	Unit    byte
	Profile string // a shipped one that it says it fits; empty: none
	Title   string // of the profile
	Answer  string // to the question for holding register 0, in words
	Has     bool   // the device has that register
}

// findTiming: a device that takes longer is not found. What it says late is told from the answer of the next one.
var findTiming = timing{timeout: 300 * time.Millisecond, pause: defaultPause, late: 3 * time.Second}

// Find asks units on a port for one holding register, and those that answer for the registers by which profiles know their devices. A refusal
// is an answer too. Nothing is changed. A device with several SunSpec models is there several times.
func Find(ctx context.Context, port drivers.Port, units []byte) (all []Found, err error) {
	l := newLine(port)
	for _, unit := range units {
		x := &sensor{unit: unit, master: l, timing: findTiming, limits: limits{registers: Holding.limit()}}
		f, there, err := x.greet(ctx)
		if err != nil {
			return all, err
		}
		if !there {
			continue
		}
		profiles, err := x.recognise(ctx)
		if err != nil {
			return all, err
		}
		for _, p := range profiles {
			all = append(all, Found{Unit: unit, Profile: p.name, Title: p.title, Answer: f.Answer, Has: f.Has})
		}
		if len(profiles) == 0 {
			all = append(all, f)
		}
	}
	return all, nil
}

// greet asks for holding register 0. False: nobody answers.
func (x *sensor) greet(ctx context.Context) (f Found, there bool, err error) {
	f.Unit, x.lost = x.unit, true // one attempt
	data, err := x.entries(ctx, Holding, 0, 1)
	x.lost = false
	if err == nil {
		f.Has, f.Answer = true, fmt.Sprintf("holding register 0 is %d", unsigned(data))
		return f, true, nil
	}
	if e, refused := errors.AsType[*exceptionError](err); refused {
		f.Answer = fmt.Sprintf("it refuses holding register 0 with exception %d", e.code)
		return f, !e.absent(), nil
	}
	return f, false, unlessSilent(err)
}

// unlessSilent is the error of the port or the context; nil: it is one of the device.
func unlessSilent(err error) error {
	if _, silent := errors.AsType[*silence](err); silent || isHeld(err) {
		return nil
	}
	if _, refused := errors.AsType[*exceptionError](err); refused || errors.Is(err, errNoModels) {
		return nil
	}
	return err
}

// entries reads entries of a table.
func (x *sensor) entries(ctx context.Context, t Table, address, count uint16) ([]byte, error) {
	b := newBlock(item{table: t, address: address, count: count})
	b.name = t.place(address)
	var got image
	if err := x.ask(ctx, b, &got); err != nil {
		return nil, err
	}
	data, _ := got.look(t, address, count)
	return data, nil
}

// known is a profile by its name.
type known struct {
	name string
	*profile
}

// knownProfiles are the shipped ones.
func knownProfiles() (all []known) {
	for _, name := range Profiles() {
		if p, err := (&Opts{Profile: ProfileName(name)}).profile(); err == nil { // a test reads each
			all = append(all, known{name, p})
		}
	}
	return all
}

// recognise lists the profiles that the device says it fits: by a register that tells devices apart, or by its SunSpec models.
func (x *sensor) recognise(ctx context.Context) (fitting []known, err error) {
	all, said := knownProfiles(), map[place][]byte{} // several devices of one maker are told apart by one register
	for _, p := range all {
		id := cmp.Or(p.identity, p.hint)
		if id == nil {
			continue
		}
		r := id.register
		at := place{r.table, r.address}
		if _, asked := said[at]; !asked {
			data, err := x.entries(ctx, r.table, r.address, r.span())
			if unlessSilent(err) != nil {
				return nil, err
			}
			said[at] = data
		}
		if data := said[at]; len(data) == r.table.bytes(r.span()) && id.has(unsigned(data)) {
			return []known{p}, nil
		}
	}
	models, err := x.list(ctx)
	for _, p := range all {
		if p.model.Set && slices.ContainsFunc(models, func(m model) bool { return p.model.has(m.number) }) {
			fitting = append(fitting, p)
		}
	}
	return fitting, unlessSilent(err)
}
