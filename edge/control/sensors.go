package control

import (
	"context"
	"errors"
)

// Sensors are those of a running station.
type Sensors interface {
	List() []Sensor
	// Read reads one now. An error is that there is none of that name, or that ctx ended; what the sensor has against it stands in its row.
	Read(ctx context.Context, name string) (Sensor, error)
}

// Sensor is a row of SensorList and SensorRead.
type Sensor struct {
	Name     string        `json:"sensor"`
	Driver   string        `json:"driver"`
	Bus      string        `json:"bus,omitempty"`
	Device   string        `json:"device,omitempty"` // as the driver names it; none: it was not found yet
	Every    float64       `json:"every_s"`
	Age      *float64      `json:"age_s,omitempty"`     // since it last said something; none: never
	Next     *float64      `json:"next_s,omitempty"`    // until it is asked again; none: it was not asked yet
	Failures int           `json:"failures"`            // in a row
	Failing  float64       `json:"failing_s,omitempty"` // for how long
	Error    string        `json:"error,omitempty"`     // of the last attempt
	Late     *Lateness     `json:"late,omitempty"`      // none: it never was, or its driver cannot tell
	Values   []SensorValue `json:"values,omitempty"`
}

// Lateness is how often a device answered after its time, since its bus was opened.
type Lateness struct {
	Asked   uint64  `json:"asked"`
	Late    uint64  `json:"late"`
	Slowest float64 `json:"slowest_s"` // from the request on; 0: not known
	Timeout float64 `json:"timeout_s"` // the time that it has
}

// SensorValue is a value of a sensor: what the device said, and what came of it.
type SensorValue struct {
	Name       string   `json:"value"`
	Raw        *float64 `json:"raw,omitempty"` // a number of the device; none: it had none, or says texts
	RawText    string   `json:"raw_text,omitempty"`
	RawUnit    string   `json:"raw_unit,omitempty"`
	RawQuality string   `json:"raw_quality,omitempty"`

	Number   *float64 `json:"number,omitempty"` // after unit, calibration and all else; none: it cannot be true, or there is none
	Shown    string   `json:"shown,omitempty"`  // it as it is published
	Text     string   `json:"text,omitempty"`
	Unit     string   `json:"unit,omitempty"`
	Rejected *float64 `json:"rejected,omitempty"` // what it would be, and cannot be
	Quality  string   `json:"quality,omitempty"`  // none: it is not configured, and not published
	Time     string   `json:"time,omitempty"`     // of the measurement
}

// ErrNoSensors says that nobody reads the sensors.
var ErrNoSensors = errors.New("the station does not run: no sensor is read (hint: `skerry sensors read NAME` reads one all the same)")

func (s *Station) listSensors(emit func(any) error) error {
	if s.Sensors == nil {
		return ErrNoSensors
	}
	for _, x := range s.Sensors.List() {
		if err := emit(x); err != nil {
			return err
		}
	}
	return nil
}

func (s *Station) readSensor(ctx context.Context, r Request, emit func(any) error) error {
	if s.Sensors == nil {
		return ErrNoSensors
	}
	x, err := s.Sensors.Read(ctx, r.Sensor)
	if err != nil {
		return err
	}
	return emit(x)
}
