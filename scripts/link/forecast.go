package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/cost"
	"skerry/scripts/link/emulate"
	"skerry/scripts/rig"
)

const (
	// forecastLinger is that of the stations with blocks: their day has to be short.
	forecastLinger = 15 * time.Second
	// forecastBlocks is for how many of them bytes are counted; forecastSpan for how long where nothing waits, in which each sensor is read a whole number of times.
	forecastBlocks = 8
	forecastSpan   = 2 * time.Minute
	// forecastRhythm is after how long all sensors are read together again. In its second second none is, and what was read before has been acknowledged.
	forecastRhythm = 10 * time.Second
	// forecastWithin is how near the forecast has to come.
	forecastWithin = 0.1
)

// station is a small one, whose sensors are simulated, with the streams that are foretold.
type station struct {
	name, streams string
	blocks        bool
	noStamps      bool
}

func stations() []station {
	packed := fmt.Sprintf(", linger: %gs", forecastLinger.Seconds())
	return []station{
		{name: "pass", streams: `readings: {match: ["#"]}`},
		{name: "pass, no TCP time stamps", streams: `readings: {match: ["#"]}`, noStamps: true},
		{name: "pack", streams: `readings: {match: ["#"], encode: pack` + packed + `}`, blocks: true},
		{name: "json, gzip", streams: `readings: {match: ["#"], encode: json, compress: gzip` + packed + `}`, blocks: true},
		{name: "states, pack", streams: `states: {match: ["+/+/air/temperature"], class: state, encode: pack, linger: 0s}`},
	}
}

// stationCommand writes its configuration.
func (c *scene) stationCommand(s station) (string, []string, error) {
	path := filepath.Join(c.folder, "skerry.yaml")
	return c.settings.skerry, []string{"run", path}, os.WriteFile(path, []byte(c.stationText(s)), 0o600)
}

func (c *scene) stationText(s station) string {
	return fmt.Sprintf(`gateway: {id: gw01, site: site, board: sim}
storage: {path: queue}
broker: {listeners: {local: {tcp: %q, anonymous: true}}}
buses: {i2c0: {i2c: /dev/i2c-0}, i2c1: {i2c: /dev/i2c-1}}
sensors:
  air: {driver: bme280, bus: i2c0, every: 2s, values: {temperature: {round: 0.01}, humidity: {round: 0.1}, pressure: {}}}
  sun: {driver: bh1750, bus: i2c1, every: 5s}
streams:
  %s
uplinks:
  cloud:
    mqtt: "tls://%s:%d"
    tls: {ca: %q}
    prefix: "up/"
    links: [{name: link1, interface: %s, kind: cellular, session: always, keep_alive: 10min}]
`, subjectAddress, s.streams, emulate.Server, serverPort, c.settings.chain.root, interfaceNames[0])
}

// foreseen is a forecast and the truth, in bytes.
type foreseen struct {
	foretold, counted float64
	span              time.Duration
	packets           int
}

func (f foreseen) off() float64 { return f.foretold/f.counted - 1 }

// forecast compares what `skerry explain` says of small stations with the bytes of packets of the kernel's TCP, over minutes instead of a day: issue 8, "how it is proven", 4.
func (s *settings) forecast(ctx context.Context, t *table) error {
	var all []setting
	for _, one := range stations() {
		command := func(c *scene) (string, []string, error) { return c.stationCommand(one) }
		all = append(all, setting{subject: subject{one.name, command}, terrain: quiet(), noStamps: one.noStamps, seed: s.seed})
	}
	results := make([]foreseen, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.foresee(ctx, stations()[i])
		return err
	})
	if err != nil {
		return err
	}
	t.title("forecast: bytes of a station that stands, as explain foretells them and as they passed; four values of two sensors, TLS 1.3, 200 ms")
	for i, f := range results {
		t.atMost(100*forecastWithin, 100*math.Abs(f.off()), " % off", all[i].subject.name, "%.0f B foretold, %.0f B counted in %.0f s and %d messages: %+.1f %%", f.foretold, f.counted,
			f.span.Seconds(), f.packets, 100*f.off())
	}
	return nil
}

// foresee runs a station for a while.
func (c *scene) foresee(ctx context.Context, s station) (f foreseen, err error) {
	if err := c.start(); err != nil {
		return f, err
	}
	seen, err := c.arrivals()
	if err != nil {
		return f, err
	}
	defer seen.close()
	if err := seen.until(ctx, 1, time.Minute); err != nil {
		return f, fmt.Errorf("%w; the station wrote:\n%s", err, c.process.Log())
	}
	perDay, err := c.explained(s)
	if err != nil {
		return f, err
	}
	mark := seen.inStep
	if s.blocks {
		mark = seen.afterBlock
	}
	begin, err := mark(ctx, 2) // what the first connection costs is over
	if err != nil {
		return f, err
	}
	up, down := c.link.Counts()
	before, n := seen.count(), int(forecastSpan/forecastRhythm)
	if s.blocks {
		n = forecastBlocks
	}
	end, err := mark(ctx, n)
	if err != nil {
		return f, err
	}
	f.counted = float64(total(c.bytes(up, down)))
	f.span, f.packets = end.Sub(begin), seen.count()-before
	f.foretold = perDay * f.span.Hours() / 24
	return f, nil
}

// explained is what the forecast says of a day, without connections: the one there is stands.
func (c *scene) explained(s station) (float64, error) {
	cfg, err := config.Load(filepath.Join(c.folder, "skerry.yaml"), all.Kinds())
	if err != nil {
		return 0, err
	}
	f, err := cost.New(cfg, "", cost.Machine{NoTimeStamps: s.noStamps})
	if err != nil {
		return 0, err
	}
	l := &f.Uplinks[0].Links[0]
	return l.Total.Typical - l.Connecting.Typical, nil
}

// arrivals are the moments at which messages came upstream.
type arrivals struct {
	wire *rig.Wire
	over chan struct{}

	mu sync.Mutex
	at []time.Time
}

// arrivals watches what comes from the station, by QoS 0 and beside the link.
func (c *scene) arrivals() (*arrivals, error) {
	a := &arrivals{over: make(chan struct{})}
	err := c.world.Far.Do(func() (err error) {
		a.wire, _, err = rig.Connect(observerAddress, "arrivals", true)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := a.wire.Subscribe(0, "up/site/gw01/air/#", "up/site/gw01/sun/#", "up/site/gw01/pack/#", "up/site/gw01/json/#"); err != nil {
		a.wire.Close()
		return nil, err
	}
	go a.watch()
	return a, nil
}

func (a *arrivals) watch() {
	defer close(a.over)
	for {
		h, err := a.wire.ReceiveWithin(time.Hour)
		if err != nil {
			return
		}
		if h.Type == packet.PUBLISH {
			a.mu.Lock()
			a.at = append(a.at, time.Now())
			a.mu.Unlock()
		}
	}
}

func (a *arrivals) close() {
	a.wire.Close()
	<-a.over
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

func (a *arrivals) until(ctx context.Context, n int, patience time.Duration) error {
	return until(ctx, patience, fmt.Sprintf("message %d arrives", n), func() bool { return a.count() >= n })
}

// afterBlock waits for so many blocks, and until the last of them has been acknowledged.
func (a *arrivals) afterBlock(ctx context.Context, n int) (time.Time, error) {
	have := a.count()
	if err := a.until(ctx, have+n, time.Duration(n+1)*2*forecastLinger); err != nil {
		return time.Time{}, err
	}
	a.mu.Lock()
	at := a.at[have+n-1]
	a.mu.Unlock()
	return at, pause(ctx, time.Second)
}

// inStep waits for as many rhythms, and for the moment of the last at which nothing is on its way.
func (a *arrivals) inStep(ctx context.Context, n int) (time.Time, error) {
	const quiet = 3 * time.Second / 2
	at := time.Now().Truncate(forecastRhythm).Add(quiet)
	for !at.After(time.Now()) {
		at = at.Add(forecastRhythm)
	}
	at = at.Add(time.Duration(n-1) * forecastRhythm)
	return at, pause(ctx, time.Until(at))
}
