package scan

import (
	"context"
	"time"

	"skerry/board"
	"skerry/drivers"
)

// Machine is a board as it is scanned.
type Machine interface {
	drivers.Buses
	GPIOChips() ([]board.GPIOChip, error)
}

// Options of a scan.
type Options struct {
	Kinds  []drivers.Kind
	Listen time.Duration     // to each serial port at each speed; 0: 2 s
	SDI12  bool              // ask for SDI-12 sensors on ports that are silent
	Modbus []byte            // unit addresses to ask for on ports that are silent
	Held   map[string]string // devices that a running station holds, and the names of their buses
	// AllI2C: the running station has sensors on a bus that is not named, so that none is free.
	AllI2C bool
}

// Report is what was found.
type Report struct {
	Sections []Section
}

// Section is what was found of one kind.
type Section struct {
	Title    string
	Findings []Finding
}

// Finding is one device, or one thing worth knowing.
type Finding struct {
	Where string // "0x76", "28-0316a2795d1f", "/dev/serial0"; may be empty
	What  string
	block *block // nil: there is nothing to configure
}

// block is the configuration of a finding.
type block struct {
	bus    string   // wanted name of the bus; empty: none
	device string   // of the bus, as in the configuration: "i2c: /dev/i2c-1"
	name   string   // wanted name of the sensor
	keys   []string // of the sensor: "driver: bme280", "address: 0x76"
	values []string
	doubt  string // why it is a comment; empty: it is not

	what string // of one that continues a finding
	next *block // another sensor at the same port
}

func (s *Section) add(where, what string, b *block) {
	s.Findings = append(s.Findings, Finding{where, what, b})
}

const defaultListen = 2 * time.Second

// Run looks at everything in the plan, as long as ctx lasts.
func (p *Plan) Run(ctx context.Context, m Machine, o Options) *Report {
	if o.Listen == 0 {
		o.Listen = defaultListen
	}
	ports := make(chan Section, 1)
	go func() { ports <- p.serial(ctx, m, o) }()
	var r Report
	for _, device := range p.I2C {
		r.Sections = append(r.Sections, scanI2C(ctx, m, device, o))
	}
	if len(p.I2C) == 0 {
		s := Section{Title: "I2C"}
		s.add("", "no bus; switch it on with dtparam=i2c_arm=on in /boot/firmware/config.txt and start again; the module is i2c-dev", nil)
		r.Sections = append(r.Sections, s)
	}
	r.Sections = append(r.Sections, oneWire(m.Files()), <-ports, gpio(m), iio(ctx, m.Files()), hwmon(ctx, m.Files()))
	return &r
}
