package config_test

import (
	"strings"
	"testing"

	"skerry/drivers/all"
)

// TestOutput: what a file says of outputs, with all defaults, and the values that they can be given.
func TestOutput(t *testing.T) {
	c, err := loadText(t, `
gateway: {id: wx, site: lake}
buses: {rs485: {serial: /dev/ttyAMA0}}
outputs:
  heater: {driver: gpio, pin: GPIO27}
  valve: {driver: modbus, reference: 40301, type: int16, multiply: 0.1, range: 5..30, round: 0.5, unit: °C}
`, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	heater, valve := &c.Outputs[0], &c.Outputs[1]
	if heater.Topic != "lake/wx/heater" || heater.Command.Topic != "lake/wx/heater/set" || !heater.Doc.Switch || heater.Initial.Value != 0 || heater.Remembers() {
		t.Errorf("%+v", heater)
	}
	if valve.Bus != "rs485" || valve.Doc.Switch || valve.Doc.Min != 5 || valve.Doc.Max != 30 || valve.Unit != "°C" || valve.Round != 0.5 || valve.Least() != 5 {
		t.Errorf("%+v", valve)
	}
	for text, want := range map[string]string{"on": "on", "OFF": "off", "true": "on", "0": "off", "1": "on", "2": "", "": "", "yes": "", " on": ""} {
		if got, err := heater.Parse(text); (err != nil) != (want == "") || err == nil && heater.Format(got) != want {
			t.Errorf("heater %q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"5": "5.0", "21.3": "21.5", "30.2": "30.0", "30.3": "", "4.7": "", "4.8": "5.0", "on": "", "1e1": "10.0", "NaN": "", "0x10": ""} {
		if got, err := valve.Parse(text); (err != nil) != (want == "") || err == nil && valve.Format(got) != want {
			t.Errorf("valve %q: %v, %v", text, got, err)
		}
	}
}

// TestOnePlaceForEach: two outputs that set the same thing are refused, and neighbours are not.
func TestOnePlaceForEach(t *testing.T) {
	tests := []struct{ name, a, b, want string }{
		{"a channel", "driver: pwm", "driver: pwm, channel: 0", "outputs.b: PWM channel 0 is set by outputs.a"},
		{"channels", "driver: pwm", "driver: pwm, channel: 1", ""},
		{"chips", "driver: pwm, chip: 1-0040", "driver: pwm, chip: 1-0041", ""},
		{"a coil", "driver: modbus, table: coil, address: 5", `driver: modbus, reference: "00006"`, "outputs.b: coil 0x0005 (reference 00006) of unit 1 on rs485 is set by outputs.a"},
		{"units", "driver: modbus, table: coil, address: 5", "driver: modbus, unit_id: 2, table: coil, address: 5", ""},
		{"tables", "driver: modbus, table: coil, address: 5", "driver: modbus, table: holding, address: 5, on: 1, off: 0", ""},
		{"roads", "driver: modbus, table: coil, address: 5", "driver: modbus, tcp: 10.0.0.7, table: coil, address: 5", ""},
		{"hosts", "driver: modbus, tcp: 10.0.0.7, table: coil, address: 5", `driver: modbus, tcp: "10.0.0.7:502", table: coil, address: 5`, "on 10.0.0.7:502 is set by outputs.a"},
		{"a number of two registers", "driver: modbus, table: holding, address: 4, type: float32, range: 0..9",
			"driver: modbus, table: holding, address: 5, type: int16, range: 0..9", "holding register 0x0005"},
		{"neighbours", "driver: modbus, table: holding, address: 4, type: int16, range: 0..9",
			"driver: modbus, table: holding, address: 5, type: float32, range: 0..9", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadText(t, "buses: {rs485: {serial: /dev/ttyAMA0}}\noutputs:\n  a: {"+test.a+"}\n  b: {"+test.b+"}\n", all.Kinds())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
