package drivertest

import (
	"math"
	"testing"

	"skerry/drivers"
)

// Device is a chip on an I2C bus; board/sim has many. Tx is one transfer to its address.
type Device interface {
	Tx(w, r []byte) error
}

// OnI2C builds a machine with one chip on its I2C bus.
func OnI2C(addr uint16, d Device) *Machine {
	return &Machine{Chip: &Chip{Addr: addr, Answer: d.Tx}}
}

// Sense opens a sensor and asks it once. The readings come by the names of their values.
func Sense(t *testing.T, k drivers.Kind, m *Machine, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := k.New(t.Context(), m, s)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { x.Halt() })
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

// Near checks that a value has a good reading that is no further off than within.
func Near(t *testing.T, got map[string]drivers.Reading, value string, want, within float64) {
	t.Helper()
	if r, ok := got[value]; !ok || !(math.Abs(r.Number-want) <= within) || r.Quality != drivers.Good {
		t.Errorf("%s: %+v, want %v", value, r, want)
	}
}
