package scan

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"skerry/drivers"
	"skerry/drivers/modbus"
)

// modbusLines are the settings that devices leave their makers with: what most have, what the specification asks for ("MODBUS over
// serial line specification and implementation guide V1.02", 2.5.1), and what small meters have.
var modbusLines = []struct {
	how  string
	keys string // of the bus
	line drivers.SerialConfig
}{
	{"9600 8N1", "baud: 9600, parity: none", drivers.SerialConfig{Baud: 9600}},
	{"19200 8E1", "baud: 19200, parity: even", drivers.SerialConfig{Baud: 19200, Parity: drivers.EvenParity}},
	{"2400 8N1", "baud: 2400, parity: none", drivers.SerialConfig{Baud: 2400}},
}

// findModbus asks units, and those that answer for what they are. Nil: none answers.
func findModbus(ctx context.Context, m Machine, name string, units []byte) (first *block, err error) {
	for _, l := range modbusLines {
		found, err := modbusAt(ctx, m, name, l.line, units)
		for i := len(found) - 1; i >= 0; i-- {
			b := modbusBlock(found[i], l.how)
			b.device, b.next = "serial: "+name+", "+l.keys, first
			first = b
		}
		if err != nil || first != nil {
			return first, err
		}
	}
	return nil, nil
}

// modbusBlock is the configuration of a device. What registers it has is not known where no profile fits.
func modbusBlock(f modbus.Found, how string) *block {
	b := &block{bus: "rs485", name: "modbus", keys: []string{"driver: modbus", fmt.Sprintf("unit_id: %d", f.Unit)}}
	b.what = fmt.Sprintf("Modbus RTU unit %d at %s: ", f.Unit, how)
	if f.Profile != "" {
		b.what += fmt.Sprintf("%s, driver modbus, profile %s", f.Title, f.Profile)
		b.name = strings.ReplaceAll(f.Profile, "-", "_")
		b.keys = append(b.keys, "profile: "+f.Profile)
		return b
	}
	b.what += f.Answer + ", driver modbus; docs/sensors/modbus.md says how to name its values, by a profile or by the list of its registers"
	b.doubt = "what its registers mean is not known"
	table := "holding"
	if !f.Has {
		table = "input"
	}
	b.values = []string{"register_0: {table: " + table + ", address: 0, type: uint16}"}
	return b
}

func modbusAt(ctx context.Context, m Machine, name string, line drivers.SerialConfig, units []byte) ([]modbus.Found, error) {
	port, err := m.Serial(name, line)
	if err != nil {
		return nil, err
	}
	defer port.Close()
	return modbus.Find(ctx, port, units)
}

// ParseUnits reads "3" or "1..10".
func ParseUnits(text string) ([]byte, error) {
	var first, last int
	if n, err := fmt.Sscanf(text+" ", "%d..%d ", &first, &last); n != 2 || err != nil {
		if first, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("%q is no range of units (hint: --modbus 1..10, or one: --modbus 3)", text)
		}
		last = first
	}
	if first < 1 || last > 247 || first > last {
		return nil, fmt.Errorf("units are 1 to 247, not %s (hint: --modbus 1..10)", text)
	}
	var units []byte
	for u := first; u <= last; u++ {
		units = append(units, byte(u))
	}
	return units, nil
}
