package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
)

// contents is the file as it is written, before names and defaults are resolved.
type contents struct {
	Gateway  Gateway  `yaml:"gateway"`
	Storage  Storage  `yaml:"storage"`
	Broker   Broker   `yaml:"broker"`
	Buses    []Bus    `yaml:"buses,named"`
	Defaults Defaults `yaml:"defaults"`
	Sensors  section  `yaml:"sensors"`
	Outputs  section  `yaml:"outputs"`
	Alarms   []Alarm  `yaml:"alarms,named"`
	Streams  []Stream `yaml:"streams,named"`
	Uplinks  []Uplink `yaml:"uplinks,named"`
	Health   *Health  `yaml:"health"`

	HomeAssistant *HomeAssistant `yaml:"home_assistant"`
}

// Load reads the file at path; kinds are the drivers that it may name. What is wrong with the content is an Errors; any
// other error means that the file could not be read.
func Load(path string, kinds []drivers.Kind) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return load(path, data, kinds)
}

func load(path string, data []byte, kinds []drivers.Kind) (*Config, error) {
	d := newDecoder(path, filepath.Dir(path))
	if root := d.parse(data); root != nil {
		d.note("", root)
		c := contents{
			Storage: Storage{
				Path: "/var/lib/skerry", CommitWindow: 2 * time.Second, Block: 4 << 10, Limit: 2 << 30, KeepFree: 256 << 20, WhenFull: DropOldest,
			},
			Broker: Broker{Limits: defaultLimits()},
			Defaults: Defaults{
				Every: 30 * time.Second, Topic: "{site}/{gateway}/{sensor}/{value}", Payload: JSON, QoS: 1, Retain: true,
				StaleAfter: StaleAfter{Times: 5}, Align: ToClock, Get: "{site}/{gateway}/{sensor}/get",
			},
		}
		d.value(root, "", reflect.ValueOf(&c).Elem(), field{})
		if cfg := d.resolveAll(&c, kinds); len(d.errs) == 0 {
			return cfg, nil
		}
	}
	return nil, d.result()
}

func defaultLimits() Limits {
	return Limits{
		Connections: 200, Packet: 256 << 10, Inflight: 64, Sessions: 10_000, SessionExpiry: 7 * 24 * time.Hour, Subscriptions: 1000,
		Topic: TopicLimits{Levels: 200, Length: 65_535}, Retained: Retained{Messages: 100_000, Bytes: 64 << 20}, Queue: Queue{WhenFull: DropOldest},
	}
}

// resolveAll turns the file into a Config: sections in the order in which they need each other.
func (d *decoder) resolveAll(c *contents, kinds []drivers.Kind) *Config {
	if d.exhausted {
		return nil
	}
	cfg := &Config{Path: d.file, Dir: d.dir, places: d.places}
	cfg.Gateway = d.gateway(c.Gateway)
	cfg.Storage = d.storage(c.Storage)
	cfg.Broker = d.broker(c.Broker)
	d.filters(cfg.Broker.Filters, station(cfg.Gateway))
	cfg.Buses = d.buses(c.Buses)
	cfg.Defaults = c.Defaults
	cfg.Sensors = d.sensors(c, cfg, kinds)
	cfg.Alarms = d.alarms(c.Alarms, cfg.Gateway)
	d.formulas(cfg)
	cfg.Streams = d.streams(c.Streams, station(cfg.Gateway))
	cfg.Uplinks = d.uplinks(c.Uplinks, cfg)
	cfg.HomeAssistant = d.homeAssistant(c.HomeAssistant, cfg)
	cfg.Outputs = d.outputs(c, cfg, kinds)
	d.answered(cfg)
	if len(d.errs) == 0 { // or its errors would be those of a configuration that nobody has meant
		cfg.Scenario = d.scenarioOf(cfg)
	}
	return cfg
}

// station returns what the placeholders of every template stand for.
func station(g Gateway) vars { return vars{"site": g.Site, "gateway": g.ID} }

func (d *decoder) gateway(g Gateway) Gateway {
	if d.given("gateway.id") {
		d.checkID("gateway.id", g.ID)
	} else {
		g.ID = defaultID()
	}
	if d.given("gateway.site") {
		d.checkID("gateway.site", g.Site)
	} else {
		g.Site = "site"
	}
	if g.Board == "" {
		g.Board = "auto"
	}
	g.Scenario = d.resolve(g.Scenario)
	d.clock(&g.Clock)
	if at := "gateway.watchdog"; d.given(at) && d.sound(at) && !strings.HasPrefix(g.Watchdog, "/dev/") {
		d.fail(at, fmt.Sprintf("%q is no device", g.Watchdog), "/dev/watchdog0; `ls /dev/watchdog*` shows what there is")
	}
	if at := "gateway.location"; g.Location != nil && d.sound(at) && !(d.given(at+".lat") && d.given(at+".lon")) {
		d.fail(at, "wants lat and lon", "{lat: 45.832, lon: 6.865, alt: 2310m}")
	}
	return g
}

// clock resolves who knows the date.
func (d *decoder) clock(c *Clock) {
	const key = "gateway.clock.sources"
	all := []string{"gps", "rtc", "ntp"}
	if c.UntilSet == "" {
		c.UntilSet = Hold
	}
	if !d.given(key) {
		c.Sources = all
		return
	}
	for i, s := range c.Sources {
		switch {
		case !slices.Contains(all, s):
			d.fail(key, fmt.Sprintf("%q knows no date", s), "gps, rtc, ntp")
		case slices.Contains(c.Sources[:i], s):
			d.fail(key, s+" stands there twice", "once each, in order of preference")
		}
	}
}

func (d *decoder) storage(s Storage) Storage {
	s.KeepFreeGiven = d.given("storage.keep_free")
	const key = "storage.path"
	if !d.given(key) || !d.sound(key) {
		return s
	}
	if s.Path == "" {
		d.fail(key, "is empty", "a folder: /var/lib/skerry")
		return s
	}
	if s.Path[0] == '~' {
		d.fail(key, "~ is not expanded", "write the whole path")
	}
	s.Path = d.resolve(s.Path)
	if info, err := os.Stat(s.Path); err == nil && !info.IsDir() {
		d.fail(key, "is a file, not a folder", "the log has many files: name a folder")
	}
	return s
}

// buses resolves the ports of the machine.
func (d *decoder) buses(list []Bus) map[string]Bus {
	all := make(map[string]Bus, len(list))
	devices := map[string]string{}
	for _, b := range list {
		at := below("buses", b.Name)
		if !d.sound(at) {
			all[b.Name] = b // its name is known, so that sensors may refer to it
			continue
		}
		d.bus(at, &b)
		if other, taken := devices[b.Device]; taken && b.Device != "" && d.sound(at) {
			d.fail(at, "is the same device as "+other, "two sensors may name one bus")
		}
		devices[b.Device] = at
		all[b.Name] = b
	}
	return all
}

// deviceHint takes what people write for a device: its name, or the number of a bus.
func deviceHint(b Bus) string {
	name := filepath.Base(b.Device)
	if strings.Trim(name, "0123456789") == "" && b.Kind == drivers.I2CBus {
		name = "i2c-" + name
	}
	return "did you mean /dev/" + name + "?"
}

func (d *decoder) bus(at string, b *Bus) {
	var given []string
	devices := map[drivers.BusKind]string{drivers.I2CBus: b.I2C, drivers.SerialBus: b.Serial, drivers.SPIBus: b.SPI, drivers.OneWireBus: b.OneWire}
	for _, kind := range slices.Sorted(maps.Keys(devices)) {
		if devices[kind] != "" {
			b.Kind, b.Device = kind, devices[kind]
			given = append(given, kind.String())
		}
	}
	switch {
	case len(given) == 0:
		d.fail(at, "names no device", "{i2c: /dev/i2c-1}, {serial: /dev/serial0, baud: 9600}, {spi: /dev/spidev0.0} or {onewire: kernel}")
		return
	case len(given) > 1:
		d.fail(at, "is both "+strings.Join(given, " and "), "one bus, one device")
		return
	case b.Kind == drivers.OneWireBus:
		b.Device = "onewire"
	case !filepath.IsAbs(b.Device):
		d.fail(below(at, b.Kind.String()), fmt.Sprintf("%q is not the path of a device", b.Device), deviceHint(*b))
	}
	d.only(at, b, drivers.SerialBus, "serial ports", "baud", "parity", "data_bits", "stop_bits", "rs485")
	d.only(at, b, drivers.SPIBus, "SPI ports", "max_speed")
	d.rs485(below(at, "rs485"), b.RS485)
}

// only refuses the keys of one kind of bus on another one.
func (d *decoder) only(at string, b *Bus, kind drivers.BusKind, what string, keys ...string) {
	if b.Kind == kind {
		return
	}
	for _, key := range keys {
		if d.given(below(at, key)) {
			d.fail(below(at, key), "is for "+what+" only", "leave it out")
		}
	}
}

// rs485 refuses what the adapter would not hear of.
func (d *decoder) rs485(at string, r *RS485) {
	if r == nil {
		return
	}
	r.Direction = cmp.Or(r.Direction, "auto")
	for _, key := range []string{"rts_before", "rts_after", "rts"} {
		if r.Direction == "adapter" && d.given(below(at, key)) {
			d.fail(below(at, key), "is for a direction that the kernel switches", "direction: kernel, or leave it out")
		}
	}
	for _, key := range []string{"rts_before", "rts_after"} {
		if t := map[string]time.Duration{"rts_before": r.Before, "rts_after": r.After}[key]; t%time.Millisecond != 0 {
			d.fail(below(at, key), fmt.Sprintf("%v is not a whole number of milliseconds", t), "the kernel knows no less: 1ms")
		}
	}
}
