package sht_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	chips "skerry/drivers/chip"
	"skerry/drivers/drivertest"
	"skerry/drivers/sht"
)

// word is a number with its checksum.
func word(n uint16) []byte {
	b := []byte{byte(n >> 8), byte(n)}
	return append(b, chips.Checksum(b))
}

// fake is a chip that knows two commands; to anything else it gives no answer.
type fake struct {
	serial, measure []byte
	t, h            uint16
	pending         []byte
	wrong           bool // checksums
}

func (f *fake) answer(w, r []byte) error {
	switch {
	case len(w) > 0 && bytes.Equal(w, f.serial):
		f.pending = append(word(0x1234), word(0x5678)...)
	case len(w) > 0 && bytes.Equal(w, f.measure):
		f.pending = append(word(f.t), word(f.h)...)
	case len(w) > 0 || f.pending == nil:
		return drivertest.ErrNoAnswer
	}
	if len(r) > 0 {
		copy(r, f.pending)
		f.pending = nil
		if f.wrong {
			r[2] ^= 1
		}
	}
	return nil
}

func chip(f *fake, addr uint16) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: addr, Answer: f.answer}}
}

func fake3() *fake {
	return &fake{serial: []byte{0x37, 0x80}, measure: []byte{0x24, 0x00}, t: 0x6666, h: 0x8000}
}
func fake4() *fake { return &fake{serial: []byte{0x89}, measure: []byte{0xFD}, t: 0x6666, h: 0x8000} }

func setup() drivers.Setup { return drivers.Setup{Opts: &chips.Opts{}} }

func TestDriver(t *testing.T) {
	for _, c := range []struct {
		kind        drivers.Kind
		chip, other func() *fake
	}{{sht.SHT3x, fake3, fake4}, {sht.SHT4x, fake4, fake3}} {
		t.Run(c.kind.Name, func(t *testing.T) {
			drivertest.Suite{Kind: c.kind, Setup: setup,
				Healthy: func() *drivertest.Machine { return chip(c.chip(), 0x45) },
				Other:   func() *drivertest.Machine { return chip(c.other(), 0x44) },
			}.Run(t)
		})
	}
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			kind drivers.Kind
			f    *fake
			h    float64
		}{{sht.SHT3x, fake3(), 50.0007}, {sht.SHT4x, fake4(), 56.5010}} {
			x, err := c.kind.New(t.Context(), chip(c.f, 0x44), setup())
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Sense(t.Context(), nil)
			if err != nil || math.Abs(got[0].Number-25) > 0.001 || math.Abs(got[1].Number-c.h) > 0.001 {
				t.Errorf("%s: %+v, %v", c.kind.Name, got, err)
			}
			c.f.wrong = true
			if got, err := x.Sense(t.Context(), nil); err == nil || len(got) != 0 {
				t.Errorf("%s: a wrong checksum gave %+v, %v", c.kind.Name, got, err)
			}
			c.f.wrong, c.f.h = false, 0xFFFF
			if got, err := x.Sense(t.Context(), nil); err != nil || got[1].Number != 100 {
				t.Errorf("%s: %+v, %v", c.kind.Name, got, err)
			}
		}
	})
}

func TestNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := sht.SHT4x.New(t.Context(), &drivertest.Machine{}, setup())
		if err == nil || !strings.Contains(err.Error(), "0x44") || !strings.Contains(err.Error(), "i2cdetect") {
			t.Errorf("%v", err)
		}
		high := &fake{serial: []byte{0x89}, measure: []byte{0xFD}, wrong: true}
		_, err = sht.SHT4x.New(t.Context(), chip(high, 0x44), drivers.Setup{Opts: &chips.Opts{Address: 0x44}})
		if err == nil || !strings.Contains(err.Error(), "another chip") {
			t.Errorf("%v", err)
		}
	})
}
