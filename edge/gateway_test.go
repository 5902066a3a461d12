package edge_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"periph.io/x/conn/v3/i2c"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/edge"
	"skerry/edge/config"
	"skerry/queue/vfs"
)

const threeSensors = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
defaults: {every: 100ms}
sensors:
  air: {driver: bme280}
  rain: {driver: pulse, pin: GPIO17}
  gps: {driver: nmea, every: 1s, stale_after: 3x}
`

func TestReadingsOfAllSensors(t *testing.T) {
	leavesNothing(t)
	s := start(t, configure(t, threeSensors), edge.Options{})
	live := s.hear("local", "lake/#")
	for _, topic := range []string{"lake/wx/air/temperature", "lake/wx/air/humidity", "lake/wx/air/pressure", "lake/wx/rain/total",
		"lake/wx/gps/latitude", "lake/wx/gps/fix"} {
		if m := live.wait(on(topic, `"value":`)); m.QoS != 1 {
			t.Errorf("%s came with QoS %d", topic, m.QoS)
		}
	}
	later := s.hear("local", "lake/wx/air/+")
	if m := later.wait(on("lake/wx/air/temperature", `"unit":"°C"`)); !m.Retain {
		t.Error("a reading is not retained")
	}
}

func TestShow(t *testing.T) {
	leavesNothing(t)
	out := &record{}
	s := start(t, configure(t, threeSensors), edge.Options{Show: out})
	nc, err := net.Dial("tcp", s.Address("local").String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01s" + "\x30\x09\x00\x06a\x1b[2Jbx")); err != nil {
		t.Fatal(err)
	}
	until(t, "a topic that would clear the screen, quoted", func() bool { return strings.Contains(out.String(), `"a\x1b[2Jb" x`) })
	until(t, "a line per reading", func() bool {
		return strings.Contains(out.String(), "lake/wx/air/temperature {\"value\":") && strings.Contains(out.String(), "lake/wx/rain/total ")
	})
}

// loose is a board whose I2C bus is missing for a while.
type loose struct {
	drivers.Buses
	gone atomic.Bool
}

func (l *loose) I2C(name string) (i2c.Bus, error) {
	if l.gone.Load() {
		return nil, errors.New("no bus /dev/i2c-1 (hint: dtparam=i2c_arm=on in config.txt)")
	}
	return l.Buses.I2C(name)
}

func TestMissingBusStopsNobodyElse(t *testing.T) {
	leavesNothing(t)
	board := sim.New(sim.Options{})
	t.Cleanup(func() { board.Close() })
	buses := &loose{Buses: board}
	buses.gone.Store(true)
	s := start(t, configure(t, threeSensors), edge.Options{Buses: buses})
	live := s.hear("local", "lake/#")
	live.wait(on("lake/wx/air/temperature", `{"value":null,"unit":"°C","quality":"stale"}`))
	live.wait(on("lake/wx/rain/total", `"value":`))
	if log := s.log.String(); strings.Count(log, "sensor=air") != 1 || !strings.Contains(log, "dtparam=i2c_arm=on") {
		t.Errorf("log\n%s", log)
	}
	buses.gone.Store(false)
	live.wait("a temperature", good("lake/wx/air/temperature"))
	until(t, "the recovery in the log", func() bool { return strings.Contains(s.log.String(), `msg="sensor answers again" sensor=air`) })
}

func TestHungBusStopsNobodyElse(t *testing.T) {
	leavesNothing(t)
	board := sim.New(sim.Options{})
	t.Cleanup(func() { board.Close() })
	s := start(t, configure(t, threeSensors), edge.Options{Buses: board})
	live := s.hear("local", "lake/#")
	live.wait(on("lake/wx/air/temperature", `"value":`))
	board.Bus("").Hang()
	live.wait(on("lake/wx/air/temperature", `"quality":"stale"`))
	live.wait(on("lake/wx/rain/total", `"value":`))
	live.wait(on("lake/wx/gps/latitude", `"value":`))
	board.Bus("").Release()
	live.wait("a temperature", good("lake/wx/air/temperature"))
}

func TestUnpluggedSerialPort(t *testing.T) {
	leavesNothing(t)
	board := sim.New(sim.Options{})
	t.Cleanup(func() { board.Close() })
	s := start(t, configure(t, threeSensors), edge.Options{Buses: board})
	live := s.hear("local", "lake/#")
	live.wait("a position", good("lake/wx/gps/latitude"))
	if err := board.Tty("").Unplug(); err != nil {
		t.Fatal(err)
	}
	live.wait(on("lake/wx/gps/latitude", `"quality":"stale"`))
	live.wait(on("lake/wx/air/temperature", `"value":`))
	if log := s.log.String(); !strings.Contains(log, "unplugged") {
		t.Errorf("the log does not tell unplugged from silent\n%s", log)
	}
	if err := board.Tty("").Plug(); err != nil {
		t.Fatal(err)
	}
	live.wait("a position", good("lake/wx/gps/latitude"))
	until(t, "the recovery in the log", func() bool { return strings.Contains(s.log.String(), `msg="sensor answers again" sensor=gps`) })
	if n := strings.Count(s.log.String(), "sensor=gps"); n > 4 {
		t.Errorf("%d lines of log about one unplugging\n%s", n, s.log)
	}
}

func TestRestartKeepsTheTotal(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, strings.Replace(threeSensors, "pin: GPIO17", "pin: GPIO17, payload: value", 1))
	board := sim.New(sim.Options{})
	t.Cleanup(func() { board.Close() })
	line := board.Line("GPIO17")
	line.Quiet()
	s := start(t, cfg, edge.Options{Buses: board})
	live := s.hear("local", "lake/wx/rain/total")
	live.wait("0", func(_, payload string) bool { return payload == "0" })
	line.Play(5)
	live.wait("5", func(_, payload string) bool { return payload == "5" })
	line.Play(2) // some of these may be read only at the end
	live.close()
	s.stop()

	s = start(t, cfg, edge.Options{Buses: board})
	live = s.hear("local", "lake/wx/rain/total")
	until(t, "the driver to take the line", line.Taken)
	line.Play(1)
	live.wait("8", func(_, payload string) bool { return payload == "8" })
}

func TestPortInUse(t *testing.T) {
	leavesNothing(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := configure(t, strings.Replace(threeSensors, "127.0.0.1:0", taken.Addr().String(), 1))
	err = runsInto(t, cfg)
	if !strings.Contains(err.Error(), "listener local: ") || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("error: %v", err)
	}
	// The data directory was given back.
	cfg.Broker.Listeners[0].TCP = "127.0.0.1:0"
	start(t, cfg, edge.Options{})
}

func TestSecondDaemon(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, threeSensors)
	start(t, cfg, edge.Options{})
	err := runsInto(t, cfg)
	if !errors.Is(err, vfs.ErrLocked) || !strings.Contains(err.Error(), "another skerry runs on it") {
		t.Errorf("error: %v", err)
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"it is a file":   file,
		"below a file":   filepath.Join(file, "data"),
		"not for anyone": "/proc/skerry",
	}
	for name, path := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := configure(t, threeSensors)
			cfg.Storage.Path = path
			err := runsInto(t, cfg)
			if !strings.Contains(err.Error(), "open the data directory "+path+": ") || !strings.Contains(err.Error(), "hint: ") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// TestFailingStorage: clients go on hearing readings; what Run returns when it is stopped says what happened.
func TestFailingStorage(t *testing.T) {
	leavesNothing(t)
	disk := vfs.NewDisk()
	s := start(t, configure(t, threeSensors), edge.Options{FS: disk})
	live := s.hear("local", "lake/#")
	live.wait(on("lake/wx/rain/total", `"value":`))
	disk.Hook(func(vfs.Op) error { return errors.New("I/O error") })
	until(t, "storage to fail", func() bool { return s.Store().Err() != nil })
	for range 3 {
		live.wait(on("lake/wx/air/temperature", `"value":`))
	}
	s.end()
	<-s.ended
	s.end = nil
	if s.err == nil || !strings.HasPrefix(s.err.Error(), "storage: ") || !strings.Contains(s.err.Error(), "hint: ") {
		t.Errorf("Run returned %v", s.err)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	cfg := configure(t, threeSensors)
	cfg.Sensors[0].Values[0].Unit = "apples"
	_, err := edge.New(cfg, edge.Options{})
	wrong, ok := errors.AsType[config.Errors](err)
	if !ok || len(wrong) != 1 || wrong[0].Key != "sensors.air.values.temperature.unit" || wrong[0].Line == 0 {
		t.Errorf("error: %v", err)
	}
}
