package edge_test

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"skerry/board/sim"
	"skerry/drivers/modbus/modbustest"
	"skerry/edge"
	"skerry/edge/config"
	"skerry/edge/control"
)

const airAndLost = `
gateway: {board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
defaults: {every: 1h}
sensors:
  air: {driver: bme280, values: {temperature: {offset: 100}, humidity: {valid: 200..300}}}
  lost: {driver: mcp9808, address: 0x19}
`

// airAndNobody is that station, on a board without the second chip.
func airAndNobody(t *testing.T) *config.Config {
	c := configure(t, airAndLost)
	c.Scenario = config.NewScenario()
	c.Scenario.Faults = []config.Fault{{Name: "gone", Kind: config.Unplug, Of: "lost"}}
	return c
}

// askSensors gives the rows of an answer by the names of the sensors.
func askSensors(t *testing.T, dir string, r control.Request) map[string]control.Sensor {
	t.Helper()
	d, err := control.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all := map[string]control.Sensor{}
	if err := control.Rows(t.Context(), d, r, func(s control.Sensor) error { all[s.Name] = s; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSensorsOfAStation: what a station says of its sensors, and that it reads one when asked, and publishes that.
func TestSensorsOfAStation(t *testing.T) {
	leavesNothing(t)
	c := airAndNobody(t)
	s := start(t, c, edge.Options{})
	var all map[string]control.Sensor
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		all = askSensors(t, c.Storage.Path, control.Request{Do: control.SensorList})
		if len(all["air"].Values) > 0 && all["lost"].Failures > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%+v", all)
		}
	}
	if lost := all["lost"]; lost.Age != nil || !strings.Contains(lost.Error, "MCP9808 at 0x19") || lost.Next == nil {
		t.Errorf("%+v", lost)
	}
	checkAir(t, all["air"])
	time.Sleep(20 * time.Millisecond) // whatever is published now was asked for
	live := s.hear("local", "+/+/air/temperature")
	read := askSensors(t, c.Storage.Path, control.Request{Do: control.SensorRead, Sensor: "air"})["air"]
	checkAir(t, read)
	if read.Values[0].Time <= all["air"].Values[0].Time {
		t.Errorf("read at %s, before that at %s", read.Values[0].Time, all["air"].Values[0].Time)
	}
	live.wait("the reading that was asked for", func(_, payload string) bool { return strings.Contains(payload, read.Values[0].Time) })
}

func checkAir(t *testing.T, air control.Sensor) {
	t.Helper()
	if air.Failures != 0 || air.Age == nil || len(air.Values) != 3 {
		t.Fatalf("%+v", air)
	}
	temperature, humidity, pressure := air.Values[0], air.Values[1], air.Values[2]
	if temperature.Raw == nil || temperature.Number == nil || math.Abs(*temperature.Number-*temperature.Raw-100) > 1e-6 || temperature.Quality != "good" {
		t.Errorf("temperature %+v", temperature)
	}
	if humidity.Rejected == nil || humidity.Number != nil || humidity.Quality != "bad" || humidity.Raw == nil {
		t.Errorf("humidity %+v", humidity)
	}
	if pressure.Name != "pressure" || pressure.Raw == nil || pressure.Quality != "" {
		t.Errorf("pressure, which is not configured: %+v", pressure)
	}
}

// TestReadSensor reads without a station, and leaves nothing in the data directory.
func TestReadSensor(t *testing.T) {
	leavesNothing(t)
	c := airAndNobody(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	air, err := edge.ReadSensor(ctx, c, "air", edge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkAir(t, air)
	lost, err := edge.ReadSensor(ctx, c, "lost", edge.Options{})
	if err != nil || !strings.Contains(lost.Error, "MCP9808 at 0x19") {
		t.Errorf("%+v, %v", lost, err)
	}
	if _, err := edge.ReadSensor(ctx, c, "rain", edge.Options{}); err == nil || !strings.Contains(err.Error(), "there is air, lost") {
		t.Error(err)
	}
	if _, err := control.Open(c.Storage.Path, false); err == nil {
		t.Error("a store was made")
	}
}

// TestLateAnswersAreShown: a device that takes longer than it has is counted, and by how much.
func TestLateAnswersAreShown(t *testing.T) {
	leavesNothing(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var meter modbustest.Slave
	meter.Set(1, &modbustest.Device{Input: map[uint16]uint16{7: 70}})
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go meter.ServeTCP(conn, func(m []byte) [][]byte {
				time.Sleep(600 * time.Millisecond) // in the middle of the second attempt
				return [][]byte{m}
			})
		}
	}()
	c := configure(t, `
gateway: {board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
sensors:
  power: {driver: modbus, tcp: "`+server.Addr().String()+`", timeout: 400ms, every: 1s, values: {x: {table: input, address: 7, type: uint16}}}
`)
	board := sim.New(sim.Options{}) // from which the network is reached
	defer board.Close()
	start(t, c, edge.Options{Buses: board})
	for until := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		x := askSensors(t, c.Storage.Path, control.Request{Do: control.SensorList})["power"]
		if l := x.Late; l != nil && l.Slowest > l.Timeout && l.Timeout == 0.4 && l.Late > 0 && l.Asked > l.Late {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%+v, %+v", x, x.Late)
		}
	}
}
