package modbus

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"skerry/drivers"
)

// maxSilence is how long one block without a reply may take: a part of what a caller gives to the whole.
const maxSilence = 8 * time.Second

// check finds what is wrong with the options of a sensor and its values.
func check(s drivers.Setup) error {
	o := options(s)
	var errs []error
	p, err := o.profile()
	if err != nil {
		errs = append(errs, err)
		p = &profile{}
	}
	errs = append(errs, o.checkDevice(o.unit(p))...)
	if len(s.Values) == 0 && err == nil && len(p.values) == 0 {
		errs = append(errs, &drivers.OptionError{Key: "values", Problem: "names no value", Hint: "name some, or a profile: " + strings.Join(Profiles(), ", ")})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if v, ok := s.Values[name].(*ValueOpts); ok && err == nil {
			errs = append(errs, v.check(name, p), v.checkSize(name, cmp.Or(o.MaxRegisters, p.maxRegisters, Holding.limit())))
		}
	}
	return errors.Join(errs...)
}

// checkDevice finds what is wrong with how the device is reached.
func (o *Opts) checkDevice(unit int) (errs []error) {
	if o.TCP == "" && o.Framing == framingRTU {
		errs = append(errs, &drivers.OptionError{Key: "framing", Problem: "is for devices on the network", Hint: "leave it out on a bus"})
	}
	if (o.TCP == "" || o.Framing == framingRTU) && (unit < 1 || unit > 247) {
		errs = append(errs, &drivers.OptionError{Key: "unit_id", Problem: "no such address on a serial line", Hint: "1 to 247"})
	}
	if o.TCP != "" {
		errs = append(errs, checkHost(o.TCP))
	}
	if longest := o.Timeout * time.Duration(2+3*o.Retries) / 2; longest > maxSilence {
		errs = append(errs, &drivers.OptionError{Key: "timeout", Problem: fmt.Sprintf("a device that says nothing would be waited for longer than %v", maxSilence),
			Hint: "shorten it, or lower retries"})
	}
	return errs
}

// checkHost looks at a host, or host:port.
func checkHost(text string) error {
	wrong := func(what string) error {
		return &drivers.OptionError{Key: "tcp", Problem: fmt.Sprintf("%q %s", text, what), Hint: "192.0.2.7 or meter.lan:502"}
	}
	host, port, err := net.SplitHostPort(withPort(text))
	if err != nil || host == "" || strings.ContainsAny(text, "/ \t\"") {
		return wrong("is no host")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return wrong("has no such port")
	}
	return nil
}

// defaultPort is that of Modbus TCP.
const defaultPort = "502"

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
}

// check finds the first thing that is wrong with a value.
func (o *ValueOpts) check(name string, p *profile) error {
	wrong := func(key, problem, hint string) error {
		return &drivers.OptionError{Key: strings.TrimSuffix("values."+name+"."+key, "."), Problem: problem, Hint: hint}
	}
	r := o.register(name, 0)
	switch {
	case o.Count != 0 && (r.table != 0 || r.kind != 0):
		return wrong("count", "is beside a register", "a value is one of them")
	case o.Count != 0:
		return nil
	case o.unplaced() && len(p.values) > 0:
		return wrong("", "is not in the profile, and has no address", "the profile has "+strings.Join(p.names(), ", "))
	case o.unplaced():
		return wrong("", "has no address", "{table: input, address: 0x000C, type: float32}, or {reference: 30013, type: float32}")
	case o.Address != nil && o.Reference.Table != 0:
		return wrong("reference", "is beside an address", "write one of them")
	case o.Table != 0 && o.Reference.Table != 0 && o.Table != o.Reference.Table:
		return wrong("table", fmt.Sprintf("the reference is one of the table %v", o.Reference.Table), "leave it out")
	case r.table == 0:
		return wrong("", "has no table", "table: "+strings.Join(tableWords, " | "))
	case r.kind == 0:
		return wrong("", "has no type", "type: "+strings.Join(typeWords, " | "))
	}
	return o.checkLayout(r, wrong)
}

// checkSize finds a value that the device cannot give in one piece.
func (o *ValueOpts) checkSize(name string, most int) error {
	r := o.register(name, 0)
	if r.table.bits() || int(r.span()) <= most {
		return nil
	}
	key := "type"
	if r.kind == Text {
		key = "length"
	}
	return &drivers.OptionError{Key: "values." + name + "." + key, Problem: fmt.Sprintf("takes %d registers, and the device gives %d at once", r.span(), most),
		Hint: "see max_registers"}
}

// unplaced tells whether nobody says where the value is.
func (o *ValueOpts) unplaced() bool {
	return o.Address == nil && o.Reference.Table == 0 && o.home == nil
}

// checkLayout looks at what does not fit together.
func (o *ValueOpts) checkLayout(r register, wrong func(key, problem, hint string) error) error {
	switch {
	case r.table.bits() && (r.kind != Bool || r.bits.Set || r.scale != nil || r.missing.Set):
		return wrong("type", fmt.Sprintf("a %v is one bit", r.table), "leave type, bits, scale and missing out")
	case r.kind == Text && r.length == 0:
		return wrong("length", "is missing", "how many characters the string has")
	case r.kind == Text && (r.bits.Set || r.scale != nil || r.missing.Set):
		return wrong("type", "a string is no number", "leave bits, scale and missing out")
	case r.kind != Text && r.length != 0:
		return wrong("length", "is for strings", "leave it out")
	case r.bits.Set && r.kind.float():
		return wrong("bits", "a floating-point number has none", "type: uint16")
	case r.bits.Set && r.bits.Top >= 16*uint(r.span()):
		return wrong("bits", fmt.Sprintf("%v has the bits 0 to %d", r.kind, 16*r.span()-1), "bits are counted from 0, the least significant one")
	case r.missing.Set && !r.missing.fits(r.kind):
		return wrong("missing", fmt.Sprintf("is no %v", r.kind), "the number that the device sends when it has none")
	case r.model.Set && o.Reference.Table != 0:
		return wrong("reference", "does not count from the beginning of a model", "address: the place in the model, from 0 on")
	case r.model.Set && r.table != Holding:
		return wrong("model", "SunSpec models are in holding registers", "table: holding")
	case int(r.address)+int(r.span()) > 1<<16:
		return wrong("address", "the value would end behind the last register", "addresses go to 0xFFFF")
	}
	return nil
}
