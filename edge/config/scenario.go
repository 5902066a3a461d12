package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scenario is what a simulated board plays: what is true at its sensors over time, who else is there, and what goes wrong. The zero
// Scenario is a mild day at the time of the machine.
type Scenario struct {
	Path string `yaml:"-"` // empty: none was read
	Dir  string `yaml:"-"` // the folder that relative paths in it start from

	// Speed is how many times faster than the machine's the time of the scenario goes. All times in it are by that clock.
	Speed float64    `yaml:"speed" in:"0.01..100000"`
	Start *TimeOfDay `yaml:"start"` // when the board is opened; nil: the machine's time of day
	Seed  uint64     `yaml:"seed"`  // of all noise

	Sensors  map[string]map[string]Signal `yaml:"sensors"` // by the names of sensors and values in the configuration
	Devices  []SimDevice                  `yaml:"devices,named"`
	Upstream *Upstream                    `yaml:"upstream"` // nil: uplinks reach their own servers
	Faults   []Fault                      `yaml:"faults,named"`

	places map[string]place // for Wrong
}

// SimDevice is an MQTT client that publishes to the local broker.
type SimDevice struct {
	Name     string            `yaml:"-"`
	ClientID string            `yaml:"client_id"` // default: the name
	Topic    string            `yaml:"topic"`     // default: device/NAME
	Every    time.Duration     `yaml:"every" in:"100ms..31d"`
	QoS      byte              `yaml:"qos" in:"0..2"`
	Retain   bool              `yaml:"retain"`
	Listener string            `yaml:"listener"` // default: the first one that lets anybody in
	Values   map[string]Signal `yaml:"values"`   // the members of its JSON object
}

// Upstream is the server that stands in for those of the uplinks.
type Upstream struct {
	TCP string `yaml:"tcp"` // host:port, on this machine; empty: nobody else can look at it
}

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of faults, by the key that names what they befall.
const (
	Unplug    FaultKind = "unplug"     // a sensor is not there
	Hang      FaultKind = "hang"       // what a sensor is on does not answer: transfers do not return
	WrongChip FaultKind = "wrong_chip" // another device is in the sensor's place
	Silence   FaultKind = "silence"    // a device on a serial port says nothing
	Late      FaultKind = "late"       // a device that is asked answers late
	NoFix     FaultKind = "no_fix"     // a satellite receiver does not see the sky
	NoDate    FaultKind = "no_date"    // nobody knows the date, as when a board starts in 1970
	NoLink    FaultKind = "no_link"    // an uplink's server is not reached
)

// Fault is something that goes wrong for a while.
type Fault struct {
	Name  string        `yaml:"-"`
	Kind  FaultKind     `yaml:"-"`
	Of    string        `yaml:"-"`                 // the sensor or uplink; empty for NoDate
	At    Moment        `yaml:"at"`                // default: the start
	For   time.Duration `yaml:"for"`               // 0: to the end
	Delay time.Duration `yaml:"by" in:"1ms..1min"` // of Late, by the machine's clock

	UnplugOf    string `yaml:"unplug"`
	HangOf      string `yaml:"hang"`
	WrongChipOf string `yaml:"wrong_chip"`
	SilenceOf   string `yaml:"silence"`
	LateOf      string `yaml:"late"`
	NoFixOf     string `yaml:"no_fix"`
	NoDateIs    bool   `yaml:"no_date"`
	NoLinkOf    string `yaml:"no_link"`
}

// Holds tells whether the fault is there: since is the time since the start, ofDay that since midnight.
func (f *Fault) Holds(since, ofDay time.Duration) bool {
	at := since - f.At.Time
	if f.At.Daily {
		const day = 24 * time.Hour
		at = ((ofDay-f.At.Time)%day + day) % day
	}
	return at >= 0 && (f.For == 0 && !f.At.Daily || at < f.For)
}

// LoadScenario reads the scenario at path for a configuration. What is wrong with the content is an Errors.
func LoadScenario(path string, cfg *Config) (*Scenario, error) {
	data, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // what else is said of it is of a configuration
		return nil, fmt.Errorf("scenario %s: no such file or directory (hint: it has a page, docs/simulate.md, and may be empty)", path)
	case err != nil:
		return nil, fmt.Errorf("scenario: %w", err)
	}
	d := newDecoder(path, filepath.Dir(path))
	s := NewScenario()
	s.Path, s.Dir, s.places = path, d.dir, d.places
	if blank(data) {
		s.standInFor(cfg)
		return s, nil
	}
	if root := d.parse(data); root != nil {
		d.note("", root)
		d.value(root, "", reflect.ValueOf(s).Elem(), field{})
		d.scenario(s, cfg)
	}
	if len(d.errs) > 0 {
		return nil, d.result()
	}
	return s, nil
}

// NewScenario is the empty one.
func NewScenario() *Scenario { return &Scenario{Speed: 1, Seed: 1} }

// StandIn has a simulated server stand in for those of the uplinks, where the scenario says nothing of it: what is invented is not to
// reach who takes it for true.
func (s *Scenario) StandIn() {
	if s.Upstream == nil {
		s.Upstream = &Upstream{}
	}
}

// blank reports whether a file has nothing but comments.
func blank(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// Wrong returns an Error at the place of a key path, for what only the player of the scenario can find wrong.
func (s *Scenario) Wrong(key, problem, hint string) *Error {
	at := nearestPlace(s.places, key)
	return &Error{File: s.Path, Line: at.line, Column: at.column, Key: key, Problem: problem, Hint: hint}
}

// standInFor keeps what is invented for a real station among simulated devices.
func (s *Scenario) standInFor(cfg *Config) {
	if cfg.Gateway.Board != "sim" {
		s.StandIn()
	}
}

// scenario checks a scenario against the configuration that it is played for.
func (d *decoder) scenario(s *Scenario, cfg *Config) {
	s.standInFor(cfg)
	var sensors []string
	for _, c := range cfg.Sensors {
		sensors = append(sensors, c.Name)
	}
	for name, values := range s.Sensors {
		at := below("sensors", name)
		i := slices.Index(sensors, name)
		if i < 0 {
			d.fail(at, fmt.Sprintf("%s has no such sensor", filepath.Base(cfg.Path)), suggest(name, sensors))
			continue
		}
		for value, signal := range values {
			d.played(below(at, value), value, &signal, cfg.Sensors[i])
		}
	}
	for i := range s.Devices {
		d.device(&s.Devices[i], cfg)
	}
	for i := range s.Faults {
		d.fault(&s.Faults[i], sensors, cfg)
		if f := s.Faults[i]; f.Kind == NoLink && s.Upstream == nil {
			d.fail(below(below("faults", f.Name), string(NoLink)), "the uplink reaches its own server", "upstream: {} puts a simulated one in its place")
		}
	}
	if s.Upstream != nil && s.Upstream.TCP != "" {
		d.upstream(s.Upstream.TCP)
	}
}

// upstream checks where the server listens that stands in for others.
func (d *decoder) upstream(tcp string) {
	const key, usual = "upstream.tcp", "1884"
	_, port, err := net.SplitHostPort(tcp)
	if err != nil {
		d.fail(key, fmt.Sprintf("%q is not an address with a port", tcp), `"127.0.0.1:`+usual+`"`)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		d.fail(key, fmt.Sprintf("%q is not a port", port), usual)
		return
	}
	if !loopback(tcp) {
		d.fail(key, fmt.Sprintf("%q can be reached from other machines, and lets anybody in", tcp), "127.0.0.1:"+usual)
	}
}

// played checks the signal of one value: the sensor has it, and it is of its kind.
func (d *decoder) played(at, name string, signal *Signal, s Sensor) {
	doc, known := s.Kind.Document(s.Setup, name)
	for _, v := range s.Values {
		if v.Name == name && v.Derive.Formula != nil {
			d.fail(at, "is derived from other values", "give those that it is derived from")
			return
		}
	}
	_, configured := s.Setup.Values[name]
	_, always := s.Kind.Value(name)
	var names []string
	for _, v := range s.Values {
		names = append(names, v.Name)
	}
	switch {
	case !known || !configured && !always && !slices.Contains(names, name):
		d.fail(at, "the sensor has no such value", suggest(name, names))
	case doc.Text && !signal.IsText():
		d.fail(at, "is a text, not a number", `KEY: "a text"`)
	case !doc.Text && signal.IsText():
		d.fail(at, fmt.Sprintf("%q is not a number", signal.Text), "21.5, or a signal: {day: 8..21, peak: 15:00}")
	}
}

func (d *decoder) device(s *SimDevice, cfg *Config) {
	at := below("devices", s.Name)
	if s.ClientID == "" {
		s.ClientID = s.Name
	}
	if s.Topic == "" {
		s.Topic = "device/" + s.Name
	}
	if s.Every == 0 {
		s.Every = 30 * time.Second
	}
	d.checkTopicName(d.nearest(at, below(at, "topic")), s.Topic)
	if len(s.Values) == 0 && d.sound(at) {
		d.fail(at, "says nothing", "values: {temperature: {day: 8..21}}")
	}
	var open []string
	for _, l := range cfg.Broker.Listeners {
		if l.Anonymous && l.TLS == nil && l.Kind() == "tcp" && l.MovedTo == "" && l.UseOther == "" {
			open = append(open, l.Name)
		}
	}
	key := below(at, "listener")
	switch {
	case len(open) == 0:
		d.fail(at, "no listener lets it in", "broker: {listeners: {local: {tcp: \"127.0.0.1:1883\", anonymous: true}}}")
	case s.Listener == "":
		s.Listener = open[0]
	case !slices.Contains(open, s.Listener):
		d.fail(key, fmt.Sprintf("no listener %q for anybody, by TCP without TLS", s.Listener), suggest(s.Listener, open))
	}
}

// fault finds out what kind it is.
func (d *decoder) fault(f *Fault, sensors []string, cfg *Config) {
	at := below("faults", f.Name)
	if !d.sound(at) {
		return
	}
	var given []string
	for kind, of := range map[FaultKind]string{Unplug: f.UnplugOf, Hang: f.HangOf, WrongChip: f.WrongChipOf, Silence: f.SilenceOf, Late: f.LateOf, NoFix: f.NoFixOf, NoLink: f.NoLinkOf} {
		if of != "" {
			f.Kind, f.Of = kind, of
			given = append(given, string(kind))
		}
	}
	if f.NoDateIs {
		f.Kind = NoDate
		given = append(given, string(NoDate))
	}
	slices.Sort(given)
	names := sensors
	if f.Kind == NoLink {
		names = nil
		for _, u := range cfg.Uplinks {
			names = append(names, u.Name)
		}
	}
	key := below(at, string(f.Kind))
	switch {
	case len(given) == 0:
		d.fail(at, "does not say what goes wrong", "unplug, hang, wrong_chip, silence, late, no_fix: SENSOR; no_link: UPLINK; no_date: true")
	case len(given) > 1:
		d.fail(at, "is both "+strings.Join(given, " and "), "one fault, one thing")
	case f.Kind != NoDate && !slices.Contains(names, f.Of):
		d.fail(key, fmt.Sprintf("%s has no %q", filepath.Base(cfg.Path), f.Of), suggest(f.Of, names))
	}
	const day = 24 * time.Hour
	switch {
	case f.At.Daily && f.For == 0:
		d.fail(at, "begins every day and never ends", "for: 30min")
	case f.At.Daily && f.For >= day:
		d.fail(at, "begins again before it ends", "for: 23h at most, or a duration as at: it happens once then")
	}
	if f.Kind != Late && d.given(below(at, "by")) {
		d.fail(below(at, "by"), "is for replies that are late", "leave it out")
	}
	if f.Kind == Late && f.Delay == 0 {
		f.Delay = 2 * time.Second
	}
}

// scenarioOf reads the scenario that the configuration names.
func (d *decoder) scenarioOf(cfg *Config) *Scenario {
	const key = "gateway.scenario"
	if !d.given(key) || !d.sound(key) {
		return nil
	}
	if problem := unusable(cfg.Gateway.Scenario); problem != "" {
		d.fail(key, fmt.Sprintf("%q %s", cfg.Gateway.Scenario, problem), "the path starts in the folder of this file")
		return nil
	}
	s, err := LoadScenario(cfg.Gateway.Scenario, cfg)
	if wrong, ok := err.(Errors); ok {
		d.errs = append(d.errs, wrong...)
	} else if err != nil {
		d.fail(key, err.Error(), "it must be a file that the user of this program can read")
	}
	return s
}

// csvOf reads a file of recorded series, which is bounded.
func csvOf(path string) ([]byte, error) {
	const most = 16 << 20
	if problem := unusable(path); problem != "" {
		return nil, fmt.Errorf("%q %s", path, problem)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%q is larger than %v", path, Size(most))
	}
	return os.ReadFile(path)
}
