package modbus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"skerry/drivers"
)

// Models are the numbers of SunSpec models that have the same layout, as 101 to 103.
type Models struct {
	Set      bool
	Low, Top uint16
}

// UnmarshalText reads 103 or 101..103.
func (m *Models) UnmarshalText(text []byte) error {
	low, top, ranged := strings.Cut(string(text), "..")
	if !ranged {
		top = low
	}
	l, err1 := strconv.ParseUint(low, 10, 16)
	t, err2 := strconv.ParseUint(top, 10, 16)
	if err1 != nil || err2 != nil || l == 0 || l > t || t == math.MaxUint16 {
		return &drivers.WordError{Text: string(text), Words: []string{"103", "101..103"}}
	}
	*m = Models{true, uint16(l), uint16(t)}
	return nil
}

func (m Models) has(n uint16) bool { return n >= m.Low && n <= m.Top }

func (m Models) String() string {
	if m.Low == m.Top {
		return fmt.Sprint(m.Low)
	}
	return fmt.Sprintf("%d..%d", m.Low, m.Top)
}

// model is one that a device has. Its first two registers are its number and its length without them.
type model struct {
	number uint16
	start  uint16
}

// The beginning of the models of a device (SunSpec Device Information Model Specification, 6.2): "SunS" at one of these addresses.
var roots = []uint16{40000, 50000, 0}

const (
	rootMark   = 0x53756E53
	endMark    = 0xFFFF
	modelsMost = 100
)

// moves tells whether the values must be looked for first.
func (x *sensor) moves() bool {
	return slices.ContainsFunc(x.given, func(r register) bool { return r.model.Set })
}

// explore looks the models of the device up and puts the values in their places.
func (x *sensor) explore(ctx context.Context) error {
	found, err := x.list(ctx)
	if err != nil {
		return err
	}
	return x.place(found)
}

// list asks for the models of the device.
func (x *sensor) list(ctx context.Context) (found []model, err error) {
	at, err := x.root(ctx)
	if err != nil {
		return nil, err
	}
	for len(found) < modelsMost && at < math.MaxUint16-2 {
		head, err := x.two(ctx, uint16(at))
		if err != nil {
			return nil, fmt.Errorf("list of its SunSpec models: %w", err)
		}
		number, length := uint16(head>>16), int(uint16(head))
		if number == endMark {
			break
		}
		found = append(found, model{number, uint16(at)})
		at += 2 + length
	}
	return found, nil
}

var errNoModels = errors.New("the device has no SunSpec models at 40000, 50000 or 0; switch SunSpec on in its settings, and check unit_id")

// root finds the address of the first model.
func (x *sensor) root(ctx context.Context) (int, error) {
	for _, a := range roots {
		mark, err := x.two(ctx, a)
		if e, refused := errors.AsType[*exceptionError](err); err != nil && (!refused || !e.permanent()) {
			return 0, err
		}
		if err == nil && mark == rootMark {
			return int(a) + 2, nil
		}
	}
	return 0, errNoModels
}

// two reads two holding registers.
func (x *sensor) two(ctx context.Context, address uint16) (uint32, error) {
	b := newBlock(item{table: Holding, address: address, count: 2})
	b.name = fmt.Sprintf("SunSpec, %s", Holding.place(address))
	var got image
	if err := x.ask(ctx, b, &got); err != nil {
		return 0, err
	}
	data, _ := got.look(Holding, address, 2)
	return uint32(unsigned(data)), nil
}

// place puts the values in their places among the models.
func (x *sensor) place(found []model) error {
	x.registers = slices.Clone(x.given)
	for i := range x.registers {
		r := &x.registers[i]
		if !r.model.Set {
			continue
		}
		n := slices.IndexFunc(found, func(m model) bool { return r.model.has(m.number) })
		if n < 0 {
			return fmt.Errorf("the device has no SunSpec model %v, which value %s needs; it has %s", r.model, r.name, numbers(found))
		}
		if end := int(found[n].start) + int(r.address) + int(r.span()); end > 1<<16 {
			return fmt.Errorf("value %s would end behind the last register", r.name)
		}
		if r.scale != nil && int(found[n].start)+int(*r.scale) >= 1<<16 {
			return fmt.Errorf("the scale of value %s would be behind the last register", r.name)
		}
		r.address += found[n].start
		if r.scale != nil {
			scale := *r.scale + found[n].start
			r.scale = &scale
		}
	}
	x.models, x.blocks = found, merge(append(items(x.registers), x.heads(found)...), x.limits)
	return nil
}

func numbers(found []model) string {
	if len(found) == 0 {
		return "none"
	}
	var all []string
	for _, m := range found {
		all = append(all, fmt.Sprint(m.number))
	}
	return strings.Join(all, ", ")
}

// heads asks in each round for the numbers of the models that are used, so that it is seen when they have moved.
func (x *sensor) heads(found []model) []item {
	var all []item
	for i, r := range x.given {
		n := slices.IndexFunc(found, func(m model) bool { return r.model.Set && r.model.has(m.number) })
		if n < 0 || slices.ContainsFunc(all, func(h item) bool { return h.address == found[n].start }) {
			continue
		}
		all = append(all, item{Holding, found[n].start, 1, i})
	}
	return all
}

// moved drops what was read when a model is not where it was, as after an update of the device. They are looked up again then.
func (x *sensor) moved(got *image, err error) error {
	if e, ok := errors.AsType[*exceptionError](err); ok && e.permanent() && len(got.parts) == 0 && x.moves() {
		x.models = nil
	}
	for _, m := range x.models {
		if number, ok := got.look(Holding, m.start, 1); ok && unsigned(number) != uint64(m.number) {
			x.models, got.parts = nil, nil
			return fmt.Errorf("SunSpec model %d is not at %d any more; the models are looked up again", m.number, m.start)
		}
	}
	return err
}
