package modbus

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: modbus`.
type Opts struct {
	UnitID       int           `yaml:"unit_id" in:"0..255"`       // address of the device; 1 to 247 on a serial line; default: the profile's, or 1
	TCP          string        `yaml:"tcp"`                       // host, or host:port, of a device that speaks Modbus TCP; empty: on the bus
	Framing      string        `yaml:"framing" oneof:"tcp rtu"`   // of messages over TCP; rtu: as on a line, behind a converter that passes bytes on
	Profile      ProfileName   `yaml:"profile"`                   // a shipped one by its name, or a file: ./my-meter.profile
	Order        Order         `yaml:"order"`                     // of the bytes of numbers; default: the profile's, or ABCD
	Timeout      time.Duration `yaml:"timeout" in:"10ms..5s"`     // until a reply begins
	Retries      int           `yaml:"retries" in:"0..5"`         // after a request without a reply
	Pause        time.Duration `yaml:"pause" in:"1ms..1s"`        // silence before a request
	Late         time.Duration `yaml:"late" in:"100ms..1min"`     // how long after its timeout a reply may still come
	MaxRegisters int           `yaml:"max_registers" in:"1..125"` // in one request; default: the profile's, or 125
	MaxGap       int           `yaml:"max_gap" in:"0..100"`       // registers between two values that are read along

	folder string
}

// The defaults.
const (
	noUnit         = -1 // not given
	framingTCP     = "tcp"
	framingRTU     = "rtu"
	defaultTimeout = 500 * time.Millisecond
	defaultPause   = 20 * time.Millisecond // more than the 3.5 characters of the specification at 2400 bit/s
	defaultLate    = 10 * time.Second
	defaultGap     = 16 // at 9600 bit/s as long as one request more
)

func newOpts() *Opts {
	return &Opts{UnitID: noUnit, Framing: framingTCP, Timeout: defaultTimeout, Retries: 1, Pause: defaultPause, Late: defaultLate, MaxGap: defaultGap}
}

// OffBus tells that the sensor is on no bus of the board.
func (o *Opts) OffBus() bool { return o.TCP != "" }

// SetFolder says where the configuration is, beside which a profile may lie.
func (o *Opts) SetFolder(path string) { o.folder = path }

// ValueOpts are the options of one value.
type ValueOpts struct {
	Table     Table     `yaml:"table"`              // coil, discrete, holding or input
	Address   *uint16   `yaml:"address"`            // as it goes over the line: from 0
	Reference Reference `yaml:"reference"`          // or as manuals write it: 40001. Instead of table and address
	Type      Type      `yaml:"type"`               // of a register; coils and discrete inputs are bool
	Order     Order     `yaml:"order"`              // default: the sensor's
	Bits      Bits      `yaml:"bits"`               // 3 or 4..7 of the number
	Length    int       `yaml:"length" in:"1..250"` // of a string, in characters
	Model     Models    `yaml:"model"`              // SunSpec: addresses count from the beginning of the first model with such a number
	Scale     *uint16   `yaml:"scale"`              // address of a register of the same table that holds a power of ten
	Missing   Raw       `yaml:"missing"`            // the number that stands for no value: 0x8000
	Count     Count     `yaml:"count"`              // instead of a register: what happened on the line

	home   *place  // where the profile has it; nil: no profile has it
	factor float64 // of the profile
	unit   string
	doc    string
}

// place is where a value begins.
type place struct {
	table   Table
	address uint16
}

// IsText tells whether the value is a text.
func (o *ValueOpts) IsText() bool { return o.Type == Text }

// Kind is the driver.
var Kind = drivers.Kind{
	Name:    "modbus",
	Doc:     "meters, inverters and whatever else speaks Modbus RTU on a serial line or Modbus TCP",
	Bus:     drivers.SerialBus,
	Shares:  true,
	Declare: declare,
	Named:   func(string) drivers.ValueDoc { return drivers.ValueDoc{Opts: func() any { return new(ValueOpts) }} },
	Opts:    func() any { return newOpts() },
	Check:   check,
	New:     open,
	Output:  &drivers.OutputKind{Opts: func() any { return newOutputOpts() }, Check: checkOutput, Describe: describeOutput, New: openOutput},
}

// declare gives the values of the profile. What is wrong with it, check says.
func declare(s drivers.Setup) []drivers.ValueDoc {
	p, err := options(s).profile()
	if err != nil {
		return nil
	}
	var docs []drivers.ValueDoc
	for _, v := range p.values {
		docs = append(docs, drivers.ValueDoc{Name: v.name, Unit: v.opts.unit, Doc: v.opts.doc, Text: v.opts.IsText(),
			Opts: func() any { o := v.opts; return &o }})
	}
	return docs
}

// unit is the address of the device.
func (o *Opts) unit(p *profile) int {
	switch {
	case o.UnitID != noUnit:
		return o.UnitID
	case p.unit != nil:
		return *p.unit
	}
	return 1
}

func options(s drivers.Setup) *Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return o
	}
	return newOpts()
}

// registers are the values of a sensor, sorted by name, and its counters.
func registers(s drivers.Setup, order Order) (all []register, counters []counter) {
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		o, ok := s.Values[name].(*ValueOpts)
		switch {
		case !ok:
		case o.Count != 0:
			counters = append(counters, counter{name, o.Count})
		default:
			all = append(all, o.register(name, order))
		}
	}
	return all, counters
}

// register is the value as it is read.
func (o *ValueOpts) register(name string, order Order) register {
	r := register{name: name, table: o.Table, kind: o.Type, order: cmp.Or(o.Order, order, ABCD), bits: o.Bits, length: o.Length,
		missing: o.Missing, scale: o.Scale, model: o.Model, factor: o.factor, unit: o.unit}
	if o.home != nil {
		r.table, r.address = cmp.Or(o.Table, o.home.table), o.home.address
	}
	if o.Reference.Table != 0 {
		r.table, r.address = o.Reference.Table, o.Reference.Address
	}
	if o.Address != nil {
		r.address = *o.Address
	}
	if r.table.bits() && r.kind == 0 {
		r.kind = Bool
	}
	return r
}
