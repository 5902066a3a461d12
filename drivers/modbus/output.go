package modbus

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"skerry/drivers"
)

// OutputOpts are the options of an output with `driver: modbus`.
type OutputOpts struct {
	UnitID  int           `yaml:"unit_id" in:"0..255"` // address of the device; 1 to 247 on a serial line
	TCP     string        `yaml:"tcp"`                 // as that of a sensor, as are the next five
	Framing string        `yaml:"framing" oneof:"tcp rtu"`
	Timeout time.Duration `yaml:"timeout" in:"10ms..5s"`
	Retries int           `yaml:"retries" in:"0..5"`
	Pause   time.Duration `yaml:"pause" in:"1ms..1s"`
	Late    time.Duration `yaml:"late" in:"100ms..1min"`

	Table     Table     `yaml:"table"`     // coil or holding
	Address   *uint16   `yaml:"address"`   // as it goes over the line: from 0
	Reference Reference `yaml:"reference"` // or as manuals write it: 00004, 40001. Instead of table and address
	Type      Type      `yaml:"type"`      // of a number in registers
	Order     Order     `yaml:"order"`     // of its bytes; default ABCD
	Multiply  float64   `yaml:"multiply"`  // what one step of the register stands for: 0.1
	On        Raw       `yaml:"on"`        // a register that is a switch: what stands for on
	Off       Raw       `yaml:"off"`       // and for off
	Verify    bool      `yaml:"verify"`    // what was written is read back; false: the device does not give it
}

func newOutputOpts() *OutputOpts {
	return &OutputOpts{UnitID: 1, Framing: framingTCP, Timeout: defaultTimeout, Retries: 1, Pause: defaultPause, Late: defaultLate, Multiply: 1, Verify: true}
}

// OffBus tells that the output is on no bus of the board.
func (o *OutputOpts) OffBus() bool { return o.TCP != "" }

// device is how the device is reached, as a sensor has it.
func (o *OutputOpts) device() *Opts {
	return &Opts{UnitID: o.UnitID, TCP: o.TCP, Framing: o.Framing, Timeout: o.Timeout, Retries: o.Retries, Pause: o.Pause, Late: o.Late}
}

// register is what is written, and read back.
func (o *OutputOpts) register() register {
	r := register{name: "value", table: o.Table, kind: o.Type, order: cmp.Or(o.Order, ABCD), factor: o.Multiply}
	if o.Reference.Table != 0 {
		r.table, r.address = o.Reference.Table, o.Reference.Address
	}
	if o.Address != nil {
		r.address = *o.Address
	}
	switch {
	case r.table == Coil:
		r.kind = cmp.Or(r.kind, Bool)
	case o.On.Set || o.Off.Set:
		r.kind = Uint16
	}
	return r
}

// isSwitch tells whether the output is on or off.
func (o *OutputOpts) isSwitch() bool { return o.register().table == Coil || o.On.Set || o.Off.Set }

func describeOutput(s drivers.Setup) drivers.OutputDoc {
	o := s.Opts.(*OutputOpts)
	if o.isSwitch() {
		return drivers.OutputDoc{Switch: true, Keeps: o.Verify, Places: o.places(s.Bus)}
	}
	low, high := o.Type.span()
	return drivers.OutputDoc{Min: low * o.Multiply, Max: high * o.Multiply, Wide: true, Keeps: o.Verify, Places: o.places(s.Bus)}
}

// places are the coil or the registers that are written.
func (o *OutputOpts) places(bus string) []string {
	if o.TCP != "" {
		bus = withPort(o.TCP)
	}
	r := o.register()
	var all []string
	for i := range r.span() {
		all = append(all, fmt.Sprintf("%s of unit %d on %s", r.table.place(r.address+i), o.UnitID, bus))
	}
	return all
}

// span is what a number can be. Of 64 bits those are exact that a float64 has.
func (t Type) span() (low, high float64) {
	const exact = 1 << 53
	switch t {
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Uint16:
		return 0, math.MaxUint16
	case Int32:
		return math.MinInt32, math.MaxInt32
	case Uint32:
		return 0, math.MaxUint32
	case Int64:
		return -exact, exact
	case Uint64:
		return 0, exact
	case Float32:
		return -math.MaxFloat32, math.MaxFloat32
	}
	return -math.MaxFloat64, math.MaxFloat64
}

// checkOutput finds what is wrong with the options of an output.
func checkOutput(s drivers.Setup) error {
	o := s.Opts.(*OutputOpts)
	errs := o.device().checkDevice(o.UnitID)
	wrong := func(key, problem, hint string) {
		errs = append(errs, &drivers.OptionError{Key: key, Problem: problem, Hint: hint})
	}
	r := o.register()
	switch {
	case o.Address == nil && o.Reference.Table == 0:
		wrong("", "has no address", "table: coil and address: 3, or reference: 40001")
	case o.Address != nil && o.Reference.Table != 0:
		wrong("reference", "is beside an address", "write one of them")
	case o.Table != 0 && o.Reference.Table != 0 && o.Table != o.Reference.Table:
		wrong("table", fmt.Sprintf("the reference is one of the table %v", o.Reference.Table), "leave it out")
	case r.table != Coil && r.table != Holding:
		wrong("table", "only coils and holding registers can be written", "table: coil | holding")
	case r.table == Coil && (o.Type != 0 || o.Order != 0 || o.Multiply != 1 || o.On.Set || o.Off.Set):
		wrong("table", "a coil is on or off", "leave type, order, multiply, on and off out")
	case r.table == Holding:
		o.checkRegister(r, wrong)
	}
	return errors.Join(errs...)
}

func (o *OutputOpts) checkRegister(r register, wrong func(key, problem, hint string)) {
	switch {
	case r.kind == 0:
		wrong("", "has no type", "type: uint16 for a number, or on: 1 and off: 0")
	case r.kind == Text || r.kind == Bool:
		wrong("type", fmt.Sprintf("%v is nothing that can be set", r.kind), "a number, or on: 1 and off: 0")
	case o.Multiply <= 0:
		wrong("multiply", "is not positive", "what one step of the register stands for: 0.1")
	case o.isSwitch() && (!o.On.short() || !o.Off.short() || uint16(o.On.n) == uint16(o.Off.n)):
		wrong("on", "on and off are two numbers of one register", "on: 1 and off: 0")
	case o.isSwitch() && (o.Type != 0 || o.Multiply != 1):
		wrong("type", "a switch is one register", "leave type and multiply out")
	case int(r.address)+int(r.span()) > 1<<16:
		wrong("address", "the value would end behind the last register", "addresses go to 0xFFFF")
	}
}

// short tells whether the number fits into one register.
func (r Raw) short() bool {
	return r.Set && (r.n <= math.MaxUint16 || int64(r.n) < 0 && int64(r.n) >= math.MinInt16)
}

// encode lays a value in bytes as they go over the line.
func (o *OutputOpts) encode(r register, value float64) []byte {
	switch {
	case r.table == Coil:
		return []byte{byte(value)}
	case o.isSwitch() && value != 0:
		return binary.BigEndian.AppendUint16(nil, uint16(o.On.n))
	case o.isSwitch():
		return binary.BigEndian.AppendUint16(nil, uint16(o.Off.n))
	}
	b := r.kind.bytes(value / o.Multiply)
	r.order.arrange(b) // each order is its own inverse
	return b
}

// bytes writes a number in the order ABCD.
func (t Type) bytes(n float64) []byte {
	switch whole := int64(math.Round(n)); t {
	case Float32:
		return binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(n)))
	case Float64:
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(n))
	case Int16, Uint16:
		return binary.BigEndian.AppendUint16(nil, uint16(whole))
	case Int32, Uint32:
		return binary.BigEndian.AppendUint32(nil, uint32(whole))
	default:
		return binary.BigEndian.AppendUint64(nil, uint64(whole))
	}
}
