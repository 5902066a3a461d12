package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// The addresses of devices; those outside are reserved (NXP UM10204, table 4).
const (
	firstAddress = 0x08
	lastAddress  = 0x77
)

// mostFailures is after how many addresses in a row that neither answer nor decline a bus is given up.
const mostFailures = 3

// scanI2C looks at each address of a bus.
func scanI2C(ctx context.Context, m Machine, device string, o Options) Section {
	s := Section{Title: "I2C " + device}
	if name, held := o.Held[device]; held || o.AllI2C {
		s.add("", heldBy(name)+"; stop it to look for more", nil)
		return s
	}
	bus, err := m.I2C(device)
	if err != nil {
		s.add("", err.Error(), nil)
		return s
	}
	x := &i2cScan{bus: bus, device: device, kinds: probed(o.Kinds)}
	kernel := kernelChips(ctx, m.Files(), device)
	failures := 0
	for addr := uint16(firstAddress); addr <= lastAddress && ctx.Err() == nil; addr++ {
		where := fmt.Sprintf("%#02x", addr)
		if chip, ok := kernel[addr]; ok {
			s.add(where, "the kernel drives it: "+chip, nil)
			continue
		}
		finding, err := x.at(ctx, addr)
		if finding != nil {
			s.Findings = append(s.Findings, *finding)
		}
		if failures++; err == nil {
			failures = 0
		}
		if failures == mostFailures {
			s.add("", "given up at "+where+": "+err.Error()+"; SDA or SCL may be held low: check the wires, and the pull-ups to 3V3", nil)
			break
		}
	}
	if len(s.Findings) == 0 {
		s.add("", "nothing answers; check SDA, SCL, 3V3 and GND", nil)
	}
	return s
}

// heldBy says why a bus is left alone.
func heldBy(name string) string {
	if name == "" {
		return "the running station uses it: left alone"
	}
	return "the running station uses it as bus " + name + ": left alone"
}

type i2cScan struct {
	bus    i2c.Bus
	device string
	kinds  []drivers.Kind
}

// probed are the kinds that can be looked for, those that send least first.
func probed(kinds []drivers.Kind) []drivers.Kind {
	var quiet, loud []drivers.Kind
	for _, k := range kinds {
		switch {
		case k.Probe == nil:
		case k.Probe.Commands:
			loud = append(loud, k)
		default:
			quiet = append(quiet, k)
		}
	}
	return append(quiet, loud...)
}

// at looks at one address. An error is one of the bus, not of who is there.
func (x *i2cScan) at(ctx context.Context, addr uint16) (*Finding, error) {
	err := x.bus.Tx(addr, nil, make([]byte, 1))
	if err != nil && !declined(err) {
		return nil, err
	}
	there := err == nil
	var doubtful *Finding
	other := ""
	for _, k := range x.kinds {
		if !slices.Contains(k.Probe.Addresses, addr) {
			continue
		}
		who, err := k.Probe.Identify(ctx, x.bus, addr)
		if err != nil {
			other = cmp.Or(other, who.Model)
			continue
		}
		f := x.finding(k, addr, who)
		if who.Doubt == "" {
			return f, nil
		}
		if doubtful == nil {
			doubtful = f
		}
	}
	switch {
	case doubtful != nil:
		return doubtful, nil
	case !there:
		return nil, nil
	}
	f := &Finding{Where: fmt.Sprintf("%#02x", addr), What: usuallyAt(addr)}
	switch {
	case other != "":
		f.What = other + ": no driver"
	case f.What == "":
		f.What = fmt.Sprintf("unknown device at %#02x", addr)
	}
	return f, nil
}

// declined tells that nobody is at an address, from a bus that does not work.
func declined(err error) bool {
	return errors.Is(err, unix.EREMOTEIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EIO) || errors.Is(err, unix.EBUSY)
}

func (x *i2cScan) finding(k drivers.Kind, addr uint16, who drivers.Identity) *Finding {
	number := strings.TrimPrefix(path.Base(x.device), "i2c-")
	b := &block{bus: "i2c" + number, device: "i2c: " + x.device, name: k.Name, keys: []string{"driver: " + k.Name}, doubt: who.Doubt}
	if len(k.Probe.Addresses) > 1 {
		b.keys = append(b.keys, fmt.Sprintf("address: %#02x", addr))
	}
	what := who.Model + ", driver " + k.Name
	if who.Doubt != "" {
		what = "perhaps " + what + ": " + who.Doubt
	}
	return &Finding{fmt.Sprintf("%#02x", addr), what, b}
}

// kernelChips are the devices on a bus that a driver of the kernel has, by address.
func kernelChips(ctx context.Context, f drivers.Files, device string) map[uint16]string {
	number := strings.TrimPrefix(path.Base(device), "i2c-")
	chips := map[uint16]string{}
	for _, folder := range glob(f, "sys/bus/i2c/devices/"+number+"-00*/driver") {
		folder = path.Dir(folder)[1:]
		var addr uint16
		if _, err := fmt.Sscanf(strings.TrimPrefix(path.Base(folder), number+"-"), "%x", &addr); err != nil {
			continue
		}
		name, err := drivers.ReadText(ctx, f, folder+"/name")
		if err != nil {
			name = "?"
		}
		chips[addr] = name
	}
	return chips
}
