package formula_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"skerry/edge/formula"
)

// scope is a station of three sensors, seen from the first.
var scope = formula.Scope{
	Own: "air",
	Sensors: []formula.Sensor{
		{Name: "air", Values: []formula.Value{{Name: "temperature", Unit: "°C"}, {Name: "humidity", Unit: "%"}, {Name: "pressure", Unit: "hPa"}}},
		{Name: "soil-1", Values: []formula.Value{{Name: "temperature", Unit: "°F"}, {Name: "at-10cm", Unit: "°C"}}},
		{Name: "gps", Values: []formula.Value{{Name: "fix", Text: true}, {Name: "speed", Unit: "km/h"}}},
	},
	Constants: map[string]float64{"gateway.location.alt": 2310},
	Missing:   map[string]string{"gateway.location.lat": "gateway: {location: {lat: 45.832, lon: 6.865}}"},
}

// now is what the values of scope are in the tests.
var now = map[string]float64{
	"air.temperature": 20, "air.humidity": 50, "air.pressure": 766, "soil-1.temperature": 50, "soil-1.at-10cm": 8, "gps.speed": 30,
}

// fill gives inputs their values.
func fill(inputs []formula.Input) (numbers []float64, texts []string) {
	for _, in := range inputs {
		numbers = append(numbers, now[in.String()])
		text := ""
		if in.Text {
			text = "gps"
		}
		texts = append(texts, text)
	}
	return numbers, texts
}

func TestNumber(t *testing.T) {
	tests := []struct {
		source string
		want   float64
		inputs string
	}{
		{"temperature", 20, "air.temperature"},
		{"temperature * 2 + 1", 41, "air.temperature"},
		{"air.temperature - temperature", 0, "air.temperature"},
		{"1", 1, ""},
		{"7 / 2", 3.5, ""},
		{"2 ** 10", 1024, ""},
		{"-temperature", -20, "air.temperature"},
		{`sensors["soil-1"].temperature`, 50, "soil-1.temperature"},
		{`sensors["soil-1"]["at-10cm"] + gps.speed`, 38, "soil-1.at-10cm gps.speed"},
		{"gateway.location.alt / 10", 231, ""},
		{"temperature > 15 ? 1 : 0", 1, "air.temperature"},
		{`gps.fix == "gps" ? gps.speed : 0`, 30, "gps.fix gps.speed"},
		{"max(temperature, humidity, 3)", 50, "air.temperature air.humidity"},
		{"round(pressure / 7)", 109, "air.pressure"},
		{"sqrt(temperature * 5)", 10, "air.temperature"},
		{"let t = temperature; t * t", 400, "air.temperature"},
		{"dew_point(20, 100)", 20, ""},
		{"sea_level(pressure, temperature, 0)", 766, "air.pressure air.temperature"},
		{"100000 * 100000 * 1000000000", 1e19, ""}, // no whole number of 32 or 64 bits
		{"2000000000 * 2000000000 * 2000000000 / 1000000000", 8e18, ""},
		{"temperature / (3600 * 1000000)", 20 / 3.6e9, "air.temperature"},
		{"int(temperature * -1e30) / 1e30", -20, "air.temperature"},
		{"int(-2.7) + int(2.7)", 0, ""},
		{"(temperature + 350.5) % 360", 10.5, "air.temperature"},
		{"7 % 2.5 + -7 % 4", -1, ""},
		{"temperature in [20, 30] ? 1 : 0", 1, "air.temperature"},
		{"wind_chill((sensors['soil-1'].temperature - 32) / 1.8, gps.speed)", 6.57, "soil-1.temperature gps.speed"},
	}
	for _, tt := range tests {
		f, err := formula.Compile(tt.source, scope)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		var inputs []string
		for _, in := range f.Inputs {
			inputs = append(inputs, in.String())
		}
		if got := strings.Join(inputs, " "); got != tt.inputs {
			t.Errorf("%s: uses %q, want %q", tt.source, got, tt.inputs)
		}
		if got, err := f.Number(fill(f.Inputs)); err != nil || math.Abs(got-tt.want) > 1e-3*math.Abs(tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.source, got, err, tt.want)
		}
	}
}

func TestUnitOfTheResult(t *testing.T) {
	for source, want := range map[string]string{
		"temperature": "°C", "-temperature": "°C", "temperature + 1": "", "1": "", "dew_point(temperature, humidity)": "°C",
		"sea_level(pressure, temperature, 100)": "hPa", "sea_level(pressure * 1, temperature, 100)": "", "absolute_humidity(temperature, humidity)": "g/m³",
		"temperature > 0 ? temperature : dew_point(temperature, humidity)": "°C", "temperature > 0 ? temperature : humidity": "",
		"gps.fix == 'x' ? 1 : 2": "", "sqrt(temperature)": "",
	} {
		f, err := formula.Compile(source, scope)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if f.Unit != want {
			t.Errorf("%s: in %q, want %q", source, f.Unit, want)
		}
	}
}

func TestNoNumber(t *testing.T) {
	for _, source := range []string{"1 / (temperature - 20)", "ln(-temperature)", "0.0 / (temperature - 20)", "int(humidity) % int(temperature - 20)", "humidity % 0", "7 % 0",
		"dew_point(temperature, 0)", "exp(humidity * 100)", "sea_level(pressure, 200, 3)"} {
		f, err := formula.Compile(source, scope)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if x, err := f.Number(fill(f.Inputs)); err == nil || !math.IsNaN(x) {
			t.Errorf("%s: %v, %v; want an error", source, x, err)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		source string
		column int
		want   string
	}{
		{"temprature", 1, `nothing is called "temprature" here`},
		{"1 + air.temprature", 5, `sensor air has no value "temprature"`},
		{"soil.temperature", 1, "the name soil-1 is no single word here"},
		{"soil-1.temperature", 0, "bad number syntax"},
		{"soil-x.temperature", 1, "the name soil-1 is no single word here"},
		{"nobody.temperature", 1, `nothing is called "nobody" here`},
		{`sensors["sol-1"].temperature`, 1, `there is no sensor "sol-1"`},
		{"air + 1", 1, "air is a sensor, not a value"},
		{"gateway.location.alt + gateway.location.lat", 24, "gateway.location.lat is not configured"},
		{"gateway + 1", 1, "gateway alone is no number"},
		{"dew_pont(temperature, humidity)", 1, `there is no function "dew_pont"`},
		{"dew_point(temperature)", 1, "not enough arguments"},
		{"dew_point(humidity, temperature)", 11, "dew_point wants °C, and air.humidity is in %"},
		{`dew_point(sensors["soil-1"].temperature, humidity)`, 11, "dew_point wants °C, and soil-1.temperature is in °F"},
		{"gps.fix * 2", 9, "invalid operation"},
		{"temperature > 3", 0, "expected float64, but got bool"},
		{"temperature +", 13, "the expression ends too early"},
		{"", 1, "the expression ends too early"},
		{"all([1], # > 0) ? 1 : 2", 0, "here"},
		{"1..3", 0, "operator .. has no place here"},
		{`temperature matches "x"`, 0, "operator matches has no place here"},
		{"{\"a\": 1}.a", 0, "this"},
		{"temperature.x", 0, "has no field"},
		{"usable(temperature) ? 1 : 0", 1, "usable has no place here"},
		{"temperature(3)", 1, "there is no function"},
		{"air.temperature(3)", 0, "a call of something that is no function"},
		{"[1, 2][0]", 0, "this is no name of a value"},
		{strings.Repeat("1+", 150) + "1", 0, "nodes"},
		{strings.Repeat(" ", 5000) + "1", 0, "is longer than"},
	}
	for _, tt := range tests {
		_, err := formula.Compile(tt.source, scope)
		e, ok := errors.AsType[*formula.SyntaxError](err)
		if !ok {
			t.Errorf("%.40s: accepted, want %q", tt.source, tt.want)
			continue
		}
		if !strings.Contains(e.Problem, tt.want) || e.Hint == "" && e.Choices == nil {
			t.Errorf("%.40s: %+v, want %q", tt.source, e, tt.want)
		}
		if tt.column != 0 && e.Column != tt.column {
			t.Errorf("%.40s: column %d, want %d (%s)", tt.source, e.Column, tt.column, e.Problem)
		}
	}
}

// The figures are those of the sources that the functions name, or of tables made from them.
func TestAir(t *testing.T) {
	tests := []struct {
		name      string
		got, want float64
		within    float64
	}{
		{"sea level of the standard atmosphere at 500 m", formula.SeaLevel(954.61, 11.75, 500), 1013.25, 0.05},
		{"sea level at sea level", formula.SeaLevel(1013.25, 15, 0), 1013.25, 1e-9},
		{"dew point", formula.DewPoint(20, 50), 9.26, 0.01},
		{"dew point of saturated air", formula.DewPoint(-5, 100), -5, 1e-9},
		{"frost point lies above the dew point", formula.FrostPoint(-10, 80) - formula.DewPoint(-10, 80), 1.4, 0.1},
		{"frost point of warm air", formula.FrostPoint(20, 50), 9.26, 0.01},
		{"absolute humidity", formula.AbsoluteHumidity(20, 50), 8.62, 0.03},
		{"vapour pressure deficit", formula.VapourPressureDeficit(25, 50), 1.58, 0.01},
		{"vapour pressure deficit above saturation", formula.VapourPressureDeficit(25, 103), 0, 0},
		{"heat index 90 °F 70 %", formula.HeatIndex(32.2222, 70), (105.92 - 32) / 1.8, 0.1},
		{"heat index 96 °F 50 %", formula.HeatIndex(35.5556, 50), (108 - 32) / 1.8, 0.3},
		{"heat index of mild air", formula.HeatIndex(20, 50), (67.43 - 32) / 1.8, 0.01},
		{"wet bulb, the example of Stull", formula.WetBulb(20, 50), 13.7, 0.05},
		{"wind chill", formula.WindChill(-10, 30), -19.5, 0.1},
		{"wind chill without wind", formula.WindChill(-10, 3), -10, 0},
		{"wind chill in warm air", formula.WindChill(15, 30), 15, 0},
	}
	for _, tt := range tests {
		if math.Abs(tt.got-tt.want) > tt.within {
			t.Errorf("%s: %.4f, want %.4f", tt.name, tt.got, tt.want)
		}
	}
}

// A number that no air can have gives no result that looks like one.
func TestAirThatCannotBe(t *testing.T) {
	two := map[string]func(a, b float64) float64{
		"dew point": formula.DewPoint, "frost point": formula.FrostPoint, "absolute humidity": formula.AbsoluteHumidity,
		"vapour pressure deficit": formula.VapourPressureDeficit, "heat index": formula.HeatIndex, "wet bulb": formula.WetBulb, "wind chill": formula.WindChill,
	}
	for name, f := range two {
		for _, x := range [][2]float64{{-150, 50}, {150, 50}, {20, -1}, {20, 1000}, {math.NaN(), 50}, {20, math.NaN()}} {
			if got := f(x[0], x[1]); !math.IsNaN(got) && !(name == "wind chill" && x[0] == 20 && x[1] > 0) {
				t.Errorf("%s of %v: %v", name, x, got)
			}
		}
	}
	if x := formula.SeaLevel(-1, 20, 100); !math.IsNaN(x) {
		t.Errorf("sea level of a negative pressure: %v", x)
	}
}

func TestCondition(t *testing.T) {
	const u, f, y = formula.Unknown, formula.False, formula.True
	tests := []struct {
		source string
		bad    []string // inputs that cannot be used
		want   formula.Truth
	}{
		{"temperature < 0", nil, f},
		{"temperature > 0 and humidity > 40", nil, y},
		{"temperature < 0", []string{"air.temperature"}, u},
		{"not (temperature < 0)", []string{"air.temperature"}, u},
		{"temperature > 0 or humidity > 90", []string{"air.humidity"}, y},
		{"humidity > 90 or temperature > 0", []string{"air.humidity"}, y},
		{"humidity > 90 or temperature < 0", []string{"air.humidity"}, u},
		{"humidity > 90 and temperature < 0", []string{"air.humidity"}, f},
		{"temperature < 0 && humidity > 90", []string{"air.humidity"}, f},
		{"temperature > 0 && humidity > 90", []string{"air.humidity"}, u},
		{"!(humidity > 90 || temperature > 0)", []string{"air.humidity"}, f},
		{`gps.fix == "none"`, nil, f},
		{`gps.fix in ["none", "gps"]`, nil, y},
		{`gps.fix != "none"`, []string{"gps.fix"}, u},
		{`sensors["soil-1"]["at-10cm"] < 10 and not (dew_point(temperature, humidity) > 15)`, nil, y},
		{"temperature > humidity or humidity > temperature", []string{"air.humidity"}, u},
		{"1 / (temperature - 20) > 0 and temperature > 0", nil, y}, // +Inf
		{"int(humidity) % int(temperature - 20) > 0", nil, u},      // division by zero
		{"not (dew_point(temperature, 0) > 5)", nil, u},            // no dew point
		{"not (sqrt(temperature - 21) > 5) or temperature < 0", nil, u},
		{"usable(temperature)", nil, y},
		{"not usable(temperature)", []string{"air.temperature"}, y},
		{"not usable(gps.fix) and usable(humidity)", []string{"gps.fix"}, y},
		{"usable(temperature) and temperature < 0", []string{"air.temperature"}, f},
		{"not usable(temperature) or temperature < 0", []string{"air.temperature"}, y},
		{"usable(sensors['soil-1']['at-10cm']) == false", []string{"soil-1.at-10cm"}, y},
		{"usable(temperature) == (temperature > 0)", []string{"air.temperature"}, u},
	}
	for _, tt := range tests {
		c, err := formula.CompileCondition(tt.source, scope)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		numbers, texts := fill(c.Inputs)
		uses := slices.Repeat([]formula.Use{formula.Usable}, len(c.Inputs))
		for i, in := range c.Inputs {
			if slices.Contains(tt.bad, in.String()) {
				uses[i], numbers[i] = formula.Unusable, math.NaN()
			}
		}
		if got := c.Judge(numbers, texts, uses); got != tt.want {
			t.Errorf("%s without %v: %v, want %v", tt.source, tt.bad, got, tt.want)
		}
		if got := c.Judge(numbers, texts, make([]formula.Use, len(uses))); got != formula.Unknown {
			t.Errorf("%s before anything was read: %v", tt.source, got)
		}
	}
	for source, want := range map[string]string{
		"usable(1)": "wants the name of a value", "usable(temperature + 1)": "wants the name of a value", "usable()": "wants the name of a value",
		"usable(temprature)": "nothing is called", "usable(temperature, humidity)": "wants the name of a value",
	} {
		if _, err := formula.CompileCondition(source, scope); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	if _, err := formula.CompileCondition("temperature + 1", scope); err == nil || !strings.Contains(err.Error(), "a condition compares") {
		t.Errorf("a number as a condition: %v", err)
	}
}

// FuzzCompile: whatever somebody writes is refused with a place inside the text, or computes without a panic.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"temperature", `sensors["soil-1"].temperature`, "air.temperature < 0 or not (humidity > 3)", "dew_point(temperature, humidity)",
		"usable(temperature)", "usable(usable(gps.fix))", "a.b.c", "let x = 3; x", "1 ? 2 : 3", "((((", "sensors[air]", `gps.fix in ["a"]`, "#", "1|abs()", "-1 % 0", "temperature?.x", "$env", "$env[\"(numbers)\"]", "$env.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if x, err := formula.Compile(source, scope); err == nil {
			_, _ = x.Number(fill(x.Inputs))
		} else {
			checkError(t, source, err)
		}
		c, err := formula.CompileCondition(source, scope)
		if err != nil {
			checkError(t, source, err)
			return
		}
		numbers, texts := fill(c.Inputs)
		if got := c.Judge(numbers, texts, make([]formula.Use, len(c.Inputs))); len(c.Inputs) == 0 && got == formula.Unknown {
			t.Logf("%q: unknown without any input", source)
		}
	})
}

func checkError(t *testing.T, source string, err error) {
	t.Helper()
	e, ok := errors.AsType[*formula.SyntaxError](err)
	if !ok || e.Problem == "" || e.Column < 0 || e.Column > len([]rune(source))+1 {
		t.Errorf("%q: %#v", source, err)
	}
}

// A condition that is decided although some inputs cannot be used is decided the same way whatever these inputs are.
func TestConditionIsSound(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	names := []string{"temperature", "humidity", "pressure", "gps.speed"}
	var expression func(depth int) string
	expression = func(depth int) string {
		if depth == 0 || random.IntN(4) == 0 {
			compare := []string{"<", ">", "<=", ">=", "==", "!="}[random.IntN(6)]
			return fmt.Sprintf("%s %s %d", names[random.IntN(len(names))], compare, random.IntN(4))
		}
		switch random.IntN(5) {
		case 0:
			return "not (" + expression(depth-1) + ")"
		case 1:
			return "(" + expression(depth-1) + " ? " + expression(depth-1) + " : " + expression(depth-1) + ")"
		case 2, 3:
			return "(" + expression(depth-1) + []string{" and ", " && "}[random.IntN(2)] + expression(depth-1) + ")"
		}
		return "(" + expression(depth-1) + []string{" or ", " || "}[random.IntN(2)] + expression(depth-1) + ")"
	}
	decided := 0
	for range 400 {
		source := expression(4)
		c, err := formula.CompileCondition(source, scope)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		n := len(c.Inputs)
		numbers, texts, uses, all := make([]float64, n), make([]string, n), make([]formula.Use, n), slices.Repeat([]formula.Use{formula.Usable}, n)
		for i := range n {
			numbers[i], uses[i] = float64(random.IntN(4)), formula.Use(random.IntN(3))
		}
		truth := c.Judge(numbers, texts, uses)
		if truth == formula.Unknown {
			continue
		}
		decided++
		for range 50 {
			for i := range n {
				if uses[i] != formula.Usable {
					numbers[i] = float64(random.IntN(5)) - 0.5
				}
			}
			if got := c.Judge(numbers, texts, all); got != truth {
				t.Fatalf("%s with %v of %v: %v, but %v with %v", source, uses, c.Inputs, truth, got, numbers)
			}
		}
	}
	if decided < 50 {
		t.Errorf("only %d of 400 were decided", decided)
	}
}
