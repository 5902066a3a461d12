package mapping_test

import (
	"strings"
	"testing"

	"skerry/edge/config"
	"skerry/edge/mapping"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name  string
		value config.Value
		want  string // "": accepted
	}{
		{"nothing", value(celsius), ""},
		{"a known conversion", value(pascal, func(v *config.Value) { v.Unit = "hPa" }), ""},
		{"a known conversion and a gain", value(pascal, func(v *config.Value) { v.Unit, v.Multiply = "hPa", 1.002 }), ""},
		{"converted by hand", value(celsius, func(v *config.Value) { v.Unit, v.Multiply = "°Ré", 0.8 }), ""},
		{"another quantity", value(pascal, func(v *config.Value) { v.Unit = "°C" }),
			"values.pressure.unit: the driver measures in Pa, and there is no way from there to °C; " +
				"units it can be converted into: hPa, mbar, kPa, bar, inHg; to convert it yourself write multiply:, and offset: if the zeros differ"},
		{"an unknown unit", value(percent, func(v *config.Value) { v.Unit = "ppm" }),
			"values.humidity.unit: the driver measures in %, and there is no way from there to ppm; " +
				"to convert it yourself write multiply:, and offset: if the zeros differ"},
		{"converted twice", value(pascal, func(v *config.Value) { v.Unit, v.Multiply = "hPa", 0.01 }),
			"values.pressure.multiply: Pa is converted to hPa already; leave multiply: out"},
		{"a text with an offset", value(fix, func(v *config.Value) { v.Offset = 1 }),
			"values.fix.offset: the value is a text, not a number; leave it out"},
		{"a text with a range", value(fix, func(v *config.Value) { v.Valid = &config.Range{} }),
			"values.fix.valid: the value is a text, not a number; leave it out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mapping.New(sensor(tt.value), floor, mapping.NewPresent())
			if got := message(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestNewReportsAll(t *testing.T) {
	_, err := mapping.New(sensor(
		value(pascal, func(v *config.Value) { v.Unit = "°C" }),
		value(fix, func(v *config.Value) { v.Round = 1 }),
	), floor, mapping.NewPresent())
	if n := strings.Count(message(err), "\n") + 1; n != 2 {
		t.Errorf("%d problems reported, want 2: %v", n, err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
