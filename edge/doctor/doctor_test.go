package doctor_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/doctor"
)

var update = flag.Bool("update", false, "write the golden files")

// machine is a system of files, with some room on its disk.
type machine struct {
	*sim.Files
	free, size uint64
}

func (m *machine) Space(context.Context, string) (free, size uint64, err error) {
	return m.free, m.size, nil
}

func newMachine(files map[string]string) *machine {
	m := &machine{Files: &sim.Files{}, free: 20e9, size: 30e9}
	for name, text := range files {
		m.Set(name, sim.Text(text))
	}
	return m
}

const station = `
storage: {path: /var/lib/skerry, keep_free: 1GiB}
broker:
  listeners:
    local: {tcp: "127.0.0.1:1883", anonymous: true}
    lan: {tcp: ":1884", anonymous: true}
buses:
  i2c1: {i2c: /dev/i2c-1}
  header: {serial: /dev/serial0}
  meter: {serial: /dev/serial/by-id/usb-meter}
  w1: {onewire: kernel}
sensors:
  air: {driver: bme280, bus: i2c1}
  gps: {driver: nmea, bus: header}
  scale: {driver: nmea, bus: meter}
  soil: {driver: ds18b20, bus: w1}
  rain: {driver: pulse, pin: GPIO17, values: {total: {per_pulse: 1, unit: mm}}}
  attic: {driver: iio, device: bme680}
`

func configure(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "station.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// resolve follows the link that Raspberry Pi OS makes.
func resolve(path string) string {
	if path == "/dev/serial0" {
		return "/dev/ttyAMA0"
	}
	return path
}

var (
	noon  = time.Date(2026, time.May, 2, 12, 0, 0, 0, time.UTC)
	epoch = time.Date(1970, time.January, 1, 0, 5, 0, 0, time.UTC)
)

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\nskerry:x:990:985::/nonexistent:/usr/sbin/nologin\n"
	mounts = "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p1 /boot/firmware vfat rw 0 0\n"
)

// well is a machine on which nothing is wrong.
func well() map[string]string {
	return map[string]string{
		"proc/device-tree/model":                              "Raspberry Pi 4 Model B Rev 1.4\x00",
		"sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
		"dev/i2c-1": "", "dev/serial0": "", "dev/serial/by-id/usb-meter": "", "dev/gpiochip0": "",
		"sys/bus/w1/devices/w1_bus_master1/name": "w1_bus_master1\n",
		"sys/bus/iio/devices/iio:device0/name":   "bme680\n",
		"etc/passwd":                             passwd,
		"etc/group":                              "i2c:x:994:pi,skerry\ndialout:x:20:skerry\ngpio:x:985:\n",
		"sys/class/tty/console/active":           "tty1\n",
		"boot/firmware/cmdline.txt":              "console=tty1 root=PARTUUID=1 rootwait\n",
		"sys/block/mmcblk0/device/name":          "SC32G\n",
		"sys/block/mmcblk0/device/date":          "03/2024\n",
		"proc/mounts":                            mounts,
		"var/lib/skerry/lock":                    "",
	}
}

func examine(t *testing.T, name string, s *doctor.Subject) *doctor.Report {
	t.Helper()
	s.Resolve = resolve
	r := doctor.Examine(t.Context(), s)
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs (go test -update writes it). Got:\n%s", file, &out)
	}
	return r
}

// TestStamps: time stamps of TCP are named where somebody pays for each byte and the machine has them, and are nothing that must be mended.
func TestStamps(t *testing.T) {
	const switched = "proc/sys/net/ipv4/tcp_timestamps"
	for _, c := range []struct {
		name, links, file string
		told              bool
	}{
		{"by modem", "{name: lte, kind: cellular}", "1\n", true},
		{"at a price", "{name: lan, price: 1 EUR/MB}", "1\n", true},
		{"off", "{name: lte, kind: cellular}", "0\n", false},
		{"nobody pays", "{name: lan}", "1\n", false},
		{"not known", "{name: lte, kind: cellular}", "", false},
	} {
		files := map[string]string{}
		if c.file != "" {
			files[switched] = c.file
		}
		cfg := configure(t, `uplinks: {cloud: {mqtt: "tls://up.example", links: [`+c.links+"]}}\n")
		told := false
		for _, f := range doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(files), Config: cfg, Resolve: resolve, Now: noon}).Findings {
			if strings.Contains(f.What, "net.ipv4.tcp_timestamps=0") {
				told = true
				if f.Fix != "" || !strings.HasPrefix(f.About, "link cloud/") {
					t.Errorf("%s: %+v", c.name, f)
				}
			}
		}
		if told != c.told {
			t.Errorf("%s: told %t", c.name, told)
		}
	}
}

func TestWell(t *testing.T) {
	cfg := configure(t, strings.Replace(station, `    lan: {tcp: ":1884", anonymous: true}`+"\n", "", 1))
	s := &doctor.Subject{Files: newMachine(well()), Config: cfg, Store: "/var/lib/skerry", User: "skerry", Now: noon,
		Synced: true, Sync: noon.Add(-3 * time.Hour), Running: true,
		Sensors: []doctor.Sensor{{Name: "air"}, {Name: "attic"}, {Name: "gps"}, {Name: "rain"}, {Name: "scale"}, {Name: "soil"}}}
	if n := examine(t, "well.txt", s).Problems(); n != 0 {
		t.Errorf("%d problems", n)
	}
}

// TestUplink: a password that others can read is a problem.
func TestUplink(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "cloud.pw")
	if err := os.WriteFile(password, []byte("swordfish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mqtt, problems := range map[string]int{"mqtt://broker.example.org:1883": 1, "tls://broker.example.org:8883": 0,
		"mqtt://127.0.0.1:1884": 0, "mqtt://[::1]:1884": 0, "mqtt://localhost:1884": 0} { // one on this machine is the near end of a tunnel

		cfg := configure(t, "uplinks: {cloud: {mqtt: \""+mqtt+"\", user: wx, password_file: "+password+"}}\n")
		r := doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(nil), Now: noon, Synced: true, Config: cfg})
		if r.Problems() != problems {
			t.Errorf("%s: %+v", mqtt, r.Findings)
		}
	}
}

// TestFaults: everything is wrong at once.
func TestFaults(t *testing.T) {
	files := well()
	for _, gone := range []string{"dev/serial/by-id/usb-meter", "dev/gpiochip0", "sys/bus/w1/devices/w1_bus_master1/name", "sys/bus/iio/devices/iio:device0/name"} {
		delete(files, gone)
	}
	files["sys/devices/platform/soc/soc:firmware/get_throttled"] = "80001\n"
	files["etc/group"] = "i2c:x:994:pi\ndialout:x:20:pi\ngpio:x:993:\n"
	files["sys/class/tty/console/active"] = "tty1 ttyAMA0\n"
	files["sys/block/mmcblk0/device/date"] = "07/2015\n"
	files["sys/block/mmcblk0/device/life_time"] = "0x02 0x0a\n"
	files["sys/block/mmcblk0boot0/device/name"] = "SC32G\n"
	files["proc/mounts"] = "/dev/root / ext4 rw,noatime 0 0\n/dev/mmcblk0p3 /var/lib ext4 rw,sync,nobarrier,data=writeback 0 0\n/dev/sda1 /var/lib/other ext4 ro 0 0\n"
	m := newMachine(files)
	m.free = 300e6
	s := &doctor.Subject{Files: m, Config: configure(t, station), Store: "/var/lib/skerry", User: "skerry", Now: epoch, Running: true,
		Sensors: []doctor.Sensor{
			{Name: "air", Failures: 12, Error: "BME280 at 0x76 on /dev/i2c-1: remote I/O error; check SDA, SCL, 3V3 and GND"},
			{Name: "gps", Stale: []string{"latitude", "longitude"}},
			{Name: "scale", Failures: 1, Error: "silence"},
		}}
	if n := examine(t, "faults.txt", s).Problems(); n < 18 {
		t.Errorf("only %d problems", n)
	}
}

// TestBare: without a configuration, and without files, nothing is made up.
func TestBare(t *testing.T) {
	r := examine(t, "bare.txt", &doctor.Subject{Files: newMachine(nil), Now: noon, Synced: true})
	if r.Problems() != 0 {
		t.Error("problems of a machine of which nothing is known")
	}
}

// TestOne looks at single faults, each with the words that name it and those that mend it.
func TestOne(t *testing.T) {
	for name, test := range map[string]struct {
		change  map[string]string // of files; "-": gone
		subject func(s *doctor.Subject)
		what    string
		fix     string
	}{
		"I2C off":               {map[string]string{"dev/i2c-1": "-"}, nil, "/dev/i2c-1 is missing", "dtparam=i2c_arm=on"},
		"UART off":              {map[string]string{"dev/serial0": "-"}, nil, "/dev/serial0 is missing", "enable_uart=1"},
		"no 1-Wire":             {map[string]string{"sys/bus/w1/devices/w1_bus_master1/name": "-"}, nil, "w1_bus_master* is missing", "dtoverlay=w1-gpio"},
		"no overlay":            {map[string]string{"sys/bus/iio/devices/iio:device0/name": "bme280\n"}, nil, "the kernel drives no bme680", "dtoverlay=i2c-sensor,bme680"},
		"not in a group":        {map[string]string{"etc/group": "i2c:x:994:pi\n"}, nil, "not in the group i2c", "usermod -aG i2c skerry"},
		"console at next start": {map[string]string{"boot/firmware/cmdline.txt": "console=serial0,115200 console=tty1\n"}, nil, "the next start", "cmdline.txt"},
		"voltage before":        {map[string]string{"sys/devices/platform/soc/soc:firmware/get_throttled": "0x50000\n"}, nil, "too low since the start", "5.1 V"},
		"card worn out":         {map[string]string{"sys/block/mmcblk0/device/life_time": "0x01 0x0b\n"}, nil, "its life is over", "copy it"},
		"reserves of the card":  {map[string]string{"sys/block/mmcblk0/device/pre_eol_info": "0x02\n"}, nil, "reserves run out", "copy it"},
		"read-only":             {map[string]string{"proc/mounts": "/dev/root / ext4 ro,noatime 0 0\n"}, nil, "is read-only", "dmesg"},
		"in memory":             {map[string]string{"proc/mounts": "overlay / overlay rw,relatime 0 0\n"}, nil, "is in memory", "storage: {path"},
		"FAT":                   {map[string]string{"proc/mounts": "/dev/sda1 / vfat rw,relatime 0 0\n"}, nil, "no journal", "ext4"},
		"written twice":         {map[string]string{"proc/mounts": "/dev/root / ext4 rw,noatime,data=journal 0 0\n"}, nil, "written twice", "data=ordered"},
		"no clock":              {nil, func(s *doctor.Subject) { s.Synced, s.Sync = false, time.Time{} }, "nobody vouches", "i2c-rtc,ds3231"},
		"clock long ago":        {nil, func(s *doctor.Subject) { s.Sync = noon.Add(-30 * 24 * time.Hour) }, "30 days ago", "timedatectl"},
		"answers late":          {nil, lateBy(300, 12, 730*time.Millisecond), "12 of 300 answers came after the 500ms that its device has, and were dropped; one took 730ms", "timeout: 1s, for the sensor power"},
		"late, nobody heard":    {nil, lateBy(300, 12, 0), "12 of 300 answers", "timeout: 1s, for the sensor power"},
		"much too late":         {nil, lateBy(300, 12, 4500*time.Millisecond), "one took 4.5s", "no timeout is long enough"},
	} {
		t.Run(name, func(t *testing.T) {
			files := well()
			for f, text := range test.change {
				if files[f] = text; text == "-" {
					delete(files, f)
				}
			}
			s := &doctor.Subject{Files: newMachine(files), Resolve: resolve, Store: "/var/lib/skerry", User: "skerry", Now: noon, Synced: true, Sync: noon,
				Config: configure(t, strings.Replace(station, `    lan: {tcp: ":1884", anonymous: true}`+"\n", "", 1))}
			if test.subject != nil {
				test.subject(s)
			}
			r := doctor.Examine(t.Context(), s)
			var found []doctor.Finding
			for _, f := range r.Findings {
				if f.Fix != "" {
					found = append(found, f)
				}
			}
			if len(found) != 1 || !strings.Contains(found[0].What, test.what) || !strings.Contains(found[0].Fix, test.fix) {
				t.Errorf("found %+v, want %q, fixed by %q", found, test.what, test.fix)
			}
		})
	}
}

// lateBy has the station run with a sensor whose device answers late.
func lateBy(asked, late uint64, slowest time.Duration) func(*doctor.Subject) {
	return func(s *doctor.Subject) {
		s.Running = true
		s.Sensors = []doctor.Sensor{{Name: "power", Late: drivers.Lateness{Asked: asked, Late: late, Slowest: slowest, Timeout: 500 * time.Millisecond}}}
	}
}

// TestSeldomLate: what is late now and then needs no mending.
func TestSeldomLate(t *testing.T) {
	for _, subject := range []func(*doctor.Subject){lateBy(10, 2, time.Second), lateBy(100000, 400, time.Second), lateBy(100, 0, 0)} {
		s := &doctor.Subject{Files: newMachine(well()), Resolve: resolve, Now: noon, Synced: true, Config: configure(t, station)}
		subject(s)
		for _, f := range doctor.Examine(t.Context(), s).Findings {
			if strings.Contains(f.What, "answers came") {
				t.Errorf("%+v", f)
			}
		}
	}
}

// TestOutputs: lines and PWM chips that outputs need, and outputs of a running station that fail.
func TestOutputs(t *testing.T) {
	cfg := configure(t, "outputs: {relay: {driver: gpio, pin: GPIO27}, fan: {driver: pwm}, lamp: {driver: pwm, chip: 1-0040}}\n")
	subject := func(files map[string]string) *doctor.Subject {
		return &doctor.Subject{Files: newMachine(files), Config: cfg, Now: noon, Synced: true, Running: true, Outputs: []doctor.Output{
			{Name: "relay", Failures: 3, Error: "line GPIO27: in use; name another pin"}, {Name: "fan"}, {Name: "lamp", Failures: 1, Error: "silence"}}}
	}
	var bad []string
	for _, f := range doctor.Examine(t.Context(), subject(nil)).Findings {
		if f.Fix != "" {
			bad = append(bad, f.About+": "+f.What+" / "+f.Fix)
		}
	}
	want := []string{"output relay: /dev/gpiochip* is missing / this machine", "output fan: the kernel has no PWM chip / write dtoverlay=pwm",
		"output lamp: the kernel has no PWM chip 1-0040 / write", "output relay: failed 3 times in a row: line GPIO27: in use / name another pin",
		"output lamp: failed 1 times in a row: silence / `skerry outputs list`"}
	if len(bad) != len(want) {
		t.Fatalf("%q", bad)
	}
	for i, w := range want {
		if !strings.HasPrefix(bad[i], w) {
			t.Errorf("%q, want %q", bad[i], w)
		}
	}
	s := subject(map[string]string{"dev/gpiochip0": "", "sys/class/pwm/pwmchip0/npwm": "2\n", "sys/bus/i2c/devices/1-0040/pwm/pwmchip0/npwm": "16\n"})
	s.Outputs = []doctor.Output{{Name: "relay"}, {Name: "fan"}, {Name: "lamp"}}
	if r := doctor.Examine(t.Context(), s); r.Problems() != 0 {
		t.Errorf("%+v", r.Findings)
	}
}

// TestKernelNames: a device on no bus is called by its node; of two of one name the configuration must say which.
func TestKernelNames(t *testing.T) {
	for _, test := range []struct {
		sensor, what string // empty: nothing is wrong
	}{
		{"{driver: iio, device: dht11, values: {temperature: {channel: temp}}}", ""},
		{"{driver: hwmon, device: lm75, values: {t: {channel: temp1}}}", "2 devices are called lm75"},
		{"{driver: hwmon, device: lm75, at: 1-0048, values: {t: {channel: temp1}}}", ""},
		{"{driver: hwmon, device: lm75, at: 1-004A, values: {t: {channel: temp1}}}", "the kernel drives no lm75"},
	} {
		files := newMachine(map[string]string{"sys/bus/iio/devices/iio:device0/name": "dht11@4\n",
			"sys/class/hwmon/hwmon0/name": "lm75\n", "sys/class/hwmon/hwmon0/uevent": "1-0048\n", "sys/class/hwmon/hwmon1/name": "lm75\n"})
		var bad []string
		for _, f := range doctor.Examine(t.Context(), &doctor.Subject{Files: files, Now: noon, Synced: true, Config: configure(t, "sensors: {x: "+test.sensor+"}\n")}).Findings {
			if f.Fix != "" {
				bad = append(bad, f.What+" / "+f.Fix)
			}
		}
		if got := strings.Join(bad, "; "); (got == "") != (test.what == "") || !strings.Contains(got, test.what) {
			t.Errorf("%s: %q, want %q", test.sensor, got, test.what)
		}
	}
}

// TestNotAsked: a station that runs and would not say how its sensors fare has not said that all is well.
func TestNotAsked(t *testing.T) {
	s := &doctor.Subject{Files: newMachine(well()), Resolve: resolve, Now: noon, Synced: true, Config: configure(t, station), Running: true}
	for _, f := range doctor.Examine(t.Context(), s).Findings {
		if f.About == "sensors" && !strings.Contains(f.What, "not known") {
			t.Errorf("%+v", f)
		}
	}
}

// TestNoEscape: what a card calls itself does not reach the terminal as it is.
func TestNoEscape(t *testing.T) {
	files := well()
	files["sys/block/mmcblk0/device/name"] = "\x1b[2Jcard"
	var out bytes.Buffer
	r := doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(files), Now: noon, Synced: true})
	if err := r.Write(&out); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
