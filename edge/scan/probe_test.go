package scan_test

import (
	"fmt"
	"slices"
	"testing"

	"periph.io/x/conn/v3/i2c"

	"skerry/board/sim"
	"skerry/drivers/all"
)

// watched is a bus that keeps what is written to an address.
type watched struct {
	i2c.Bus
	longest int // bytes
}

func (w *watched) Tx(addr uint16, out, in []byte) error {
	w.longest = max(w.longest, len(out))
	return w.Bus.Tx(addr, out, in)
}

// TestProbes has every driver look at every simulated chip that is at one of its addresses, in both orders: a driver knows its own chip, no
// other one takes it for certain, and what a driver sends is what its Probe says.
func TestProbes(t *testing.T) {
	own := map[uint16]string{0x18: "mcp9808", 0x23: "bh1750", 0x38: "aht20", 0x40: "ina219", 0x44: "sht4x", 0x45: "sht3x", 0x46: "hdc302x",
		0x48: "ads1x15", 0x49: "tmp102", 0x62: "scd4x", 0x76: "bme280", 0x77: "bmp180"}
	kinds := all.Kinds()
	for range 2 {
		slices.Reverse(kinds)
		b := sim.New(sim.Options{})
		bus, err := b.I2C("")
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, k := range kinds {
			if k.Probe == nil {
				continue
			}
			for _, addr := range k.Probe.Addresses {
				w := &watched{Bus: bus}
				who, err := k.Probe.Identify(t.Context(), w, addr)
				if w.longest > 1 && !k.Probe.Commands {
					t.Errorf("%s sends %d bytes to %#x, and does not say so", k.Name, w.longest, addr)
				}
				switch {
				case err == nil && own[addr] == k.Name:
					known[k.Name] = true
				case err == nil && who.Doubt == "":
					t.Errorf("%s takes the %s at %#x for its own", k.Name, own[addr], addr)
				}
			}
		}
		for _, name := range own {
			if !known[name] {
				t.Errorf("%s does not know its own chip", name)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestProbesAreHarmless: after all drivers have looked at all chips, each chip still measures for its own driver as if nothing had been.
func TestProbesAreHarmless(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	bus, err := b.I2C("")
	if err != nil {
		t.Fatal(err)
	}
	before := registers(t, bus)
	for _, k := range all.Kinds() {
		if k.Probe == nil {
			continue
		}
		for addr := uint16(0x08); addr < 0x78; addr++ {
			if slices.Contains(k.Probe.Addresses, addr) {
				k.Probe.Identify(t.Context(), bus, addr)
			}
		}
	}
	if after := registers(t, bus); after != before {
		t.Errorf("settings were\n%s, and are\n%s", before, after)
	}
}

// registers are the settings of the chips that have some.
func registers(t *testing.T, bus i2c.Bus) (all string) {
	t.Helper()
	for _, r := range []struct {
		addr uint16
		reg  byte
		size int
	}{{0x18, 1, 2}, {0x18, 8, 2}, {0x40, 0, 2}, {0x40, 5, 2}, {0x48, 1, 2}, {0x49, 1, 2}, {0x49, 2, 2}, {0x76, 0xF2, 1}, {0x76, 0xF4, 1}, {0x76, 0xF5, 1}, {0x77, 0xF4, 1}} {
		b := make([]byte, r.size)
		if err := bus.Tx(r.addr, []byte{r.reg}, b); err != nil {
			t.Fatalf("%#x: %v", r.addr, err)
		}
		all += fmt.Sprintf("%#x[%#x]=%x ", r.addr, r.reg, b)
	}
	return all
}
