package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
)

// load loads a text as a file in a folder with everything that it may refer to.
func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(files(t), "station.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, testKinds())
}

func mustLoad(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "{}")
	if c.Gateway.ID == "" || c.Gateway.Site != "site" || c.Gateway.Board != "auto" || c.Gateway.Location != nil {
		t.Errorf("gateway %+v", c.Gateway)
	}
	if want := (config.Storage{
		Path: "/var/lib/skerry", CommitWindow: 2 * time.Second, Block: 4 << 10, Limit: 2 << 30, KeepFree: 256 << 20, WhenFull: config.DropOldest,
	}); c.Storage != want {
		t.Errorf("storage %+v, want %+v", c.Storage, want)
	}
	if want := []config.Listener{{Name: "local", TCP: "127.0.0.1:1883", Anonymous: true}}; !reflect.DeepEqual(c.Broker.Listeners, want) {
		t.Errorf("listeners %+v, want %+v", c.Broker.Listeners, want)
	}
	if want := (config.Limits{
		Connections: 200, Packet: 256 << 10, Inflight: 64, Sessions: 10_000, SessionExpiry: 7 * 24 * time.Hour, Subscriptions: 1000,
		Topic:    config.TopicLimits{Levels: 200, Length: 65_535},
		Retained: config.Retained{Messages: 100_000, Bytes: 64 << 20}, Queue: config.Queue{WhenFull: config.DropOldest},
	}); c.Broker.Limits != want {
		t.Errorf("limits %+v, want %+v", c.Broker.Limits, want)
	}
	if want := []config.Stream{{Name: "all", Match: []string{"#"}, Class: "live", Encode: "pass"}}; !reflect.DeepEqual(c.Streams, want) {
		t.Errorf("streams %+v, want %+v", c.Streams, want)
	}
	if len(c.Sensors)+len(c.Uplinks)+len(c.Buses) != 0 {
		t.Errorf("sensors %v, uplinks %v, buses %v, want none", c.Sensors, c.Uplinks, c.Buses)
	}
}

// TestSensorDefaults follows a setting from the program through `defaults` to the sensor.
func TestSensorDefaults(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx, site: lake}
sensors:
  plain: {driver: air}
`)
	s := c.Sensors[0]
	if s.Every != 30*time.Second || s.QoS != 1 || !s.Retain || s.Payload != config.JSON || s.Stale != 150*time.Second || s.Topic != "" {
		t.Errorf("sensor %+v", s)
	}
	if len(s.Values) != 2 || s.Values[0].Topic != "lake/wx/plain/temperature" || s.Values[1].Topic != "lake/wx/plain/humidity" ||
		s.Values[0].Unit != "°C" || s.Values[0].Multiply != 1 || s.Values[0].Valid != nil {
		t.Errorf("values %+v", s.Values)
	}
	if o := s.Setup.Opts.(*airOpts); o.Mode != "slow" || o.Pull != drivers.PullUp {
		t.Errorf("options %+v, want the driver's own defaults", o)
	}

	c = mustLoad(t, `
gateway: {id: wx, site: lake}
defaults: {every: 1min, qos: 0, retain: false, payload: value, stale_after: never, topic: "a/{sensor}/{value}"}
sensors:
  one: {driver: air}
  two: {driver: air, every: 10s, qos: 2, retain: true, payload: json, stale_after: 1min, topic: "b/{sensor}"}
`)
	one, two := c.Sensors[0], c.Sensors[1]
	if one.Every != time.Minute || one.QoS != 0 || one.Retain || one.Payload != config.Bare || one.Stale != 0 || one.Values[0].Topic != "a/one/temperature" {
		t.Errorf("one %+v", one)
	}
	if two.Every != 10*time.Second || two.QoS != 2 || !two.Retain || two.Payload != config.JSON || two.Stale != time.Minute ||
		two.Topic != "b/two" || two.Values[0].Topic != "" {
		t.Errorf("two %+v", two)
	}
}

func TestSensorOptions(t *testing.T) {
	c := mustLoad(t, `
sensors:
  rain: {driver: rain, pin: GPIO17, values: {total: {per_pulse: 0.2794, unit: mm}}}
  out:
    driver: air
    address: 0x76
    mode: fast
    wait: 20ms
    taps: [1, 0x10]
    names: {a: b, 1: true}
    gain: 1.5e2
    pull: down
    nested: {deep: on}
    values:
      humidity: {multiply: 2, offset: -0.4, valid: -40..60, round: 0.01, deadband: 2%, heartbeat: 15min, unit: permille}
`)
	rain, out := c.Sensors[0], c.Sensors[1]
	if rain.Name != "rain" || rain.Setup.Opts.(*rainOpts).Pin != "GPIO17" || rain.Values[0].Unit != "mm" ||
		rain.Setup.Values["total"].(*pulseOpts).PerPulse != 0.2794 {
		t.Errorf("rain %+v", rain)
	}
	gain := 150.0
	want := &airOpts{Address: 0x76, Mode: "fast", Wait: 20 * time.Millisecond, Taps: []int{1, 16},
		Names: map[string]string{"a": "b", "1": "true"}, Gain: &gain, Pull: drivers.PullDown}
	want.Nested.Deep = true
	if !reflect.DeepEqual(out.Setup.Opts, want) {
		t.Errorf("options %+v, want %+v", out.Setup.Opts, want)
	}
	v := out.Values[0]
	if len(out.Values) != 1 || v.Multiply != 2 || v.Offset != -0.4 || *v.Valid != (config.Range{Min: -40, Max: 60}) || v.Round != 0.01 ||
		v.Deadband != (config.Deadband{Amount: 2, Percent: true}) || v.Heartbeat != 15*time.Minute || v.Unit != "permille" {
		t.Errorf("values %+v", out.Values)
	}
}

// TestBareValueAlone: one value without {value} in the topic has the topic for itself.
func TestBareValueAlone(t *testing.T) {
	c := mustLoad(t, `sensors: {rain: {driver: rain, pin: GPIO17, payload: value, topic: "a/rain"}}`)
	if s := c.Sensors[0]; s.Topic != "" || s.Values[0].Topic != "a/rain" {
		t.Errorf("topic %q, of the value %q", s.Topic, s.Values[0].Topic)
	}
}

// TestValueTopics: a value with a topic of its own leaves the group of the others.
func TestValueTopics(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx, site: lake}
sensors: {out: {driver: air, topic: "{site}/{sensor}", values: {temperature: {topic: "{gateway}/t"}, humidity: }}}
`)
	if s := c.Sensors[0]; s.Topic != "lake/out" || s.Values[0].Topic != "wx/t" || s.Values[1].Topic != "" {
		t.Errorf("topic %q, values %+v", s.Topic, s.Values)
	}
}

// The order of the keys of a calibration says nothing.
func TestCalibrationWithOutsideFirst(t *testing.T) {
	c := mustLoad(t, "sensors: {out: {driver: air, values: {temperature: {calibrate: {outside: bad, 0.4V: 0m, 2.0V: 5m}}}}}\n")
	k := c.Sensors[0].Values[0].Calibrate
	if k.RawUnit != "V" || k.TrueUnit != "m" || k.Outside != config.OutsideBad || len(k.Points) != 2 {
		t.Errorf("%+v", k)
	}
}

func TestBuses(t *testing.T) {
	c := mustLoad(t, `
buses:
  gnss: {serial: /dev/serial0, baud: 4800, parity: even, data_bits: 7, stop_bits: 2}
  second: {i2c: /dev/i2c-3, timeout: 200ms}
  first: {i2c: /dev/i2c-1}
sensors:
  out: {driver: air}
  inside: {driver: air, bus: first}
  gps: {driver: gps}
  rain: {driver: rain, pin: GPIO17}
`)
	for i, want := range []string{"second", "first", "gnss", ""} {
		if s := c.Sensors[i]; s.Bus != want || s.Setup.Bus != want {
			t.Errorf("sensor %s is on bus %q, its driver gets %q, want %q", s.Name, s.Bus, s.Setup.Bus, want)
		}
	}
	b := c.Buses["gnss"]
	if b.Kind != drivers.SerialBus || b.Device != "/dev/serial0" || b.Baud != 4800 || b.Parity != "even" || b.Data != 7 || b.Stop != 2 {
		t.Errorf("gnss %+v", b)
	}
	if b := c.Buses["second"]; b.Kind != drivers.I2CBus || b.Device != "/dev/i2c-3" || b.Timeout != 200*time.Millisecond {
		t.Errorf("second %+v", b)
	}
}

func TestUplink(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx, site: lake}
streams:
  alarms: {match: ["+/+/alarm/#"]}
  telemetry: {match: ["{site}/{gateway}/#"], class: live, encode: pass}
uplinks:
  cloud:
    mqtt: ["tls://h1", "mqtt://10.0.0.1", "tcp://[::1]:1999", "mqtts://h2:443/"]
    version: 3.1.1
    client_id: "{site}-{gateway}"
    user: ada
    password_file: cloud.pw
    tls: {ca: lan.crt, cert: lan.crt, key: lan.key}
    carry: [telemetry]
    prefix: "farm/{gateway}/"
    receive: {"cmd/{gateway}/#": "cmd/#", "all/+": "news"}
    keep_alive: 5min
    retry: 1s..1h
    on_lost_session: drop
  second: {mqtt: "tcp://h3"}
`)
	u := c.Uplinks[0]
	want := config.Servers{{TLS: true, Host: "h1", Port: 8883}, {Host: "10.0.0.1", Port: 1883}, {Host: "::1", Port: 1999}, {TLS: true, Host: "h2", Port: 443}}
	if !reflect.DeepEqual(u.Servers, want) {
		t.Errorf("servers %v, want %v", u.Servers, want)
	}
	if u.Version != config.V311 || u.ClientID != "lake-wx" || u.User != "ada" || u.Prefix != "farm/wx/" || u.KeepAlive != (config.KeepAlive{Min: 5 * time.Minute, Max: 5 * time.Minute}) ||
		u.Retry != (config.DurationRange{Min: time.Second, Max: time.Hour}) || !reflect.DeepEqual(u.Carry, []string{"telemetry"}) {
		t.Errorf("uplink %+v", u)
	}
	if want := (config.ReceiveMap{{Filter: "cmd/wx/#", Local: "cmd/#"}, {Filter: "all/+", Local: "news"}}); !reflect.DeepEqual(u.Receive, want) {
		t.Errorf("receive %v, want %v", u.Receive, want)
	}
	if second := c.Uplinks[1]; u.OnLostSession != config.GiveUp || second.OnLostSession != config.PublishAgain {
		t.Errorf("on_lost_session %q and %q", u.OnLostSession, second.OnLostSession)
	}
	if password, err := u.Password(); err != nil || string(password) != "swordfish" {
		t.Errorf("password %q, %v", password, err)
	}
	if tls, _, err := u.TLS.Config("h1"); err != nil || tls.ServerName != "h1" || tls.RootCAs == nil || len(tls.Certificates) != 1 {
		t.Errorf("tls %+v, %v", tls, err)
	}
	if c.Streams[1].Match[0] != "lake/wx/#" {
		t.Errorf("match %q", c.Streams[1].Match)
	}
	u = c.Uplinks[1]
	if u.Version != config.V5 || u.ClientID != "wx" || u.KeepAlive != (config.KeepAlive{Min: time.Minute, Max: time.Minute}) || !reflect.DeepEqual(u.Carry, []string{"alarms", "telemetry"}) {
		t.Errorf("second uplink %+v", u)
	}
	if password, err := u.Password(); password != nil || err != nil {
		t.Errorf("password %q, %v; want none", password, err)
	}
}

func TestListenerTLS(t *testing.T) {
	c := mustLoad(t, `broker: {users_file: users, listeners: {lan: {tcp: "0.0.0.0:8883", tls: {cert: lan.crt, key: lan.key}}}}`)
	if tls := c.Broker.Listeners[0].TLS; tls.Cert != filepath.Join(c.Dir, "lan.crt") || tls.Key != filepath.Join(c.Dir, "lan.key") {
		t.Errorf("tls %+v: files are not in the folder of the file", tls)
	}
	if c.Broker.UsersFile != filepath.Join(c.Dir, "users") {
		t.Errorf("users_file %q is not in the folder of the file", c.Broker.UsersFile)
	}
}

// TestListenerKinds loads listeners of each kind, with and without what may be left out.
func TestListenerKinds(t *testing.T) {
	c := mustLoad(t, `
broker:
  users_file: users
  limits: {connections: 100, packet: 64KiB, inflight: 20}
  listeners:
    plain: {tcp: "127.0.0.1:1883"}
    web: {http: ":8080", limits: {connections: 5, packet: 1KiB, inflight: 2}}
    other: {http: "127.0.0.1:8081", path: /broker, origins: ["https://dash.example.org", "http://127.0.0.1:3000", "null"], tls: {cert: lan.crt, key: lan.key}}
    sock: {unix: run/mqtt.sock}
    all: {unix: /run/all.sock, mode: 0666, anonymous: true}
    mutual: {tcp: ":8883", tls: {cert: lan.crt, key: lan.key, client_ca: other.crt}}
    san: {tcp: ":8884", tls: {cert: lan.crt, key: lan.key, client_ca: other.crt, identity: san}}
    both: {tcp: ":8885", tls: {cert: lan.crt, key: lan.key, client_ca: other.crt, identity: none}}
`)
	in := func(name string) string { return filepath.Join(c.Dir, name) }
	all := config.ListenerLimits{Connections: 100, Packet: 64 << 10, Inflight: 20}
	pair := config.ServerTLS{Cert: in("lan.crt"), Key: in("lan.key")}
	mutual := func(i config.ClientIdentity) *config.ServerTLS {
		t := pair
		t.ClientCA, t.Identity = in("other.crt"), i
		return &t
	}
	want := []config.Listener{
		{Name: "plain", TCP: "127.0.0.1:1883", Limits: all},
		{Name: "web", HTTP: ":8080", Path: "/mqtt", Limits: config.ListenerLimits{Connections: 5, Packet: 1 << 10, Inflight: 2}},
		{Name: "other", HTTP: "127.0.0.1:8081", Path: "/broker", Origins: []string{"https://dash.example.org", "http://127.0.0.1:3000", "null"}, TLS: &pair, Limits: all},
		{Name: "sock", Unix: in("run/mqtt.sock"), Mode: 0o660, Limits: all},
		{Name: "all", Unix: "/run/all.sock", Mode: 0o666, Anonymous: true, Limits: all},
		{Name: "mutual", TCP: ":8883", TLS: mutual(config.CommonName), Limits: all},
		{Name: "san", TCP: ":8884", TLS: mutual(config.SubjectAltName), Limits: all},
		{Name: "both", TCP: ":8885", TLS: mutual(config.NoIdentity), Limits: all},
	}
	for i, w := range want {
		w.UsersFile = in("users")
		if got := c.Broker.Listeners[i]; !reflect.DeepEqual(got, w) {
			t.Errorf("%s: %+v, want %+v", w.Name, got, w)
		}
	}
	for name, local := range map[string]bool{"plain": true, "web": false, "other": true, "sock": true, "all": true, "mutual": false} {
		for _, l := range c.Broker.Listeners {
			if l.Name == name && l.Local() != local {
				t.Errorf("%s: local %t", name, l.Local())
			}
		}
	}
}

// TestYAMLForms loads files that look odd and are right.
func TestYAMLForms(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark": "\ufeffgateway: {id: wx}\n",
		"CRLF":            "gateway:\r\n  id: wx\r\n",
		"no line end":     "gateway: {id: wx}",
		"document marks":  "---\ngateway: {id: wx}\n...\n",
		"JSON":            `{"gateway": {"id": "wx"}}`,
		"empty section":   "gateway: {id: wx}\nstorage:\n#  path: data\nsensors:\nuplinks:\nbuses:\n",
		"anchor":          "gateway: {id: &id wx, site: *id}\n",
		"merge":           "sensors:\n  a: &a {driver: air, every: 10s}\n  b: {<<: *a, every: 20s}\n  c: {<<: [*a]}\ngateway: {id: wx}",
		"loopbacks":       "gateway: {id: wx}\nbroker: {listeners: {a: {tcp: '127.0.0.1:0', anonymous: true}, b: {tcp: '[::1]:0', anonymous: true}}}",
	} {
		t.Run(name, func(t *testing.T) {
			c := mustLoad(t, text)
			if c.Gateway.ID != "wx" {
				t.Errorf("gateway.id %q, want wx", c.Gateway.ID)
			}
			if name == "merge" && (c.Sensors[1].Every != 20*time.Second || c.Sensors[2].Every != 10*time.Second) {
				t.Errorf("own keys win over merged ones: %v, %v", c.Sensors[1].Every, c.Sensors[2].Every)
			}
		})
	}
}

// TestNoText loads files that no text editor writes.
func TestNoText(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"UTF-16":   {"\xff\xfeg\x00", "the file is UTF-16 (save it as UTF-8)"},
		"zeros":    {"gateway:\x00\x00", "holds zero bytes"},
		"Latin 1":  {"gateway:\n  id: wx\n  site: h\xf6he\n", "station.yaml:3:10: this is not UTF-8 (save the file as UTF-8)"},
		"a bell":   {"gateway:\n  id: wx\n  site: a\ab\n", "station.yaml:3:10: the control character U+0007"},
		"too long": {strings.Repeat("# a comment\n", 100_000), "the file is larger than 1MiB"},
		"nested":   {strings.Repeat("[", 20_000), "station.yaml:1:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.text)
			if _, ok := errors.AsType[config.Errors](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	if _, err := config.Load(t.TempDir(), nil); err == nil {
		t.Error("a folder was read as a file")
	}
	if _, err := config.Load("/dev/zero", nil); err == nil {
		t.Error("a device without end was read")
	}
}

// TestManyErrors: the list is bounded, and says so.
func TestManyErrors(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "wrong%d: 1\n", i)
	}
	_, err := load(t, b.String())
	wrong, _ := errors.AsType[config.Errors](err)
	if len(wrong) != 101 || wrong[99].Line != 100 || wrong[100].Problem != "and 400 more problems" {
		t.Errorf("%d errors, the last: %v", len(wrong), wrong[len(wrong)-1])
	}
}

// TestWrongFromOutside places what only a consumer can find wrong.
func TestWrongFromOutside(t *testing.T) {
	c := mustLoad(t, `sensors:
  out:
    driver: air
    values:
      temperature: {unit: °F}
`)
	if e := c.Wrong("sensors.out.values.temperature.unit", "no", "way"); e.Line != 5 || e.Column != 27 {
		t.Errorf("got %v", e)
	}
	if e := c.Wrong("sensors.out.values.temperature.offset", "no", ""); e.Line != 5 || e.Column != 20 {
		t.Errorf("a key that is not in the file stands at the one above: %v", e)
	}
	got := c.WrongSensor("out", errors.Join(
		&drivers.OptionError{Key: "values.temperature.unit", Problem: "p", Hint: "h"}, fmt.Errorf("a: %w", errors.New("b"))))
	want := []string{":5:27: sensors.out.values.temperature.unit: p (h)", ":3:5: sensors.out: a: b"}
	if len(got) != 2 || !strings.HasSuffix(got[0].Error(), want[0]) || !strings.HasSuffix(got[1].Error(), want[1]) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTooMuch loads files that are small and mean a lot.
func TestTooMuch(t *testing.T) {
	var laughs, sensors, filters strings.Builder
	laughs.WriteString("sensors:\n s0: &a0 {driver: air}\n")
	for i := range 30 {
		fmt.Fprintf(&laughs, " s%d: &a%d {<<: [*a%d, *a%d, *a%d]}\n", i+1, i+1, i, i, i)
	}
	sensors.WriteString("sensors:\n")
	for i := range 40_000 {
		fmt.Fprintf(&sensors, " s%d: {driver: air}\n", i)
	}
	filters.WriteString("streams:\n")
	for i := range 15 {
		fmt.Fprintf(&filters, " s%d: {match: [%s]}\n", i, strings.Repeat("a/b/c/d,", 128))
	}
	filters.WriteString("uplinks:\n")
	for i := range 100 {
		fmt.Fprintf(&filters, " u%d: {mqtt: 'tcp://h', client_id: c%d, receive: {", i, i)
		for j := range 128 {
			fmt.Fprintf(&filters, "a/b/c/%d: x,", j)
		}
		filters.WriteString("}}\n")
	}
	for name, test := range map[string]struct{ text, want string }{
		"merge keys": {laughs.String(), "more than 100000 values"},
		"sensors":    {sensors.String(), "more than 100000 values"},
		"filters":    {filters.String(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.text)
			if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
				t.Errorf("got %.200s, want %q", got, test.want)
			}
		})
	}
}

// TestNamedValues: values that a device profile declares, and others that only the configuration names.
func TestNamedValues(t *testing.T) {
	c := mustLoad(t, `
buses: {rs485: {serial: /dev/ttyUSB0}}
sensors:
  whole: {driver: meter, profile: some}
  part:
    driver: meter
    profile: some
    values: {power: {register: 14, unit: kW}, temperature: {register: 3, unit: °C}, serial: {type: text}}
`)
	if s := c.Sensors[0]; len(s.Values) != 1 || s.Values[0].Unit != "W" || s.Setup.Values["power"].(*registerOpts).Register != 12 {
		t.Errorf("whole: %+v", s)
	}
	s := c.Sensors[1]
	if len(s.Values) != 3 || s.Setup.Values["power"].(*registerOpts).Register != 14 || s.Setup.Values["temperature"].(*registerOpts).Register != 3 {
		t.Fatalf("part: %+v", s)
	}
	if v := s.Values[0]; v.Unit != "kW" || v.Doc.Unit != "W" || v.Doc.Text {
		t.Errorf("power: %+v", v)
	}
	if v := s.Values[1]; v.Unit != "°C" || v.Doc.Unit != "" || v.Doc.Text {
		t.Errorf("temperature: %+v", v)
	}
	if v := s.Values[2]; !v.Doc.Text || v.Doc.Name != "serial" {
		t.Errorf("serial: %+v", v)
	}
}

// TestSensorOnTheNetwork: a driver of a serial bus whose sensor is elsewhere shares no port, and is asked beside those on the bus. Its
// options know where the file is.
func TestSensorOnTheNetwork(t *testing.T) {
	c := mustLoad(t, `
buses: {rs485: {serial: /dev/ttyUSB0}}
sensors:
  near: {driver: meter, profile: some}
  far: {driver: meter, profile: some, host: meter.lan}
`)
	near, far := c.Sensors[0], c.Sensors[1]
	if near.Kind.Bus != drivers.SerialBus || near.Setup.Bus != "rs485" {
		t.Errorf("near: bus %q of kind %v", near.Setup.Bus, near.Kind.Bus)
	}
	if far.Kind.Bus != drivers.NoBus || far.Setup.Bus != "" {
		t.Errorf("far: bus %q of kind %v", far.Setup.Bus, far.Kind.Bus)
	}
	if folder := near.Setup.Opts.(*meterOpts).folder; folder != c.Dir || folder == "" {
		t.Errorf("the options were told %q, the file is in %q", folder, c.Dir)
	}
}
