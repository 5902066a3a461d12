package scan_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/scan"
)

var update = flag.Bool("update", false, "write the golden files")

// memory is a chip that says what it is told to, and keeps what is written to it.
type memory struct {
	mu      sync.Mutex
	says    byte
	written [][]byte
}

func (m *memory) Tx(w, r []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(w) > 0 {
		m.written = append(m.written, bytes.Clone(w))
	}
	for i := range r {
		r[i] = m.says
	}
	return nil
}

// listen is much longer than it takes to hear what devices say once a second: it is waited for at silent ports only.
const listen = 6 * time.Second

func run(t *testing.T, b *sim.Board, o scan.Options) string {
	t.Helper()
	t.Parallel()
	t.Cleanup(func() { b.Close() })
	o.Kinds = all.Kinds()
	if o.Listen == 0 {
		o.Listen = listen
	}
	plan := scan.NewPlan(t.Context(), b.Files(), func(path string) string { return path })
	var out bytes.Buffer
	if err := plan.Run(t.Context(), b, o).Write(&out, "gateway: {board: sim}"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// golden compares with a file of testdata; `go test -update` writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it). Got:\n%s", name, got)
	}
}

// accepted tells whether `skerry check` would take the text.
func accepted(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scan.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return cfg
}

// steady has the scale say one weight, so that the golden file holds.
func steady(b *sim.Board) {
	b.Tty(sim.PortPrefix + "scale").Say(func(time.Time) string { return "ST,GS,  +39.42kg\r\n" })
}

func TestScan(t *testing.T) {
	b := sim.New(sim.Options{})
	steady(b)
	text := run(t, b, scan.Options{})
	golden(t, "simulated.yaml", text)
	if cfg := accepted(t, text); len(cfg.Sensors) != 17 {
		t.Errorf("%d sensors of a board with 17 that say who they are", len(cfg.Sensors))
	}
}

// TestFaults: a board on which much is wrong: chips that are others, a bus with things that must not be written to, a kernel that has a
// chip, a console, an adapter that was pulled, noise.
func TestFaults(t *testing.T) {
	b := sim.New(sim.Options{})
	bus := b.Bus("/dev/i2c-1")
	for addr := uint16(0x08); addr < 0x78; addr++ {
		bus.Unplug(addr)
	}
	untouchable := map[uint16]*memory{}
	for _, addr := range []uint16{0x20, 0x23, 0x27, 0x38, 0x39, 0x3C, 0x50, 0x57, 0x5A, 0x60, 0x68, 0x69, 0x70} {
		untouchable[addr] = &memory{says: 0xA5}
		bus.Plug(addr, untouchable[addr])
	}
	bus.Plug(0x76, &memory{says: 0x61}) // a BME680
	bus.Plug(0x48, &sim.Words{})        // an LM75: its configuration reads as 0
	files := b.Kernel()
	files.Set("sys/bus/i2c/devices/1-0077/name", sim.Text("bmp280\n"))
	files.Set("sys/bus/i2c/devices/1-0077/driver/uevent", sim.Text(""))
	files.Set("dev/ttyS0", sim.Text(""))
	files.Set("dev/ttyS1", sim.Text(""))
	files.Set("sys/class/tty/ttyS1/type", sim.Text("0\n"))
	files.Set("sys/class/tty/console/active", sim.Text("tty1 ttyS0\n"))
	for _, id := range []string{sim.Probe10, sim.Probe50} {
		files.Remove("sys/bus/w1/devices/" + id + "/w1_slave")
	}
	files.Set("sys/bus/w1/devices/26-00000175bc2d/name", sim.Text("26-00000175bc2d\n"))
	files.Remove(sim.PortPrefix[1:] + "gps")
	steady(b)
	b.Tty(sim.PortPrefix + "dust").Say(nil)
	noise(t, b.Tty(sim.PortPrefix+"dust"))
	text := run(t, b, scan.Options{Listen: time.Second, Held: map[string]string{sim.PortPrefix + "scale": "hive"}, Modbus: []byte{1, 2}})
	golden(t, "faults.yaml", text)
	accepted(t, text)
	for addr, m := range untouchable {
		if len(m.written) > 0 {
			t.Errorf("%#x was written to: % x", addr, m.written)
		}
	}
}

// noise has a port never be silent, until the test ends.
func noise(t *testing.T, port *sim.Tty) {
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				port.Write([]byte("\xFE\x80\x00\xFC\x1F\x83"))
			}
		}
	}()
}

// TestSDI12: the sensors on a port that is silent are found when asked for. A machine that is busy for longer than a sensor has for its answer
// finds none: then it is tried again.
func TestSDI12(t *testing.T) {
	t.Parallel()
	b := sim.New(sim.Options{})
	defer b.Close()
	plan := &scan.Plan{Ports: []scan.Port{{Path: sim.PortPrefix + "sdi12", Device: sim.PortPrefix + "sdi12"}}}
	for try := 1; ; try++ {
		var out bytes.Buffer
		if err := plan.Run(t.Context(), b, scan.Options{Kinds: all.Kinds(), SDI12: true, Listen: 100 * time.Millisecond}).Write(&out, "gateway: {board: sim}"); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if strings.Contains(text, "SDI-12 address 0: SKERRY GAUGE") && strings.Contains(text, "SDI-12 address 1: SKERRY SOIL") &&
			strings.Contains(text, "sdi12_2:") {
			accepted(t, text)
			return
		}
		if try == 10 {
			t.Fatal(text)
		}
	}
}

// TestNothing: what is printed of a bare machine is no configuration, and says what to do.
func TestNothing(t *testing.T) {
	b := sim.New(sim.Options{})
	names, err := b.Files().Glob("dev/*")
	if err != nil {
		t.Fatal(err)
	}
	ports, _ := b.Files().Glob("dev/serial/by-id/*")
	for _, n := range append(names, ports...) {
		b.Kernel().Remove(n)
	}
	got := run(t, b, scan.Options{Listen: 100 * time.Millisecond})
	for _, want := range []string{"dtparam=i2c_arm=on", "enable_uart=1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestHangingBus: a bus that is held low is given up and said so; what the kernel has is found all the same.
func TestHangingBus(t *testing.T) {
	b := sim.New(sim.Options{})
	b.Bus("/dev/i2c-1").Hang()
	text := run(t, b, scan.Options{Listen: 100 * time.Millisecond})
	if !strings.Contains(text, "given up at 0x0a") || !strings.Contains(text, "held low") || !strings.Contains(text, "probes:") {
		t.Error(text)
	}
}

// TestStationHoldsBuses: what a station uses is not touched.
func TestStationHoldsBuses(t *testing.T) {
	b := sim.New(sim.Options{})
	bus := b.Bus("/dev/i2c-1")
	for addr := uint16(0x08); addr < 0x78; addr++ {
		bus.Plug(addr, touchy{t})
	}
	text := run(t, b, scan.Options{Listen: 100 * time.Millisecond, Held: map[string]string{"/dev/i2c-1": "i2c1", sim.PortPrefix + "gps": "gnss"}})
	if !strings.Contains(text, "uses it as bus i2c1") || !strings.Contains(text, "uses it as bus gnss") || strings.Contains(text, "driver: nmea") {
		t.Error(text)
	}
}

// touchy is a chip that nobody may talk to.
type touchy struct{ t *testing.T }

func (x touchy) Tx(w, r []byte) error {
	x.t.Error("a bus that the station holds was used")
	return unix.EREMOTEIO
}

// TestMultiplexer: what looks for a BME280 puts the channels of a multiplexer back that sits at its address.
func TestMultiplexer(t *testing.T) {
	b := sim.New(sim.Options{})
	m := &multiplexer{channels: 0x04}
	b.Bus("/dev/i2c-1").Plug(0x76, m)
	if text := run(t, b, scan.Options{Listen: 100 * time.Millisecond}); !strings.Contains(text, "unknown device at 0x76") || m.channels != 0x04 {
		t.Errorf("channels %#x\n%s", m.channels, text)
	}
}

// multiplexer is a TCA9548A: the last byte that is written is what it has open, and what is read.
type multiplexer struct{ channels byte }

func (m *multiplexer) Tx(w, r []byte) error {
	if len(w) > 0 {
		m.channels = w[len(w)-1]
	}
	for i := range r {
		r[i] = m.channels
	}
	return nil
}

// TestSameNames: of devices that the kernel calls alike each is configured with its place, which its driver asks for; those without a place
// are doubtful, all of them, and so are those whose names a configuration does not take.
func TestSameNames(t *testing.T) {
	b := sim.New(sim.Options{})
	for folder, name := range map[string]string{"hwmon5": "lm75", "hwmon6": "lm75", "hwmon7": "twin", "hwmon8": "twin", "hwmon9": "\u03b8", "hwmon4": strings.Repeat("long", 30)} {
		b.Kernel().Set("sys/class/hwmon/"+folder+"/name", sim.Text(name+"\n"))
		b.Kernel().Set("sys/class/hwmon/"+folder+"/temp1_input", sim.Text("21000\n"))
	}
	b.Kernel().Set("sys/bus/i2c/devices/1-0048/hwmon/hwmon5/name", sim.Text("lm75\n"))
	b.Kernel().Set("sys/bus/i2c/devices/1-0049/hwmon/hwmon6/name", sim.Text("lm75\n"))
	text := run(t, b, scan.Options{Listen: 100 * time.Millisecond})
	read := map[string]bool{}
	for _, s := range accepted(t, text).Sensors {
		if s.Kind.Name != "hwmon" {
			continue
		}
		read[s.Name] = true
		if x, err := s.Kind.New(t.Context(), b, s.Setup); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if err := x.Halt(); err != nil {
			t.Error(err)
		}
	}
	if !read["lm75"] || !read["lm75_2"] || !strings.Contains(text, `at: "1-0049"`) || read["twin"] || !strings.Contains(text, "#  twin_2:") || len(read) != 3 {
		t.Errorf("%v in\n%s", read, text)
	}
}

// TestModbus: a unit that a profile knows becomes configuration, one that is not known a comment, and nobody is nothing.
func TestModbus(t *testing.T) {
	t.Parallel()
	b := sim.New(sim.Options{})
	defer b.Close()
	path := sim.PortPrefix + "rs485"
	plan := &scan.Plan{Ports: []scan.Port{{Path: path, Device: path}}}
	want := []string{
		"  Modbus RTU unit 1 at 9600 8N1: Eastron SDM120, driver modbus, profile eastron-sdm120\n",
		"  Modbus RTU unit 2 at 9600 8N1: holding register 0 is 0, driver modbus; ",
		"\n  rs485: {serial: " + path + ", baud: 9600, parity: none}\n",
		"\n  eastron_sdm120: {driver: modbus, bus: rs485, unit_id: 1, profile: eastron-sdm120}\n",
		"\n#  modbus:\n#    driver: modbus\n#    bus: rs485\n#    unit_id: 2\n#    values:\n#      register_0: {table: holding, address: 0, type: uint16}\n",
	}
	for try := 1; ; try++ { // a machine that is busy for longer than a unit has for its answer misses it
		var out bytes.Buffer
		if err := plan.Run(t.Context(), b, scan.Options{Listen: 100 * time.Millisecond, Modbus: []byte{1, 2, 3}}).Write(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "unit 3") {
			t.Errorf("nobody was found: %s", &out)
		}
		missing := slices.DeleteFunc(slices.Clone(want), func(w string) bool { return strings.Contains(out.String(), w) })
		if len(missing) == 0 {
			known := accepted(t, out.String())
			_, pasted, _ := strings.Cut(out.String(), "# Configuration to paste")
			if cfg := accepted(t, strings.ReplaceAll("#"+pasted, "\n#  ", "\n  ")); len(cfg.Sensors) != len(known.Sensors)+1 {
				t.Errorf("%d sensors with the doubtful one, %d without", len(cfg.Sensors), len(known.Sensors))
			}
			return
		}
		if try == 10 {
			t.Fatalf("%q are missing in\n%s", missing, &out)
		}
	}
}

func TestParseUnits(t *testing.T) {
	for text, want := range map[string]string{"1..3": "[1 2 3]", "7": "[7]", "0..3": "", "3..1": "", "1..300": "", "x": "", "": "", "1..": ""} {
		units, err := scan.ParseUnits(text)
		if want == "" && err == nil || want != "" && fmt.Sprint(units) != want {
			t.Errorf("%q: %v, %v", text, units, err)
		}
	}
}

// TestEnd: a scan ends with its context.
func TestEnd(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	plan := scan.NewPlan(t.Context(), b.Files(), func(path string) string { return path })
	began := time.Now()
	plan.Run(ctx, b, scan.Options{Kinds: all.Kinds(), Listen: time.Hour})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

var _ drivers.Files = (*sim.Files)(nil)
