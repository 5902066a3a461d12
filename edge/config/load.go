package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
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
	Streams  []Stream `yaml:"streams,named"`
	Uplinks  []Uplink `yaml:"uplinks,named"`

	_ struct{} `later:"outputs alarms home_assistant health"`
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
			Storage: Storage{Path: "/var/lib/skerry", CommitWindow: 2 * time.Second},
			Broker:  Broker{Limits: Limits{Connections: 200, Packet: 256 << 10, Inflight: 64}},
			Defaults: Defaults{
				Every: 30 * time.Second, Topic: "{site}/{gateway}/{sensor}/{value}", Payload: JSON, QoS: 1, Retain: true,
				StaleAfter: StaleAfter{Times: 5},
			},
		}
		d.value(root, "", reflect.ValueOf(&c).Elem(), field{})
		if cfg := d.resolveAll(&c, kinds); len(d.errs) == 0 {
			return cfg, nil
		}
	}
	return nil, d.result()
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
	cfg.Buses = d.buses(c.Buses)
	cfg.Defaults = c.Defaults
	cfg.Sensors = d.sensors(c, cfg, kinds)
	cfg.Streams = d.streams(c.Streams, station(cfg.Gateway))
	cfg.Uplinks = d.uplinks(c.Uplinks, cfg)
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
	if at := "gateway.location"; g.Location != nil && d.sound(at) && !(d.given(at+".lat") && d.given(at+".lon")) {
		d.fail(at, "wants lat and lon", "{lat: 45.832, lon: 6.865, alt: 2310m}")
	}
	return g
}

func (d *decoder) storage(s Storage) Storage {
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
		if other, taken := devices[b.Device]; taken && d.sound(at) {
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
	switch {
	case b.I2C != "" && b.Serial != "":
		d.fail(at, "is both i2c and serial", "one bus, one device")
		return
	case b.I2C != "":
		b.Kind, b.Device = drivers.I2CBus, b.I2C
	case b.Serial != "":
		b.Kind, b.Device = drivers.SerialBus, b.Serial
	default:
		d.fail(at, "names no device", "{i2c: /dev/i2c-1} or {serial: /dev/serial0, baud: 9600}")
		return
	}
	if !filepath.IsAbs(b.Device) {
		d.fail(below(at, b.Kind.String()), fmt.Sprintf("%q is not the path of a device", b.Device), deviceHint(*b))
	}
	if b.Kind == drivers.SerialBus {
		return
	}
	for _, key := range []string{"baud", "parity", "data_bits", "stop_bits"} {
		if d.given(below(at, key)) {
			d.fail(below(at, key), "is for serial ports only", "leave it out on an I2C bus")
		}
	}
}
