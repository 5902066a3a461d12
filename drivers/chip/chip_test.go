package chip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
)

// TestChecksum is the example of Sensirion's datasheets.
func TestChecksum(t *testing.T) {
	if got := chip.Checksum([]byte{0xBE, 0xEF}); got != 0x92 {
		t.Errorf("%#x", got)
	}
}

// poller is a device that polls its chip for ever.
type poller struct {
	bus  i2c.Bus
	addr uint16
	rest int
}

func (p *poller) Measure(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	for {
		if err := p.bus.Tx(p.addr, []byte{1}, make([]byte, 1)); err != nil {
			return dst, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *poller) Rest() error { p.rest++; return p.bus.Tx(p.addr, []byte{0}, nil) }

func model() *chip.Model {
	return &chip.Model{Name: "X1", Addresses: []uint16{0x10, 0x11}, SetUp: func(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
		return &poller{bus: bus, addr: addr}, bus.Tx(addr, []byte{0}, nil)
	}}
}

func machine(answer error) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x11, Answer: func(w, r []byte) error { return answer }}}
}

// TestPatience: a driver that polls a chip without end is ended, by the context or by the patience of the model.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, err := model().Open(t.Context(), machine(nil), drivers.Setup{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := x.Sense(t.Context(), nil); !errors.Is(err, chip.ErrWedged) || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began = time.Now()
		if _, err := x.Sense(ctx, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := model().Open(t.Context(), &drivertest.Machine{}, drivers.Setup{}, 0)
		for _, want := range []string{"X1 at 0x10, 0x11", "at 0x11: ", "i2cdetect"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		_, err = model().Open(t.Context(), machine(chip.ErrOther), drivers.Setup{}, 0x11)
		if err == nil || !strings.Contains(err.Error(), "take the driver of that chip") || strings.Contains(err.Error(), "0x10") {
			t.Errorf("%v", err)
		}
	})
}

func TestCheckAddress(t *testing.T) {
	m := model()
	for addr, good := range map[uint16]bool{0: true, 0x10: true, 0x11: true, 0x12: false} {
		if err := m.CheckAddress(addr); (err == nil) != good {
			t.Errorf("%#x: %v", addr, err)
		}
	}
}
