package config

import (
	"cmp"
	"time"

	"skerry/drivers"
)

// Sensor is one device that is asked on a schedule.
type Sensor struct {
	Name   string        `yaml:"-"`
	Driver string        `yaml:"driver"`
	Kind   drivers.Kind  `yaml:"-"`
	Setup  drivers.Setup `yaml:"-"`                    // bus and options, checked by Kind.Check: what Kind.New wants
	Bus    string        `yaml:"bus"`                  // name of a Bus; empty: the board's own, as no bus of the kind is configured
	Every  time.Duration `yaml:"every" in:"10ms..31d"` // aligned to the clock: 15min means :00, :15, :30, :45

	// Topic is the Topic Name under which the values without a Topic of their own are published together, as one object. It
	// is empty when every value has its own.
	Topic    string    `yaml:"topic"`
	Payload  Payload   `yaml:"payload" oneof:"json value template cbor"`
	Template *Template `yaml:"template"` // nil: none
	QoS      byte      `yaml:"qos" in:"0..2"`
	Retain   bool      `yaml:"retain"`

	Align Align  `yaml:"align" oneof:"clock start"`
	Power *Power `yaml:"power"` // nil: it has its own supply
	Get   string `yaml:"get"`   // Topic Name: a message there asks for a reading; "": none

	// Stale is the age at which the last reading is no longer good; 0 is never.
	Stale      time.Duration `yaml:"-"`
	StaleAfter StaleAfter    `yaml:"stale_after"` // as written; Stale is what comes of it

	// Values are those to publish: the file's in its order, or all that the driver has. Never empty.
	Values []Value `yaml:"-"`
	// Derived are the names of those that are derived, each after those of the station that it needs.
	Derived []string `yaml:"-"`

	SetClock bool   `yaml:"set_clock"` // the sensor is a source of the date
	Was      string `yaml:"was"`       // its name before it got this one; "": it had no other

	Gateway, Site string `yaml:"-"` // for payloads
}

// Identity is the name under which the sensor is known to those who remember it: the one it had first.
func (s *Sensor) Identity() string { return cmp.Or(s.Was, s.Name) }

// Value is one quantity of a sensor and how it is treated, in the order of the fields.
type Value struct {
	Name string           `yaml:"-"`
	Doc  drivers.ValueDoc `yaml:"-"` // what the driver says of it

	Derive Derive `yaml:"derive"` // computed from other values instead of measured
	Burst  *Burst `yaml:"burst"`  // nil: one reading is one

	// Unit is the unit published, and that of all numbers below, but for those before a calibration. Never empty if the driver's
	// is not.
	Unit string `yaml:"unit"`

	Multiply  float64       `yaml:"multiply"`               // 1: nothing
	Offset    float64       `yaml:"offset"`                 // added
	Calibrate *Calibration  `yaml:"calibrate"`              // nil: the number is true
	Valid     *Range        `yaml:"valid"`                  // nil: all numbers are
	Window    *Window       `yaml:"window"`                 // nil: the number of now
	Round     float64       `yaml:"round"`                  // to the nearest multiple; 0: not at all
	Deadband  Deadband      `yaml:"deadband"`               // smaller changes are not published
	Heartbeat time.Duration `yaml:"heartbeat" in:"1s..31d"` // published at least this often in spite of the deadband; 0: never

	// Topic is the Topic Name of this value alone; empty: the value is part of the object under Sensor.Topic.
	Topic string `yaml:"topic"`

	// Those of the sensor, unless the value has its own. They count for a value with a Topic.
	Payload  Payload   `yaml:"payload" oneof:"json value template cbor"`
	Template *Template `yaml:"template"`
	QoS      byte      `yaml:"qos" in:"0..2"`
	Retain   bool      `yaml:"retain"`
}
