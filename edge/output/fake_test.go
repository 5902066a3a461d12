package output_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/output"
)

// device is what an output of these tests is on.
type device struct {
	mu      sync.Mutex
	value   float64
	taken   bool
	err     error // of every call
	panics  bool
	hang    chan struct{} // calls wait for it, whatever their context says; nil: they do not
	slow    time.Duration
	getSlow time.Duration // of Get
	calls   []string
	start   time.Time
}

func (d *device) call(ctx context.Context, format string, args ...any) error {
	d.mu.Lock()
	hang, slow, err, panics := d.hang, d.slow, d.err, d.panics
	d.calls = append(d.calls, fmt.Sprintf("%v ", time.Since(d.start).Seconds())+fmt.Sprintf(format, args...))
	d.mu.Unlock()
	if panics {
		panic("a mistake")
	}
	if hang != nil {
		<-hang
	}
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// took returns the calls since the last took.
func (d *device) took() string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := strings.Join(d.calls, ", ")
	d.calls = nil
	return calls
}

func (d *device) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// actuator is the device in use. That it is looked at is not noted.
type actuator struct{ *device }

func (a *actuator) String() string { return "a device" }

func (a *actuator) Set(ctx context.Context, value float64) error {
	if err := a.call(ctx, "set %v", value); err != nil {
		return err
	}
	a.change(func() { a.value = value })
	return nil
}

func (a *actuator) Get(ctx context.Context) (float64, error) {
	a.mu.Lock()
	slow := a.getSlow
	a.mu.Unlock()
	time.Sleep(slow)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value, a.err
}

func (a *actuator) Halt() error {
	a.change(func() { a.taken = false; a.calls = append(a.calls, "halt") })
	return nil
}

// kind makes outputs on a device.
func kind(d *device) drivers.Kind {
	return drivers.Kind{Name: "fake", Output: &drivers.OutputKind{
		New: func(ctx context.Context, _ drivers.Buses, _ drivers.Setup, first float64) (drivers.Actuator, error) {
			if err := d.call(ctx, "take %v", first); err != nil {
				return nil, err
			}
			d.change(func() { d.taken = true })
			return &actuator{d}, nil
		},
	}}
}

// station is where states go.
type station struct {
	t      *testing.T
	start  time.Time
	panel  *output.Panel
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	kept   map[string]string
	keeps  string // output whose states are to be kept before they are published; "": any
	states []string
	log    bytes.Buffer
	online bool
	dated  bool // the date is known
	off    time.Duration
	block  chan struct{} // publishing waits for it; nil: it does not
}

func newStation(t *testing.T) *station {
	return &station{t: t, start: time.Now(), kept: map[string]string{}, online: true, dated: true}
}

func (s *station) Publish(ctx context.Context, messages []*broker.Message) error {
	s.mu.Lock()
	block := s.block
	s.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		if m.QoS != 1 || !m.Retain {
			s.t.Errorf("QoS %d, RETAIN %t", m.QoS, m.Retain)
		}
		if s.keeps != "" && !strings.Contains(string(m.Payload), `"value":"`+s.kept[s.keeps]+`"`) {
			s.t.Errorf("%s was published, and %q is kept", m.Payload, s.kept[s.keeps])
		}
		s.states = append(s.states, fmt.Sprintf("%v %s %s", time.Since(s.start).Seconds(), m.TopicName, m.Payload))
	}
	return nil
}

// hold has publishing wait for a channel; nil: not.
func (s *station) hold(block chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block = block
}

func (s *station) OutputState(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.kept[name]; ok {
		return []byte(v)
	}
	return nil
}

func (s *station) KeepOutput(_ context.Context, name string, state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[name] = string(state)
	return nil
}

func (s *station) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *station) Date(at time.Time) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return at.Add(s.off), s.dated
}

// run starts the outputs.
func (s *station) run(outputs ...config.Output) {
	s.panel = output.New(outputs, output.Options{Clock: s, Online: func(string) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.online },
		Log: slog.New(slog.NewTextHandler(s, nil))})
	ctx, cancel := context.WithCancel(s.t.Context())
	s.cancel, s.ended = cancel, make(chan struct{})
	go func() {
		defer close(s.ended)
		s.panel.Run(ctx, nil, s)
	}()
	synctest.Wait()
}

func (s *station) stop() {
	s.cancel()
	<-s.ended
}

// command publishes to the command topic of an output.
func (s *station) command(name, payload string) {
	s.panel.Take(s.t.Context(), output.Message{Topic: name + "/set", Payload: []byte(payload), Arrived: time.Now()})
	synctest.Wait()
}

// until lets time pass up to so many seconds after the start.
func (s *station) until(seconds float64) {
	time.Sleep(time.Until(s.start.Add(time.Duration(seconds * float64(time.Second)))))
	synctest.Wait()
}

// take returns what was published since the last take, in short.
func (s *station) take() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, line := range s.states {
		at, rest, _ := strings.Cut(line, " ")
		topic, text, _ := strings.Cut(rest, " ")
		var p struct {
			Value, Wanted         any
			Reason, Waits, ID     string
			Error, Quality, Clock string
			Refused               *struct{ Value, ID, Why string }
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			s.t.Fatal(err, text)
		}
		short := fmt.Sprintf("%s %s %v %s", at, topic, p.Value, p.Reason)
		add := func(label, v string) {
			if v != "" {
				short += " " + label + "=" + v
			}
		}
		add("id", p.ID)
		if p.Wanted != nil {
			add("wanted", fmt.Sprint(p.Wanted))
		}
		add("waits", p.Waits)
		if p.Refused != nil {
			add("refused", p.Refused.Value+"/"+p.Refused.Why)
			add("refused_id", p.Refused.ID)
		}
		add("quality", p.Quality)
		all = append(all, strings.TrimSpace(short))
	}
	s.states = nil
	return strings.Join(all, "; ")
}

func (s *station) expect(when, want string) {
	s.t.Helper()
	if got := s.take(); got != want {
		s.t.Errorf("%s: published\n %s\nwant\n %s", when, got, want)
	}
}

// relay is a switch on a device.
func relay(name string, d *device, change ...func(*config.Output)) config.Output {
	d.start = time.Now()
	o := config.Output{Name: name, Driver: "fake", Kind: kind(d), Doc: drivers.OutputDoc{Switch: true}, Every: 30 * time.Second,
		Initial: setting("off"), OnStop: setting("off"), Topic: name, Command: config.Command{Topic: name + "/set", Expires: 5 * time.Minute}}
	for _, f := range change {
		f(&o)
	}
	return o
}

func setting(text string) (s config.Setting) {
	if err := s.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return s
}

var errDead = errors.New("no reply within 500ms")
