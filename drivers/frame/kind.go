package frame

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: frame`.
type Opts struct {
	Profile       string        `yaml:"profile" oneof:"mhz19 pms5003 sds011"` // a known device, instead of all up to Request
	Start         Hex           `yaml:"start"`                                // what each frame begins with
	Length        int           `yaml:"length" in:"2..256"`                   // bytes of a frame, all counted
	End           Hex           `yaml:"end"`                                  // what each frame ends with
	Checksum      string        `yaml:"checksum" oneof:"none sum8 neg8 xor8 sum16 crc16-modbus"`
	ChecksumFrom  int           `yaml:"checksum_from" in:"0..255"`         // the place of the first byte that it counts; default 0
	ChecksumAt    *int          `yaml:"checksum_at"`                       // its place; default: before End
	ChecksumOrder string        `yaml:"checksum_order" oneof:"big little"` // default: as Order; little for crc16-modbus
	Order         string        `yaml:"order" oneof:"big little"`          // of the bytes of values; default big
	Request       Hex           `yaml:"request"`                           // sent first; empty: the device talks by itself
	Wait          time.Duration `yaml:"wait" in:"100ms..9s"`               // how long one reading waits for a frame; default 3s
	Fresh         time.Duration `yaml:"fresh" in:"0s..1h"`                 // how old a frame may be that has waited in the port; default 2s
}

// ValueOpts are the options of each value.
type ValueOpts struct {
	At    *int    `yaml:"at"` // its place in the frame, the first byte is 0
	Type  string  `yaml:"type" oneof:"uint8 int8 uint16 int16 uint32 int32 float32 float64"`
	Order string  `yaml:"order" oneof:"big little"` // default: the sensor's
	Scale float64 `yaml:"scale"`                    // default 1
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "frame",
	Doc:  "devices on a serial port that say binary frames of one form: PMS5003, MH-Z19, SDS011 and others",
	Bus:  drivers.SerialBus,
	Declare: func(s drivers.Setup) []drivers.ValueDoc {
		var docs []drivers.ValueDoc
		if p := profiles[options(s).Profile]; p != nil {
			for _, v := range p.values {
				docs = append(docs, drivers.ValueDoc{Name: v.name, Unit: v.unit, Doc: "by the profile", Opts: func() any { return new(ValueOpts) }})
			}
		}
		return docs
	},
	Named: func(name string) drivers.ValueDoc {
		return drivers.ValueDoc{Name: name, Doc: "a number of the frame", Opts: func() any { return new(ValueOpts) }}
	},
	Opts:  func() any { return newOpts() },
	Check: check,
	New:   open,
}

func newOpts() *Opts {
	return &Opts{Checksum: "none", Order: "big", Wait: 3 * time.Second, Fresh: 2 * time.Second}
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return *newOpts()
}

// layout is the form that the options ask for.
func (o Opts) layout() layout {
	if p := profiles[o.Profile]; p != nil {
		return p.layout
	}
	order := o.Order
	if o.Checksum == "crc16-modbus" {
		order = "little"
	}
	l := layout{start: o.Start, end: o.End, length: o.Length, check: checksums[o.Checksum], checkFrom: o.ChecksumFrom,
		checkOrder: orders[cmp.Or(o.ChecksumOrder, order)], request: o.Request}
	l.checkAt = l.length - len(l.end) - l.check.size
	if o.ChecksumAt != nil {
		l.checkAt = *o.ChecksumAt
	}
	return l
}

// own lists the keys of a form that stand beside a profile.
func (o Opts) own() []string {
	given := map[string]bool{"start": len(o.Start) > 0, "length": o.Length != 0, "end": len(o.End) > 0, "checksum": o.Checksum != "none",
		"checksum_from": o.ChecksumFrom != 0, "checksum_at": o.ChecksumAt != nil, "checksum_order": o.ChecksumOrder != "",
		"order": o.Order != "big", "request": len(o.Request) > 0}
	maps.DeleteFunc(given, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(given))
}

func check(s drivers.Setup) error {
	o := options(s)
	var errs []error
	if o.Profile != "" {
		for _, key := range o.own() {
			errs = append(errs, &drivers.OptionError{Key: key, Problem: "is said by the profile", Hint: "leave it out, or leave profile out"})
		}
	} else {
		l := o.layout()
		errs = l.problems()
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	_, err := values(s)
	return err
}

// values are the configured ones with their places, by name.
func values(s drivers.Setup) ([]value, error) {
	o := options(s)
	length := o.layout().length
	var (
		all  []value
		errs []error
	)
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		opts, ok := s.Values[name].(*ValueOpts)
		if !ok {
			continue
		}
		v, err := o.value(name, *opts, length)
		all, errs = append(all, v), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// value is one of them.
func (o Opts) value(name string, opts ValueOpts, length int) (value, error) {
	if p := profiles[o.Profile]; p != nil {
		v, ok := p.value(name)
		switch {
		case !ok:
			return v, &drivers.OptionError{Key: "values." + name, Problem: fmt.Sprintf("the profile %s has no such value", o.Profile), Hint: "it has " + p.names()}
		case opts != ValueOpts{}:
			return v, &drivers.OptionError{Key: "values." + name, Problem: "place, type, order and scale are said by the profile", Hint: "leave them out"}
		}
		return v, nil
	}
	v := value{name: name, kind: numbers[opts.Type], order: orders[cmp.Or(opts.Order, o.Order)], scale: cmp.Or(opts.Scale, 1)}
	switch {
	case opts.At == nil:
		return v, &drivers.OptionError{Key: "values." + name + ".at", Problem: "is missing", Hint: "write its place in the frame; the first byte is 0"}
	case v.kind.size == 0:
		return v, &drivers.OptionError{Key: "values." + name + ".type", Problem: "is missing", Hint: "uint8, int16 ... float64"}
	case *opts.At < 0 || *opts.At+v.kind.size > length:
		return v, &drivers.OptionError{Key: "values." + name + ".at", Problem: "is outside of the frame", Hint: fmt.Sprintf("a place up to %d", length-v.kind.size)}
	}
	v.at = *opts.At
	return v, nil
}

func (p *profile) names() string {
	var names []string
	for _, v := range p.values {
		names = append(names, v.name)
	}
	return strings.Join(names, ", ")
}
