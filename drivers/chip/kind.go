package chip

import (
	"context"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// Opts are the options of a chip that needs none but its address.
type Opts struct {
	Address uint16 `yaml:"address"` // 0: those of the model are tried
}

// Kind makes a driver of a model without further options.
func (m *Model) Kind(name, doc string, values ...drivers.ValueDoc) drivers.Kind {
	return drivers.Kind{
		Name: name, Doc: doc, Bus: drivers.I2CBus, Values: values,
		Opts:  func() any { return new(Opts) },
		Check: func(s drivers.Setup) error { return m.CheckAddress(address(s)) },
		New: func(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
			return m.Open(ctx, b, s, address(s))
		},
		Probe: m.Probe(),
	}
}

// Probe finds chips of the model on a bus; nil if they cannot be told.
func (m *Model) Probe() *drivers.Probe {
	if m.Identify == nil {
		return nil
	}
	return &drivers.Probe{Addresses: m.Addresses, Commands: m.Commands,
		Identify: func(ctx context.Context, bus i2c.Bus, addr uint16) (drivers.Identity, error) {
			gate := &Gate{Bus: bus}
			gate.Open(ctx, m.patience())
			defer gate.Close()
			doubt, err := m.Identify(gate, addr)
			if err != nil {
				return drivers.Identity{}, err
			}
			return drivers.Identity{Model: m.Name, Doubt: doubt}, nil
		}}
}

func address(s drivers.Setup) uint16 {
	if o, ok := s.Opts.(*Opts); ok {
		return o.Address
	}
	return 0
}
