package edge_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/edge"
	"skerry/edge/clock"
	"skerry/edge/config"
	"skerry/queue/vfs"
)

// The tests of this file run whole stations for hours in a synctest bubble: sensors on a simulated board, the broker, the log on a disk in
// memory, an uplink to a second station of ours, and a client, joined by pipes.

// pipes is a net.Listener inside a bubble.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// inBubble is a station in a bubble.
type inBubble struct {
	*edge.Gateway
	t     *testing.T
	log   *record
	door  *pipes
	end   context.CancelFunc
	ended chan error
}

// startInBubble runs a station without listeners of the network; its door leads to the same server.
func startInBubble(t *testing.T, text string, o edge.Options, prepare func(*edge.Gateway)) *inBubble {
	t.Helper()
	cfg := configure(t, text)
	cfg.Broker.Listeners = nil
	s := &inBubble{t: t, log: &record{}, door: &pipes{conns: make(chan net.Conn), done: make(chan struct{})}, ended: make(chan error, 1)}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	g, err := edge.New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	g.Open(s.door)
	g.On(1, time.Now()) // the clock of this machine does not go with that of the bubble
	prepare(g)
	ctx, cancel := context.WithCancel(context.Background())
	s.Gateway, s.end = g, cancel
	go func() { s.ended <- g.Run(ctx) }()
	t.Cleanup(s.stop)
	<-g.Listening()
	return s
}

func (s *inBubble) stop() {
	if s.end == nil {
		return
	}
	s.end()
	s.end = nil
	if err := <-s.ended; err != nil {
		s.t.Errorf("Run: %v\n%s", err, s.log)
	}
}

// client connects a client whose session lasts, and returns what ends the connection.
func (s *inBubble) client(o client.Options) (*client.Client, func()) {
	s.t.Helper()
	connect := &packet.Connect{Version: packet.V5, ClientID: []byte("reader")}
	connect.Properties = connect.Properties.AppendNumber(packet.SessionExpiryInterval, 86400)
	c, err := client.Connect(s.t.Context(), s.door.dial(), connect, o)
	if err != nil {
		s.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { c.Run(context.Background()) })
	return c, func() {
		c.Disconnect(packet.NormalDisconnection)
		running.Wait()
	}
}

// ashore is the station upstream. It notes what comes.
type ashore struct {
	*inBubble
	down atomic.Bool

	mu   sync.Mutex
	came map[string][]string // payloads by topic
	link net.Conn            // the latest
}

func startAshore(t *testing.T) *ashore {
	t.Helper()
	a := &ashore{came: map[string][]string{}}
	a.inBubble = startInBubble(t, "gateway: {id: shore, site: land, board: sim}\nstorage: {path: $DATA}\n",
		edge.Options{FS: vfs.NewDisk(), Show: a}, func(*edge.Gateway) {})
	return a
}

// Write takes the lines of edge.Options.Show.
func (a *ashore) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		topic, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		a.came[topic] = append(a.came[topic], payload)
	}
	return len(p), nil
}

func (a *ashore) payloads(topic string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.came[topic][:len(a.came[topic]):len(a.came[topic])]
}

func (a *ashore) dial(context.Context, config.Server) (net.Conn, error) {
	if a.down.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.link = a.door.dial()
	return a.link, nil
}

// cut ends the link, which comes back.
func (a *ashore) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.link.Close()
}

// lonely is a board without a clock. Its converter measures the seconds since the power came: each reading says when it was made in truth.
type lonely struct {
	*sim.Board
	power    time.Time // when it came, by the clock of the bubble
	receiver *drivertest.Machine
	ahead    atomic.Int64 // the date is later than the system's clock by so much, as the receiver says it; 0: it has no fix
}

func newLonely(t *testing.T) *lonely {
	b := &lonely{Board: sim.New(sim.Options{}), power: time.Now()}
	t.Cleanup(func() { b.Close() })
	b.receiver = &drivertest.Machine{Talker: &drivertest.Talker{Every: time.Second, Say: func(at time.Time) string {
		if ahead := b.ahead.Load(); ahead != 0 {
			return sim.Fix(at.Add(time.Duration(ahead)), sim.Location{Latitude: 1, Longitude: 1})
		}
		return sim.NoFix(at)
	}}}
	const device = "sys/bus/iio/devices/iio:device0/in_voltage"
	b.Kernel().Set(device+"_scale", sim.Text("1000\n"))
	b.Kernel().Set(device+"0_raw", sim.File{Read: func() (string, error) {
		return fmt.Sprintf("%.3f\n", time.Since(b.power).Seconds()), nil
	}})
	return b
}

// Serial is the receiver's port: one of the simulated board is a terminal of the kernel, which does not know the time of the bubble.
func (b *lonely) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	return b.receiver.Serial(name, c)
}

// lonelyStation is on a lonely board; each reading says two things: its time, and the seconds since the power came.
const lonelyStation = `
gateway: {id: wx, site: lake}
storage: {path: /data}
sensors:
  age: {driver: iio, device: mcp3208, every: 10s, values: {age: {channel: voltage0}}}
  air: {driver: bme280, every: 1min, values: {temperature: {}}}
  gps: {driver: nmea, set_clock: true, every: 5s, values: {satellites: {}}}
streams: {age: {match: ["lake/wx/age/#"]}, air: {match: ["lake/wx/air/#"]}, clients: {match: ["client/#"]}}
uplinks: {cloud: {mqtt: "tcp://shore.example:1883", prefix: farm/, carry: [age, air, clients], retry: 1s..30s}}
`

const ageTopic = "lake/wx/age/age"

// judge checks that payloads are all readings between two ages, one every 10 s, each with the right time: power is when the power came.
func judge(t *testing.T, who string, payloads []string, power time.Time, from, to time.Duration) {
	t.Helper()
	const every = 10 * time.Second
	seen, last := 0, from-every
	for _, p := range payloads {
		r := readingOf(t, p)
		age := time.Duration(math.Round(r.Value * float64(time.Second)))
		if age < from || age >= to {
			continue
		}
		seen++
		if r.Quality != "" {
			t.Fatalf("%s: after %v a reading has the quality %s: %s", who, age, r.Quality, p)
		}
		if wrong := r.Time.Sub(power.Add(age)); wrong.Abs() > time.Second {
			t.Fatalf("%s: after %v a reading says %v, which is wrong by %v", who, age, r.Time, wrong)
		}
		if step := age - last; step <= 0 || step > every+time.Second {
			t.Fatalf("%s: a reading after %v follows one after %v", who, age, last)
		}
		last = age
	}
	if last < to-every-time.Second {
		t.Errorf("%s: %d readings, the last one after %v of %v", who, seen, last, to)
	}
}

// TestAnHourWithoutADate: a station whose clock is wrong makes readings for an hour. When a source has the date they leave with the right
// time, upstream and to a client that was away: all of them, once, in order.
func TestAnHourWithoutADate(t *testing.T) {
	const years = 27 * 365 * 24 * time.Hour // the clock of a bubble begins in 2000
	for name, c := range map[string]struct {
		clock  time.Duration // how far the clock of the system has come when the station starts
		ahead  time.Duration // how much the receiver is ahead of it
		late   time.Duration // how long after the link has come back the date is known
		source string
	}{
		"a receiver before the link": {ahead: years + 3300*time.Millisecond, late: -time.Minute, source: "gps"},
		"a receiver after the link":  {ahead: years + 3300*time.Millisecond, late: time.Minute, source: "gps"},
		"the time of the network":    {clock: years, late: time.Minute, source: "ntp"},
		"a clock chip":               {clock: years, late: time.Minute, source: "rtc"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(c.clock)
				shore, board := startAshore(t), newLonely(t)
				shore.down.Store(true)
				var synced atomic.Bool
				date := clock.New(clock.Options{Floor: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Synced: synced.Load})
				s := startInBubble(t, lonelyStation, edge.Options{FS: vfs.NewDisk(), Buses: board, Clock: date}, func(g *edge.Gateway) { g.DialUplinks(shore.dial) })
				away, leave := s.client(client.Options{})
				if _, err := away.Subscribe(t.Context(), packet.Subscription{TopicFilter: []byte(ageTopic), QoS: 1}); err != nil {
					t.Fatal(err)
				}
				leave()

				time.Sleep(time.Hour)
				appear := func() {
					switch c.source {
					case "gps":
						board.ahead.Store(int64(c.ahead))
					case "ntp":
						synced.Store(true)
					case "rtc":
						board.Kernel().Set("sys/class/rtc/rtc0/since_epoch", sim.File{Read: func() (string, error) { return fmt.Sprintln(time.Now().Unix()), nil }})
					}
				}
				if c.late < 0 {
					appear()
					time.Sleep(-c.late)
				}
				shore.down.Store(false)
				if c.late > 0 {
					time.Sleep(c.late)
					if n := len(shore.payloads("farm/" + ageTopic)); n > 0 {
						t.Errorf("%d readings left before the date was known", n)
					}
					appear()
				}
				time.Sleep(10 * time.Minute)
				power := board.power.Add(c.ahead)
				judge(t, "upstream", shore.payloads("farm/"+ageTopic), power, 0, time.Hour+5*time.Minute)
				if n := len(shore.payloads("farm/lake/wx/air/temperature")); n < 65 {
					t.Errorf("%d temperatures came, want one a minute", n)
				}

				var mu sync.Mutex
				var heard []string
				_, leave = s.client(client.Options{OnMessage: func(m *packet.Publish) {
					mu.Lock()
					defer mu.Unlock()
					heard = append(heard, string(bytes.Clone(m.Payload)))
				}})
				time.Sleep(time.Minute)
				leave()
				judge(t, "the client", heard, power, 10*time.Second, time.Hour+5*time.Minute)
			})
		})
	}
}

// TestWaitingForTheDate: what waits is looked at once a second, however many streams wait and however long; and after 5 minutes in which the
// link stood it leaves with its mark.
func TestWaitingForTheDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shore, board := startAshore(t), newLonely(t)
		var asked atomic.Int64
		date := clock.New(clock.Options{Floor: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), Synced: func() bool { asked.Add(1); return false }})
		startInBubble(t, lonelyStation, edge.Options{FS: vfs.NewDisk(), Buses: board, Clock: date}, func(g *edge.Gateway) { g.DialUplinks(shore.dial) })
		inAMinute := func() int64 {
			before := asked.Load()
			time.Sleep(time.Minute)
			return asked.Load() - before
		}
		first := inAMinute()
		time.Sleep(2 * time.Minute)
		fourth := inAMinute()
		if most := int64(1000); first > most || fourth > most { // by the sensors 270 times, and by the uplink once a second for each of two streams
			t.Errorf("the date was asked for %d times in the first minute, %d times in the fourth, want less than %d", first, fourth, most)
		}
		if n := len(shore.payloads("farm/" + ageTopic)); n > 0 {
			t.Errorf("%d readings left before their time", n)
		}
		shore.cut() // a link that never stands for 5 minutes brings them all the same
		time.Sleep(2 * time.Minute)
		all := shore.payloads("farm/" + ageTopic)
		if len(all) < 35 || readingOf(t, all[0]).Quality != "clock-unset" {
			t.Errorf("after 5 minutes: %d readings, %q", len(all), all)
		}
	})
}

// TestADateThatJumps: a receiver that is wrong by a year, late or early, loses nothing of what waits, expires nothing, and delays no reading.
func TestADateThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const year, right = 365 * 24 * time.Hour, 27 * 365 * 24 * time.Hour
		shore, board := startAshore(t), newLonely(t)
		shore.down.Store(true)
		date := clock.New(clock.Options{Floor: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Synced: func() bool { return false }})
		s := startInBubble(t, lonelyStation, edge.Options{FS: vfs.NewDisk(), Buses: board, Clock: date}, func(g *edge.Gateway) { g.DialUplinks(shore.dial) })
		c, leave := s.client(client.Options{})
		m := &packet.Publish{TopicName: []byte("client/x"), Payload: []byte("in three hours I expire"), QoS: 1}
		m.Properties = m.Properties.AppendNumber(packet.MessageExpiryInterval, 3*3600)
		if err := c.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		leave()
		for _, off := range []time.Duration{0, year, -year, year, 0} {
			board.ahead.Store(int64(right + off))
			time.Sleep(15 * time.Minute)
		}
		shore.down.Store(false)
		time.Sleep(5 * time.Minute)
		if got := shore.payloads("farm/client/x"); len(got) != 1 {
			t.Errorf("of the client's message came %q", got)
		}
		last := -10.0
		for _, p := range shore.payloads("farm/" + ageTopic) {
			r := readingOf(t, p)
			if step := r.Value - last; r.Quality != "" || step <= 0 || step > 11 {
				t.Fatalf("after %v s came %s", last, p)
			}
			last = r.Value
		}
		if last < 79*60 {
			t.Errorf("the last reading is of %v s", last)
		}
		judge(t, "after all", shore.payloads("farm/"+ageTopic), board.power.Add(right), 3700*time.Second, 4700*time.Second)
	})
}

// TestStartsWithoutADate: a station that is stopped and started, and one that loses its power, while nobody knows the date. What was made in the
// life of a kernel that came to know the date leaves with the right time, what was made in an earlier one with its mark; all of it leaves.
func TestStartsWithoutADate(t *testing.T) {
	const right = 27 * 365 * 24 * time.Hour
	for name, powerLost := range map[string]bool{"the program is started anew": false, "the power goes": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shore, board, disk := startAshore(t), newLonely(t), vfs.NewDisk()
				shore.down.Store(true)
				kernel, since := byte(1), time.Now()
				begin := func() *inBubble {
					date := clock.New(clock.Options{Floor: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Synced: func() bool { return false }})
					return startInBubble(t, lonelyStation, edge.Options{FS: disk, Buses: board, Clock: date}, func(g *edge.Gateway) {
						g.DialUplinks(shore.dial)
						g.On(kernel, since)
					})
				}
				s := begin()
				time.Sleep(30*time.Minute + 5*time.Second) // between two readings
				if powerLost {
					disk = disk.Crash(rand.New(rand.NewPCG(1, 2)), vfs.Fate{Dropped: 1})
					kernel, since = 2, time.Now()
				}
				s.stop() // with the power gone, on a disk that nobody sees
				second := time.Since(board.power)
				begin()
				time.Sleep(30 * time.Minute)
				shore.down.Store(false)
				time.Sleep(time.Minute)
				board.ahead.Store(int64(right))
				time.Sleep(10 * time.Minute)
				payloads, power := shore.payloads("farm/"+ageTopic), board.power.Add(right)
				if !powerLost {
					judge(t, "upstream", payloads, power, 0, second+39*time.Minute)
					return
				}
				judge(t, "upstream", payloads, power, (second + 10*time.Second).Truncate(10*time.Second), second+39*time.Minute)
				marked := 0
				for _, p := range payloads {
					if r := readingOf(t, p); r.Quality == "clock-unset" && r.Value < second.Seconds() {
						marked++
					}
				}
				if marked < 178 { // of 180; what was made in the last two seconds is not written yet
					t.Errorf("%d readings came of the time before the power went", marked)
				}
			})
		})
	}
}
