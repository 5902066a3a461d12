package simulate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"skerry/board/sim"
	"skerry/drivers/ads1x15"
	"skerry/drivers/bme280"
	"skerry/drivers/chip"
	"skerry/drivers/ina219"
)

// addressOf is the I2C address that a configuration names; 0: none.
func addressOf(opts any) uint16 {
	switch o := opts.(type) {
	case *chip.Opts:
		return o.Address
	case *bme280.Opts:
		return o.Address
	case *ads1x15.Opts:
		return o.Address
	case *ina219.Opts:
		return o.Address
	}
	return 0
}

// onI2C plays a chip at its address, or at the first one of its kind that nobody has.
func onI2C(build func(s *source) (sim.Device, error), fixed map[string]string) player {
	return player{fixed: fixed, play: func(b *bench, s *source) (*handle, error) {
		device, err := build(s)
		if err != nil {
			return nil, err
		}
		addr, err := b.address(s)
		if err != nil {
			return nil, err
		}
		bus := b.board.Bus(s.Setup.Bus)
		bus.Plug(addr, device)
		away := func(what sim.Device) func(bool) {
			return func(on bool) {
				switch chip, cycles := device.(interface{ PowerCycle() }); {
				case !on:
					bus.Plug(addr, device)
				case what == nil:
					if cycles {
						chip.PowerCycle()
					}
					bus.Unplug(addr)
				default:
					bus.Plug(addr, what)
				}
			}
		}
		return &handle{unplug: away(nil), wrong: away(sim.Stranger{}), hang: func(on bool) {
			if on {
				bus.Hang()
				return
			}
			bus.Release()
		}}, nil
	}}
}

// address takes one for a chip.
func (b *bench) address(s *source) (uint16, error) {
	taken := b.chips[s.Setup.Bus]
	if taken == nil {
		taken = map[uint16]bool{}
		b.chips[s.Setup.Bus] = taken
	}
	choices := s.Kind.Probe.Addresses
	if addr := addressOf(s.Setup.Opts); addr != 0 {
		choices = []uint16{addr}
	}
	for _, a := range choices {
		if !taken[a] {
			taken[a] = true
			return a, nil
		}
	}
	return 0, fmt.Errorf("another sensor is at %#x", choices)
}

// inAir plays a chip that measures air.
func inAir[D sim.Device](build func(air func(time.Time) sim.Air) D) player {
	return onI2C(func(s *source) (sim.Device, error) {
		return build(func(at time.Time) sim.Air {
			return sim.Air{Temperature: s.number("temperature", at), Humidity: s.number("humidity", at), Pressure: s.number("pressure", at), CO2: s.number("co2", at)}
		}), nil
	}, nil)
}

// light plays a BH1750.
func light(s *source) (sim.Device, error) {
	return sim.NewBH1750(func(at time.Time) float64 { return s.number("illuminance", at) }), nil
}

// supply plays an INA219.
func supply(s *source) (sim.Device, error) {
	shunt := 0.1
	if o, ok := s.Setup.Opts.(*ina219.Opts); ok {
		shunt = o.Shunt
	}
	const milli = 1000
	return sim.NewINA219(func(at time.Time) float64 { return s.number("voltage", at) },
		func(at time.Time) float64 { return s.number("current", at) * shunt * milli }), nil
}

// voltages plays an ADS1115: the values between an input and ground fix those inputs; one between two inputs moves the one that is free.
func voltages(s *source) (sim.Device, error) {
	channels := map[string]string{} // of values
	for name, opts := range s.Setup.Values {
		if o, ok := opts.(*ads1x15.ValueOpts); ok {
			channels[name] = o.Channel
		}
	}
	names := slices.Sorted(maps.Keys(channels))
	return sim.NewADS1115(func(at time.Time) (v [4]float64) {
		known := map[byte]bool{}
		for _, name := range names {
			if c := channels[name]; len(c) == len("A0") {
				v[c[1]-'0'], known[c[1]] = s.number(name, at), true
			}
		}
		for _, name := range names {
			c := channels[name]
			if len(c) != len("A0-A1") {
				continue
			}
			a, b := c[1], c[4]
			switch between := s.number(name, at); {
			case !known[a]:
				v[a-'0'] = v[b-'0'] + between
			case !known[b]:
				v[b-'0'] = v[a-'0'] - between
			}
			known[a], known[b] = true, true
		}
		return v
	}), nil
}
