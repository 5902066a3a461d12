package modem_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
)

const port = "/dev/ttyTEST"

// pipe is a serial port without a machine, whose time is that of a test.
type pipe struct{ net.Conn }

func (p pipe) Discard() error {
	b := make([]byte, 256)
	for {
		if err := p.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		if _, err := p.Read(b); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
	}
}

// station is a modem and who watches it, in the time of a test.
type station struct {
	*modem.Watcher
	modem *modemtest.Modem

	mu      sync.Mutex
	changes []modem.Signal
}

func (s *station) changed(signal modem.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, signal)
}

// bands lists those of the changes since the last call.
func (s *station) bands() []modem.Band {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bands []modem.Band
	for _, c := range s.changes {
		bands = append(bands, c.Band)
	}
	s.changes = nil
	return bands
}

// watch begins to watch a modem. It must be called in a bubble of synctest.
func watch(t *testing.T, m *modemtest.Modem, o modem.Options) *station {
	t.Helper()
	s := &station{modem: m}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var theirs net.Conn
	o.Modem, o.Changed = port, s.changed
	o.Open = func(device string) (drivers.Port, error) {
		if device != port {
			t.Errorf("the port %q was opened", device)
		}
		var ours net.Conn
		ours, theirs = net.Pipe()
		running.Go(func() { m.Serve(theirs) })
		return pipe{ours}, nil
	}
	var err error
	if s.Watcher, err = modem.New(o); err != nil {
		t.Fatal(err)
	}
	running.Go(func() { s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	synctest.Wait()
	return s
}

// after lets time pass, and ends between two polls.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestWhatAModemTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := modemtest.Fine()
		state.RSRP, state.RSRQ = 41, 20 // -100 dBm, -10 dB
		s := watch(t, modemtest.New(state), modem.Options{})
		after(5 * time.Second)
		got := s.Signal()
		want := modem.Sample{
			CSQ: modem.At(25), RSRP: modem.At(-100), RSRQ: modem.At(-10), Registration: modem.Home,
			Operator: "222-10", APN: "iot.example.net", Technology: "LTE", Model: "T1000",
		}
		if got.Sample != want {
			t.Errorf("%+v, want %+v", got.Sample, want)
		}
		if got.Band != modem.Fair || got.Score != modem.At(62) || got.Source != "at" || got.Frozen != "" || got.When.IsZero() {
			t.Errorf("band %s, score %s, source %q, frozen %q", got.Band, got.Score, got.Source, got.Frozen)
		}
		st := s.Status()
		if st.Err != "" || st.Failures != 0 || st.Polls != 1 {
			t.Errorf("status %+v", st)
		}
		b, err := json.Marshal(st)
		for _, part := range []string{`"band":"fair"`, `"rsrp":-100`, `"snr":null`, `"registration":"home"`, `"held":"nothing"`} {
			if err != nil || !strings.Contains(string(b), part) {
				t.Errorf("%s, %v: has not %s", b, err, part)
			}
		}
	})
}

// TestFigures: what AT+CESQ tells of LTE and of 5G, and what is no figure.
func TestFigures(t *testing.T) {
	for name, test := range map[string]struct {
		change          func(*modemtest.State)
		rsrp, rsrq, snr modem.Level
		band            modem.Band
	}{
		"LTE":     {func(s *modemtest.State) { s.RSRP, s.RSRQ = 25, 2 }, modem.At(-116), modem.At(-19), modem.Level{}, modem.Poor},
		"5G":      {func(s *modemtest.State) { s.RSRP5, s.SINR5 = 67, 45 }, modem.At(-90), modem.Level{}, modem.At(-1), modem.Poor},
		"unknown": {func(s *modemtest.State) {}, modem.Level{}, modem.Level{}, modem.Level{}, modem.Good},
		"wild":    {func(s *modemtest.State) { s.RSRP, s.RSRQ, s.CSQ = 98, 35, 199 }, modem.Level{}, modem.Level{}, modem.Level{}, modem.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := modemtest.Fine()
				test.change(&state)
				s := watch(t, modemtest.New(state), modem.Options{})
				after(15 * time.Second)
				if got := s.Signal(); got.RSRP != test.rsrp || got.RSRQ != test.rsrq || got.SNR != test.snr || got.Band != test.band {
					t.Errorf("%s; want RSRP %s, RSRQ %s, SNR %s, %s", got, test.rsrp, test.rsrq, test.snr, test.band)
				}
			})
		})
	}
}

// TestFallAndReturn: AT+CSQ falls from 25 to 5 and comes back. Band, factors and held classes go by the table, down at once and up when two
// polls in a row are clearly better.
func TestFallAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := watch(t, modemtest.New(modemtest.Fine()), modem.Options{})
		after(15 * time.Second)
		all := modem.State | modem.Live | modem.Backfill
		for i, step := range []struct {
			csq    int
			band   modem.Band
			ping   float64
			ack    float64
			held   modem.Classes
			freeze bool
		}{
			{25, modem.Good, 1, 1, 0, false},
			{12, modem.Fair, 1, 1, 0, false},
			{9, modem.Weak, 0.9, 1.5, modem.Backfill, false},
			{5, modem.Poor, 0.8, 2, all, true},
			{7, modem.Poor, 0.8, 2, all, true},
			{8, modem.Poor, 0.8, 2, all, true}, // weak without hysteresis
			{8, modem.Poor, 0.8, 2, all, true},
			{10, modem.Poor, 0.8, 2, all, true}, // clearly better, once
			{10, modem.Weak, 0.9, 1.5, modem.Backfill, false},
			{25, modem.Weak, 0.9, 1.5, modem.Backfill, false}, // once
			{5, modem.Poor, 0.8, 2, all, true},
			{25, modem.Poor, 0.8, 2, all, true},
			{25, modem.Good, 1, 1, 0, false}, // all bands in between at once
			{99, modem.Good, 1, 1, 0, false}, // not known for a moment
		} {
			s.modem.Set(func(m *modemtest.State) { m.CSQ = step.csq })
			after(31 * time.Second)
			e := s.Effects()
			if s.Band() != step.band || e != (modem.Effects{Ping: step.ping, Ack: step.ack, Held: step.held, Freeze: step.freeze}) {
				t.Errorf("step %d, CSQ %d: %s, %+v; want %+v", i, step.csq, s.Band(), e, step)
			}
		}
		want := []modem.Band{modem.Good, modem.Fair, modem.Weak, modem.Poor, modem.Weak, modem.Poor, modem.Good}
		if got := s.bands(); !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// TestOnlySoLong: what is held back flows after ten minutes, though the signal is no better; and is held anew after it was.
func TestOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := modemtest.Fine()
		state.CSQ = 9
		s := watch(t, modemtest.New(state), modem.Options{})
		after(time.Minute)
		s.modem.Set(func(m *modemtest.State) { m.CSQ = 3 })
		after(8 * time.Minute)
		if e := s.Effects(); e.Held != modem.State|modem.Live|modem.Backfill || s.Status().HeldUntil.IsZero() {
			t.Errorf("after 8 min %+v", e)
		}
		s.bands()
		after(90 * time.Second) // backfill was held before the others were
		if e := s.Effects(); e.Held != modem.State|modem.Live {
			t.Errorf("after 9.5 min %+v", e)
		}
		after(time.Minute)
		if e := s.Effects(); e.Held != 0 || e.Ack != 2 || !e.Freeze || !s.Status().HeldUntil.IsZero() {
			t.Errorf("after 10.5 min %+v", e)
		}
		if got := s.bands(); len(got) != 2 {
			t.Errorf("told %d times that a class is let go", len(got))
		}
		s.modem.Set(func(m *modemtest.State) { m.CSQ = 25 })
		after(2 * time.Minute)
		s.modem.Set(func(m *modemtest.State) { m.CSQ = 3 })
		after(time.Minute)
		if e := s.Effects(); e.Held != modem.State|modem.Live|modem.Backfill {
			t.Errorf("when it is poor again %+v", e)
		}
	})
}

// TestSickLines: whatever is wrong on the line, the signal is the one that the modem has.
func TestSickLines(t *testing.T) {
	unasked := []string{"+CEREG: 3", `+CEREG: 2,"00AB","01A2D003",7`, "RING", "+CSQN: 1", "^HCSQ: \"LTE\"", "+CMTI: \"SM\",3", "NO CARRIER"}
	for name, f := range map[string]modemtest.Faults{
		"pieces":           {Pieces: true},
		"echo":             {Echo: true},
		"garbage":          {Noise: "\x00\xff\xfe~~\r\n" + strings.Repeat("x", 2000) + "\r\n\x80OK\r\n"},
		"unasked lines":    {Unasked: unasked},
		"slow":             {Delay: 1500 * time.Millisecond},
		"very slow":        {Delay: 4 * time.Second},
		"all of it":        {Pieces: true, Echo: true, Noise: "\xff\r\n", Unasked: unasked, Delay: 300 * time.Millisecond},
		"no LTE questions": {Lacks: map[string]bool{"AT+CEREG": true, "AT+CGREG": true}},
		"no settings":      {Lacks: map[string]bool{"AT+CMEE=2": true, "AT+CGMM": true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := modemtest.New(modemtest.Fine())
				m.Fail(f)
				s := watch(t, m, modem.Options{})
				after(70 * time.Second)
				got := s.Signal()
				if got.CSQ != modem.At(25) || got.Registration != modem.Home || got.Operator != "222-10" || got.APN != "iot.example.net" || got.Band != modem.Good {
					t.Errorf("%+v", got)
				}
				if st := s.Status(); st.Err != "" {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// TestWithoutSomeCommands: what a modem does not have is not known, and nothing else is lost.
func TestWithoutSomeCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := modemtest.New(modemtest.Fine())
		m.Fail(modemtest.Faults{Lacks: map[string]bool{"AT+CESQ": true, "AT+COPS": true, "AT+COPS=3,2": true, "AT+CGDCONT": true, "AT+CEREG": true, "AT+CGREG": true, "AT+CREG": true}})
		s := watch(t, m, modem.Options{})
		after(10 * time.Second)
		got := s.Signal()
		if got.Band != modem.Good || got.Operator != "" || got.APN != "" || got.Registration != modem.RegistrationUnknown {
			t.Errorf("%+v", got)
		}
	})
}

// TestSilence: a modem that says nothing slows nothing down, and is heard again when it speaks.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := modemtest.Fine()
		state.CSQ = 5
		m := modemtest.New(state)
		s := watch(t, m, modem.Options{})
		after(15 * time.Second)
		m.Fail(modemtest.Faults{Mute: true})
		after(60 * time.Second)
		if s.Band() != modem.Poor {
			t.Errorf("after a minute of silence %s", s.Band())
		}
		after(40 * time.Second)
		st := s.Status()
		if s.Band() != modem.Unknown || s.Effects() != modem.EffectsOf(modem.Fair) || st.Failures == 0 || !strings.Contains(st.Err, "does not answer") {
			t.Errorf("after three polls %s, %+v, %+v", s.Band(), s.Effects(), st)
		}
		m.Heard()
		after(10 * time.Minute)
		if n := len(m.Heard()); n < 20 || n > 100 {
			t.Errorf("%d commands to a silent modem in ten minutes", n)
		}
		m.Restart()
		m.Fail(modemtest.Faults{})
		after(40 * time.Second)
		if got := s.Signal(); got.Band != modem.Poor || got.Operator != "222-10" {
			t.Errorf("when it speaks again %+v", got)
		}
		if got, want := s.bands(), []modem.Band{modem.Poor, modem.Unknown, modem.Poor}; !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// TestLateAnswers: an answer that comes after its time is not that of another question.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := modemtest.New(modemtest.Fine())
		s := watch(t, m, modem.Options{})
		after(15 * time.Second)
		for range 20 {
			m.Fail(modemtest.Faults{Delay: 6 * time.Second})
			after(33 * time.Second)
			m.Fail(modemtest.Faults{})
			m.Set(func(s *modemtest.State) { s.NoSIM = !s.NoSIM })
			after(70 * time.Second)
			got := s.Signal()
			if got.When.IsZero() || time.Since(got.When) > 45*time.Second {
				t.Fatalf("no answer since %v: %+v", got.When, s.Status())
			}
			if lost := got.Registration == modem.NotRegistered; lost != strings.Contains(got.Trouble, "SIM") || lost == (got.Band == modem.Good) || lost == got.CSQ.Known {
				t.Fatalf("%+v", got)
			}
		}
	})
}

// TestWhatIsAsked: nothing that is asked brings a byte on the air, and not much is asked.
func TestWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := modemtest.New(modemtest.Fine())
		watch(t, m, modem.Options{})
		after(time.Hour)
		harmless := []string{"AT", "ATE0", "AT+CMEE=2", "AT+COPS=3,2", "AT+CSQ", "AT+CESQ", "AT+CEREG?", "AT+CGREG?", "AT+CREG?", "AT+COPS?", "AT+CGDCONT?", "AT+CPIN?", "AT+CGMM", "ATI", "AT+CFUN?"}
		heard := m.Heard()
		for _, c := range heard {
			if !slices.Contains(harmless, c) {
				t.Errorf("asked %q", c)
			}
		}
		if n := len(heard); n < 350 || n > 420 { // 120 polls of three, and a few
			t.Errorf("%d commands in an hour", n)
		}
	})
}

func TestTroubleWithTheSIM(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*modemtest.State)
		want         string
		registration modem.Registration
	}{
		"missing": {func(s *modemtest.State) { s.NoSIM = true }, "put the SIM in", modem.NotRegistered},
		"locked":  {func(s *modemtest.State) { s.PIN, s.Registered = true, 0 }, "SIM PIN", modem.NotRegistered},
		"denied":  {func(s *modemtest.State) { s.Registered = 3 }, "", modem.Denied},
		"calls":   {func(s *modemtest.State) { s.Registered = 8 }, "", modem.Emergency},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := modemtest.Fine()
				test.change(&state)
				s := watch(t, modemtest.New(state), modem.Options{})
				after(15 * time.Second)
				got := s.Signal()
				if got.Registration != test.registration || got.Band != modem.None || got.Operator != "" || !strings.Contains(s.Status().Err, test.want) {
					t.Errorf("%+v, %q", got, s.Status().Err)
				}
				s.modem.Set(func(m *modemtest.State) { *m = modemtest.Fine() })
				after(31 * time.Second)
				if got := s.Signal(); got.Band != modem.Good || got.Trouble != "" || got.Frozen == "" || got.Operator != "222-10" {
					t.Errorf("mended: %+v", got)
				}
				after(3 * time.Minute)
				if got := s.Signal(); got.Frozen != "" {
					t.Errorf("three minutes later: %+v", got)
				}
			})
		})
	}
}

func TestRoamingFreezesLearning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := modemtest.Fine()
		state.Registered = 5
		s := watch(t, modemtest.New(state), modem.Options{})
		after(15 * time.Second)
		if e := s.Effects(); !e.Freeze || e.Held != 0 || s.Signal().Registration != modem.Roaming {
			t.Errorf("%+v, %+v", e, s.Signal())
		}
	})
}

func TestIridiumBars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := modemtest.Fine()
		state.Iridium = true
		s := watch(t, modemtest.New(state), modem.Options{Scale: modem.Iridium})
		for _, step := range []struct {
			bars int
			want modem.Band
		}{{5, modem.Good}, {3, modem.Fair}, {1, modem.Poor}, {0, modem.None}, {2, modem.Weak}, {1, modem.Poor}, {5, modem.Poor}, {5, modem.Good}} {
			s.modem.Set(func(m *modemtest.State) { m.CSQ = step.bars })
			after(31 * time.Second)
			if got := s.Signal(); got.Band != step.want || got.Bars != modem.At(float64(step.bars)) || got.CSQ.Known {
				t.Errorf("%d bars: %+v, want %s", step.bars, got, step.want)
			}
		}
		for _, c := range s.modem.Heard() {
			if strings.Contains(c, "COPS") || strings.Contains(c, "CESQ") {
				t.Errorf("asked an Iridium modem %q", c)
			}
		}
	})
}

// TestPortThatIsNotThere: a port that cannot be opened is tried again with each poll.
func TestPortThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		w, err := modem.New(modem.Options{Modem: port, Open: func(string) (drivers.Port, error) {
			opened++
			return nil, drivers.ErrUnplugged
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		after(10*time.Minute + time.Second)
		st := w.Status()
		if opened != 21 || st.Err != "unplugged" || st.Effects != modem.EffectsOf(modem.Fair) || st.Failures != 21 {
			t.Errorf("opened %d times, %+v", opened, st)
		}
		cancel()
		running.Wait()
	})
}

// TestEndInTheMiddle: Run ends at once, also while a modem is silent, and gives the port back.
func TestEndInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, theirs)
		}()
		w, err := modem.New(modem.Options{Modem: port, Open: func(string) (drivers.Port, error) { return pipe{ours}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		after(500 * time.Millisecond)
		began := time.Now()
		cancel()
		<-done
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("it took %v to end", took)
		}
		if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the port is still open: %v", err)
		}
	})
}

func TestRadioAndBearer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := modemtest.New(modemtest.Fine())
		m.Fail(modemtest.Faults{Stuck: true})
		s := watch(t, m, modem.Options{})
		after(15 * time.Second)
		if s.Band() != modem.None {
			t.Fatalf("a modem that hangs: %s", s.Signal())
		}
		m.Heard()
		if err := s.Bounce(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Radio(t.Context()); err != nil {
			t.Error(err)
		}
		var acts []string
		for _, c := range m.Heard() {
			if strings.Contains(c, "CGACT") || strings.Contains(c, "CFUN") {
				acts = append(acts, c)
			}
		}
		if want := []string{"AT+CGACT=0,1", "AT+CGACT=1,1", "AT+CFUN=4", "AT+CFUN=1"}; !slices.Equal(acts, want) {
			t.Errorf("%q, want %q", acts, want)
		}
		after(31 * time.Second)
		if s.Band() != modem.Good {
			t.Errorf("after its radio was off: %s", s.Signal())
		}
	})
}

// TestRadioIsSwitchedOnAgain: who gives up in the middle leaves no modem without its radio.
func TestRadioIsSwitchedOnAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := modemtest.New(modemtest.Fine())
		s := watch(t, m, modem.Options{})
		after(15 * time.Second)
		m.Fail(modemtest.Faults{Delay: 3 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_ = s.Radio(ctx)
		if _, radio := m.Active(); !radio {
			t.Error("the radio is off")
		}
	})
}

func TestOptionsThatAreWrong(t *testing.T) {
	for _, o := range []modem.Options{{Modem: "ttyUSB2"}, {Modem: "/dev/ttyUSB2"}, {Modem: "yes"}} {
		if _, err := modem.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	w, err := modem.New(modem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Run(ctx)
	if w.Band() != modem.Unknown || w.Effects() != modem.EffectsOf(modem.Fair) || w.Status().String() != "no modem is configured" {
		t.Errorf("without a modem: %+v", w.Status())
	}
	if err := w.Radio(t.Context()); !errors.Is(err, modem.ErrNoModem) {
		t.Errorf("the radio of no modem: %v", err)
	}
}

// TestBadDay: a line with faults that come and go. Each figure is one that the modem had in the minute before, and when the faults are over it is heard.
func TestBadDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		m := modemtest.New(modemtest.Fine())
		s := watch(t, m, modem.Options{})
		answered := 0
		for i := range 2000 {
			was := (i + 31) % 32
			m.Set(func(st *modemtest.State) { st.CSQ, st.RSRP = i%32, 30+i%32 })
			var f modemtest.Faults
			if i%20 < 15 {
				f = modemtest.Faults{
					Mute: random.IntN(6) == 0, Pieces: random.IntN(2) == 0, Echo: random.IntN(3) == 0,
					Delay: []time.Duration{0, 0, 50 * time.Millisecond, time.Second, 4 * time.Second, 7 * time.Second}[random.IntN(6)],
				}
				if random.IntN(3) == 0 {
					f.Noise, f.Unasked = "\xff\x00\r\n", []string{"+CSQN: 3", "RING", "+CEREG: 2"}
				}
			}
			m.Fail(f)
			if random.IntN(50) == 0 {
				m.Restart()
			}
			began := time.Now()
			after(45 * time.Second)
			got := s.Signal()
			if i%20 == 19 && time.Since(got.When) > 45*time.Second {
				t.Fatalf("step %d: not heard since %v: %s", i, time.Since(got.When), s.Status())
			}
			if got.When.Before(began) {
				continue
			}
			answered++
			for _, figure := range []float64{got.CSQ.Value, got.RSRP.Value + 111} {
				if figure != float64(i%32) && figure != float64(was) && (got.RSRP.Known || figure != 111) {
					t.Fatalf("step %d: CSQ %s, RSRP %s; the modem had %d and %d", i, got.CSQ, got.RSRP, i%32, was)
				}
			}
			if got.Registration != modem.Home || got.Operator != "222-10" && got.Operator != "" {
				t.Fatalf("step %d: %s", i, got)
			}
		}
		if answered < 1200 {
			t.Errorf("of 2000 steps %d were answered", answered)
		}
	})
}
