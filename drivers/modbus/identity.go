package modbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// identity is a register by which a type of device can be told from others, and what stands there.
type identity struct {
	register register
	words    []between
}

// between is some numbers in a row.
type between struct{ low, top uint64 }

// parseIdentity reads a table, an address, a type and the numbers that may stand there: "input 0x000B uint16 1648..1653".
func parseIdentity(text string) (*identity, error) {
	wrong := fmt.Errorf("%q is no identity: table, address, type and numbers, as input 0x000B uint16 1648..1653", text)
	fields := strings.Fields(text)
	if len(fields) < 4 {
		return nil, wrong
	}
	id := &identity{register: register{name: "identity", order: ABCD}}
	r := &id.register
	address, err := number(fields[1], 0, 0xFFFF)
	r.address = uint16(address)
	if err := errors.Join(err, r.table.UnmarshalText([]byte(fields[0])), r.kind.UnmarshalText([]byte(fields[2]))); err != nil {
		return nil, fmt.Errorf("%w: %w", wrong, err)
	}
	if r.table.bits() || r.kind.float() || r.kind == Text || int(r.address)+int(r.span()) > 1<<16 {
		return nil, wrong
	}
	for _, f := range fields[3:] {
		low, top, ranged := strings.Cut(f, "..")
		if !ranged {
			top = low
		}
		l, err1 := strconv.ParseUint(low, 0, 64)
		t, err2 := strconv.ParseUint(top, 0, 64)
		if err := errors.Join(err1, err2); err != nil || l > t {
			return nil, wrong
		}
		id.words = append(id.words, between{l, t})
	}
	return id, nil
}

func (id *identity) has(n uint64) bool {
	for _, s := range id.words {
		if n >= s.low && n <= s.top {
			return true
		}
	}
	return false
}

// identify makes sure that the device is the one of the profile: another one would give its values under wrong names.
func (x *sensor) identify(ctx context.Context) error {
	r := x.identity.register
	b := newBlock(item{table: r.table, address: r.address, count: r.span()})
	b.name = "identity, " + r.table.place(r.address)
	var got image
	err := x.ask(ctx, b, &got)
	if e, ok := errors.AsType[*exceptionError](err); ok && e.permanent() {
		return fmt.Errorf("the device is no %s: it has no %s; check unit_id and profile", x.title, r.table.place(r.address))
	}
	if err != nil {
		x.lost = gone(err)
		return err
	}
	data, _ := got.look(r.table, r.address, r.span())
	x.lost = false
	if n := unsigned(data); !x.identity.has(n) {
		return fmt.Errorf("the device is no %s: %s says 0x%X; check unit_id and profile", x.title, r.table.place(r.address), n)
	}
	x.known = true
	return nil
}
