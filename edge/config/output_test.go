package config_test

import (
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
