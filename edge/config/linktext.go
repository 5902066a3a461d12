package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"skerry/edge/uplink/budget"
)

func (k KeepAlive) span() DurationRange     { return DurationRange(k) }
func (r DurationRange) span() DurationRange { return r }

// UnmarshalText reads 5min, or 1min..25min.
func (k *KeepAlive) UnmarshalText(b []byte) error {
	if !strings.Contains(string(b), "..") {
		d, err := parseDuration(string(b))
		*k = KeepAlive{d, d}
		return err
	}
	return (*DurationRange)(k).UnmarshalText(b)
}

// String is the interval as it is written.
func (k KeepAlive) String() string {
	if !k.Learned() {
		return FormatDuration(k.Min)
	}
	return FormatDuration(k.Min) + ".." + FormatDuration(k.Max)
}

// UnmarshalText reads auto, always or on-demand.
func (s *Session) UnmarshalText(b []byte) error {
	words := []string{string(Auto), string(Always), string(OnDemand)}
	if !slices.Contains(words, string(b)) {
		return &hinted{unknownWord(string(b)), suggest(string(b), words)}
	}
	*s = Session(b)
	return nil
}

const (
	modemHint   = "auto, none, the path of a serial port, or {port: /dev/ttyUSB2, baud: 115200}"
	defaultBaud = 115200
	certusBaud  = 19200 // of the serial ports of Iridium terminals
)

// modemPort is a modem with more to say than where it is.
type modemPort struct {
	Port    string     `yaml:"port"`
	Baud    int        `yaml:"baud" in:"300..4000000"`
	Context int        `yaml:"context" in:"1..16"`
	Power   ModemPower `yaml:"power"`
}

// deviceDirectories are what is left of a path of a device that was not written to its end.
var deviceDirectories = []string{"/dev", "/dev/serial", "/dev/serial/by-id", "/dev/serial/by-path", "/dev/pts"}

// decodeNode reads auto, none, a path, or {port: PATH, baud: 9600, power: {pin: GPIO22}}.
func (m *Modem) decodeNode(d *decoder, n *yaml.Node, path string) {
	var p modemPort
	switch {
	case n.Kind == yaml.MappingNode:
		d.mapping(n, path, reflect.ValueOf(&p).Elem())
		if p.Port == "" && d.sound(path) {
			d.wrong(n, path, "names no port", modemHint)
		}
	case n.Kind != yaml.ScalarNode || empty(n):
		d.wrong(n, path, "wants a modem, not "+kindOf(n), modemHint)
		return
	case n.Value == "auto":
		*m = Modem{Auto: true}
		return
	case n.Value == "none":
		return
	default:
		p.Port = n.Value
	}
	if p.Port == "auto" && d.sound(path) {
		if p.Baud != 0 {
			d.wrong(n, path, "ModemManager knows the speed of its modems", "leave baud out")
		}
		if p.Context != 0 {
			d.wrong(n, path, "ModemManager knows the data context of its modems", "leave context out")
		}
		*m = Modem{Auto: true, Power: p.Power}
		return
	}
	if d.sound(path) && (!strings.HasPrefix(p.Port, "/") || strings.ContainsFunc(p.Port, unicode.IsControl)) {
		d.wrong(n, path, fmt.Sprintf("%q is not the path of a serial port", p.Port), modemHint)
		return
	}
	if d.sound(path) && (strings.HasSuffix(p.Port, "/") || slices.Contains(deviceDirectories, p.Port)) {
		d.wrong(n, path, fmt.Sprintf("%q is a directory", p.Port), "the path of a serial port: ls -l /dev/serial/by-id")
		return
	}
	*m = Modem{Port: p.Port, Baud: p.Baud, Context: p.Context, Power: p.Power}
}

// UnmarshalText reads 0.10 EUR/MB.
func (p *Price) UnmarshalText(b []byte) error {
	wrong := &hinted{fmt.Sprintf("%q is not a price", b), "an amount, a currency and a size: 0.10 EUR/MB, 0.16 USD/50B"}
	number, rest, _ := strings.Cut(string(b), " ")
	currency, size, ok := strings.Cut(strings.TrimSpace(rest), "/")
	amount, err := parseNumber(number)
	letters := strings.TrimFunc(currency, func(r rune) bool { return r >= 'A' && r <= 'Z' })
	if !ok || err != nil || amount < 0 || len(currency) != 3 || letters != "" {
		return wrong
	}
	if _, alone := sizeUnits[size]; alone {
		size = "1" + size
	}
	var per Size
	if per.UnmarshalText([]byte(size)) != nil || per < 1 {
		return wrong
	}
	*p = Price{budget.Price{Amount: amount, Currency: currency, Per: int64(per)}}
	return nil
}

// UnmarshalText reads 10%.
func (p *Percent) UnmarshalText(b []byte) error {
	number, ok := strings.CutSuffix(string(b), "%")
	n, err := parseNumber(number)
	if err != nil || !ok || n < 0 || n > 100 {
		return &hinted{fmt.Sprintf("%q is not a part of a whole", b), "percent: 10%"}
	}
	*p = Percent(n)
	return nil
}

// String is the part as it is written.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

const allowanceHint = "a size for a day or a month: 200kB/day, 50MB/month; or both: [2MB/day, 50MB/month]"

// decodeNode reads 50MB/month, or a list of such.
func (a *Allowances) decodeNode(d *decoder, n *yaml.Node, path string) {
	d.items(n, path, "allows nothing", allowanceHint, func(item *yaml.Node) error {
		one, err := parseAllowance(item)
		switch {
		case err != nil:
			return err
		case a.In(one.Period) > 0:
			return &hinted{fmt.Sprintf("a second budget for a %s", one.Period), "remove one"}
		}
		*a = append(*a, one)
		return nil
	})
}

func parseAllowance(n *yaml.Node) (one budget.Allowance, err error) {
	if n.Kind != yaml.ScalarNode || empty(n) {
		return one, &hinted{"wants bytes for a time, not " + kindOf(n), allowanceHint}
	}
	size, per, _ := strings.Cut(n.Value, "/")
	var bytes Size
	period, known := map[string]budget.Period{"day": budget.Day, "month": budget.Month}[per]
	if bytes.UnmarshalText([]byte(size)) != nil || bytes < 1 || !known {
		return one, &hinted{fmt.Sprintf("%q is not a number of bytes for a day or a month", n.Value), allowanceHint}
	}
	return budget.Allowance{Bytes: int64(bytes), Period: period}, nil
}
