package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/drivers/pulse"
	"skerry/edge"
	"skerry/queue"
	"skerry/queue/vfs"
)

const gauge = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: /data, commit_window: %s}
broker: {listeners: {}}
uplinks: {cloud: {mqtt: "tcp://up.example:1883", prefix: farm/, retry: 5s..1min}}
sensors:
  rain: {driver: pulse, pin: GPIO17, every: %s, retain: %v, values: {total: {}, twice: {derive: 2 * total}}}
`

// counting runs a station with a rain gauge on which only what a test plays falls.
func counting(t *testing.T, text string, up *shore) (g *edge.Gateway, disk *vfs.Disk, line *sim.Line, end func()) {
	t.Helper()
	board := sim.New(sim.Options{})
	disk, line = vfs.NewDisk(), board.Line("GPIO17")
	line.Quiet()
	g, err := edge.New(configure(t, text), edge.Options{FS: disk, Buses: board})
	if err != nil {
		t.Fatal(err)
	}
	g.DialUplinks(up.dial)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	<-g.Listening()
	synctest.Wait()
	return g, disk, line, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		board.Close()
	}
}

// survives is the total that a station would go on from if it was killed now.
func survives(t *testing.T, disk *vfs.Disk) uint64 {
	t.Helper()
	store, found, err := queue.Open(disk.Killed(), "/data", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	state, ok := b.Fact("sensor/rain")
	if !ok {
		return 0
	}
	x, err := pulse.Kind.New(t.Context(), sim.New(sim.Options{}), drivers.Setup{Opts: &pulse.Opts{Pin: "GPIO17"}})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Halt()
	if err := x.(drivers.Stateful).Restore(state); err != nil {
		t.Fatal(err)
	}
	readings, err := x.Sense(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(readings[0].Number)
}

// says is the total that a message gives away, and when it was measured; 0 for one that says nothing of it.
func says(t *testing.T, m *broker.Message) (total float64, at time.Time) {
	t.Helper()
	var p struct {
		Value  float64
		Time   time.Time
		Values map[string]struct{ Value float64 }
	}
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		t.Fatalf("%s: %s", m.Payload, err)
	}
	switch m.TopicName {
	case "lake/wx/rain/total":
		return p.Value, p.Time
	case "lake/wx/rain/twice":
		return p.Value / 2, p.Time
	case "lake/wx/alarm/flood":
		return p.Values["rain.total"].Value, time.Time{}
	}
	return 0, time.Time{}
}

// TestNobodyHearsWhatIsNotKept: at no QoS does anybody hear a total, or what follows from it, that a station which is killed in this moment
// does not go on from. It comes within the commit window, with the time of its measurement; when the station ends everybody has all of it.
func TestNobodyHearsWhatIsNotKept(t *testing.T) {
	const window = 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		text := fmt.Sprintf(gauge, "2s", "1s", true) + `alarms: {flood: {when: "rain.total >= 20"}}` + "\n"
		g, disk, line, end := counting(t, text, openShore(t, time.Second))
		var ears []*broker.Session
		for qos := range byte(3) {
			ear, _, err := g.Broker().Connect(broker.ConnectOptions{ClientID: fmt.Sprint("ear", qos), Version: packet.V5, CleanStart: true, Conn: &deaf{}})
			if err != nil {
				t.Fatal(err)
			}
			ear.Subscribe([]broker.Subscription{{TopicFilter: "lake/#", QoS: qos}}, nil)
			ears = append(ears, ear)
		}
		heard, kept := make([]map[string]float64, len(ears)), 0.0
		for i := range heard {
			heard[i] = map[string]float64{}
		}
		listen := func() {
			t.Helper()
			for i, ear := range ears {
				for _, d := range ear.Next(nil, 1000) {
					if d.QoS == 1 {
						ear.Ack(d.PacketID)
					}
					if d.Message == nil {
						continue
					}
					topic := d.Message.TopicName
					total, at := says(t, d.Message)
					if total > kept {
						kept = float64(survives(t, disk))
					}
					if total > kept || total < heard[i][topic] {
						t.Fatalf("at QoS %d: %s %s; %v was heard, and %v would be left", i, topic, d.Message.Payload, heard[i][topic], kept)
					}
					if late := time.Since(at); !at.IsZero() && late > window+100*time.Millisecond {
						t.Errorf("%s came after %v", d.Message.Payload, late)
					}
					heard[i][topic] = total
				}
			}
		}
		played := 0.0
		for range 300 {
			line.Play(1)
			played++
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			listen()
		}
		line.Play(1)
		end()
		listen()
		want := map[string]float64{"lake/wx/rain/total": played + 1, "lake/wx/rain/twice": played + 1, "lake/wx/alarm/flood": 20}
		for i, got := range heard {
			if !maps.Equal(got, want) {
				t.Errorf("at QoS %d: %v, want %v", i, got, want)
			}
		}
	})
}

// TestWearOfCounters: while the uplink is up a counter costs what its state costs, and no reading is written. Offline a reading needs a commit
// of its own after that of its state, unless the window is long enough that they share one.
func TestWearOfCounters(t *testing.T) {
	const lasting, every = time.Hour, 10 * time.Second
	for _, c := range []struct {
		window   string
		retain   bool
		up       bool
		commits  float64 // for each reading
		messages uint64
	}{
		{"2s", false, true, 1, 0},
		{"2s", true, true, 1, 360},
		{"2s", true, false, 2, 361},
		{"20s", true, false, 0.51, 361},
	} {
		t.Run(fmt.Sprintf("%s, retained %v, up %v", c.window, c.retain, c.up), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := openShore(t, time.Second)
				g, _, line, end := counting(t, fmt.Sprintf(gauge, c.window, every, c.retain), up)
				defer end()
				time.Sleep(time.Minute + every/2) // each pulse falls between two readings
				if !c.up {
					up.cut()
				}
				var before queue.Stats
				for i := range 11 * lasting / (10 * every) {
					if i == lasting/(10*every) {
						before = g.Store().Stats()
					}
					line.Play(1)
					time.Sleep(every)
				}
				after := g.Store().Stats()
				groups, messages := after.Groups-before.Groups, after.Messages-before.Messages
				t.Logf("%d commits, %d messages written, %d bytes", groups, messages, after.Bytes-before.Bytes)
				if most := c.commits*float64(lasting/every) + 2; float64(groups) > most || messages > 2*c.messages {
					t.Errorf("%d commits and %d messages; at most %v and %d", groups, messages, most, 2*c.messages)
				}
			})
		})
	}
}
