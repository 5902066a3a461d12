package modem_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/modem"
)

// The environment by which the test's own binary is told to be mmcli, and where it notes what it was asked.
const (
	asMmcli    = "SKERRY_TEST_MMCLI"
	mmcliNotes = "SKERRY_TEST_MMCLI_NOTES"
)

func TestMain(m *testing.M) {
	if scene := os.Getenv(asMmcli); scene != "" {
		os.Exit(mmcliMain(scene, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// mmcliMain is a small mmcli. It answers as that of ModemManager 1.20 does.
func mmcliMain(scene string, args []string) int {
	asked := strings.Join(args, " ")
	notes, err := os.OpenFile(os.Getenv(mmcliNotes), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 99
	}
	fmt.Fprintln(notes, asked)
	notes.Close()
	fail := func(text string) int {
		fmt.Fprintln(os.Stderr, "error: "+text)
		return 1
	}
	switch {
	case scene == "slow":
		time.Sleep(time.Minute)
	case scene == "no modem":
		return fail("couldn't find modem")
	case scene == "no daemon":
		return fail("couldn't find the ModemManager process in the bus")
	case scene == "garbage":
		fmt.Print("modem: \x00\xff")
		return 0
	case scene == "endless":
		for range 1000 {
			fmt.Print(strings.Repeat("[", 10000))
		}
		return 0
	case strings.HasPrefix(scene, "recorded ") && strings.HasSuffix(asked, "-J"):
		kind := "modem"
		if strings.HasPrefix(asked, "-b ") {
			kind = "bearer"
		} else if strings.Contains(asked, "signal") {
			kind = "signal"
		}
		return show("testdata/mmcli-" + strings.TrimPrefix(scene, "recorded ") + "-" + kind + ".json")
	case scene == "forgetful" && asked == "-m any --signal-get -J":
		return forget()
	case strings.HasPrefix(asked, "-b ") && strings.HasSuffix(asked, "-J"):
		fmt.Print(`{"bearer":{"properties":{"apn":"fleet.example.net"},"status":{"connected":"yes"}}}`)
	case strings.HasPrefix(asked, "-b ") && strings.HasSuffix(asked, "--connect") && scene == "busy":
		return fail("couldn't connect the bearer: 'Connection in progress'")
	case asked == "-m any -J":
		fmt.Print(modemDocument(scene))
	case asked == "-m any --signal-get -J":
		fmt.Print(signalDocument(scene))
	case scene == "guest" && strings.Contains(asked, "signal-setup"):
		return fail("couldn't setup extended signal information retrieval: 'GDBus.Error: PolicyKit authorization failed'")
	}
	return 0
}

// show writes a file.
func show(name string) int {
	b, err := os.ReadFile(name)
	if err != nil {
		return 98
	}
	os.Stdout.Write(b)
	return 0
}

// forget answers as a modem does that was switched off and on: it measures when it was asked to since.
func forget() int {
	b, err := os.ReadFile(os.Getenv(mmcliNotes))
	if err != nil {
		return 98
	}
	scene := "fine"
	if asks, setUps := strings.Count(string(b), "--signal-get"), strings.Count(string(b), "--signal-setup"); setUps == 0 || asks > 3 && setUps == 1 {
		scene = "not measured"
	}
	fmt.Print(signalDocument(scene))
	return 0
}

func modemDocument(scene string) string {
	state, failed, registration := "connected", "--", "home"
	switch scene {
	case "no SIM":
		state, failed, registration = "failed", "sim-missing", "--"
	case "locked":
		state, registration = "locked", "--"
	case "denied":
		state, registration = "enabled", "denied"
	case "disabled":
		state, registration = "disabled", "--"
	}
	return fmt.Sprintf(`{"modem":{"3gpp":{"eps":{"initial-bearer":{"settings":{"apn":"first.example.net"}}},"operator-code":"22210","operator-name":"Example","registration-state":%q},
		"dbus-path":"/org/freedesktop/ModemManager1/Modem/0","generic":{"access-technologies":["lte"],"bearers":["/org/freedesktop/ModemManager1/Bearer/3"],
		"manufacturer":"Example","model":"M2","ports":["cdc-wdm0 (qmi)","ttyUSB2 (at)","ttyUSB3 (ignored)"],"primary-port":"cdc-wdm0","signal-quality":{"recent":"yes","value":"58"},
		"state":%q,"state-failed-reason":%q,"unlock-required":"sim-pin"}}}`, registration, state, failed)
}

func signalDocument(scene string) string {
	rate, rsrp, snr := "30", "-104.00", "2.00"
	switch scene {
	case "guest", "not measured":
		rate, rsrp, snr = "0", "--", "--"
	case "comma":
		rsrp, snr = "-104,00", "2,00"
	case "wild":
		rsrp, snr = "-32768.00", "nan"
	}
	return fmt.Sprintf(`{"modem":{"signal":{"5g":{"rsrp":"--","rsrq":"--","snr":"--"},"lte":{"error-rate":"--","rsrp":%q,"rsrq":"-11.00","rssi":"-71.00","snr":%q},"refresh":{"rate":%q}}}}`, rsrp, snr, rate)
}

// manage watches the modem of a small mmcli until the first poll is over. It gives what the program was asked.
func manage(t *testing.T, scene string, o modem.Options) (s modem.Status, asked []string) {
	t.Helper()
	return managePolls(t, scene, 1, o)
}

func managePolls(t *testing.T, scene string, polls uint64, o modem.Options) (s modem.Status, asked []string) {
	t.Helper()
	notes := filepath.Join(t.TempDir(), "notes")
	t.Setenv(asMmcli, scene)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	t.Setenv(mmcliNotes, notes)
	o.Modem = modem.Auto
	if o.Program == "" {
		o.Program = os.Args[0]
	}
	w, err := modem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	for end := time.Now().Add(time.Minute); w.Status().Polls < polls; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d polls within a minute", w.Status().Polls)
		}
	}
	s = w.Status()
	cancel()
	<-done
	b, _ := os.ReadFile(notes) // none: nothing was asked
	return s, strings.Split(strings.TrimSpace(string(b)), "\n")
}

func TestModemManager(t *testing.T) {
	sample := modem.Sample{
		RSRP: modem.At(-104), RSRQ: modem.At(-11), SNR: modem.At(2), CSQ: modem.At(21), Percent: modem.At(58),
		Registration: modem.Home, Operator: "222-10", APN: "fleet.example.net", Technology: "LTE", Model: "Example M2",
	}
	percent := sample
	percent.RSRP, percent.SNR = modem.Level{}, modem.Level{}
	for scene, want := range map[string]struct {
		sample modem.Sample
		band   modem.Band
	}{
		"fine":         {sample, modem.Weak}, // SNR 2 dB
		"comma":        {sample, modem.Weak},
		"wild":         {percent, modem.Fair}, // RSRQ -11 dB
		"not measured": {percent, modem.Fair},
		"guest":        {percent, modem.Fair},

		// what mmcli of Debian 12 wrote of a ModemManager that was made up
		"recorded 1.20.4": {sample, modem.Weak},
	} {
		t.Run(scene, func(t *testing.T) {
			s, asked := manage(t, scene, modem.Options{})
			if s.Signal.Sample != want.sample || s.Signal.Band != want.band || s.Signal.Source != "modemmanager" || s.Err != "" {
				t.Errorf("%+v, want %+v, %s", s, want.sample, want.band)
			}
			setUp := 0
			for _, a := range asked {
				if strings.Contains(a, "--signal-setup=30") {
					setUp++
				}
			}
			if needed := scene == "guest" || scene == "not measured"; (setUp == 1) != needed {
				t.Errorf("asked to measure %d times: %q", setUp, asked)
			}
		})
	}
}

func TestModemManagerTrouble(t *testing.T) {
	for scene, want := range map[string]struct {
		err  string
		band modem.Band
	}{
		"no modem":  {"ModemManager sees none", modem.Unknown},
		"no daemon": {"ModemManager does not run", modem.Unknown},
		"garbage":   {"no JSON", modem.Unknown},
		"endless":   {"no JSON", modem.Unknown},
		"no SIM":    {"put the SIM in", modem.None},
		"locked":    {"sim-pin", modem.None},
		"disabled":  {"--enable", modem.None},
		"denied":    {"", modem.None},
	} {
		t.Run(scene, func(t *testing.T) {
			s, _ := manage(t, scene, modem.Options{})
			if !strings.Contains(s.Err, want.err) || (want.err == "") != (s.Err == "") || s.Signal.Band != want.band {
				t.Errorf("%q, %s; want %q, %s", s.Err, s.Signal.Band, want.err, want.band)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		s, _ := manage(t, "fine", modem.Options{Program: "/no/such/mmcli"})
		if s.Err != modem.ErrNoModemManager.Error() || s.Effects != modem.EffectsOf(modem.Fair) {
			t.Errorf("%+v", s)
		}
		s, _ = manage(t, "fine", modem.Options{Program: "skerry-no-such-program"})
		if s.Err != modem.ErrNoModemManager.Error() {
			t.Errorf("%+v", s)
		}
	})
	t.Run("slow", func(t *testing.T) {
		began := time.Now()
		s, _ := manage(t, "slow", modem.Options{Patience: 50 * time.Millisecond})
		if !strings.Contains(s.Err, "restart ModemManager") || time.Since(began) > 50*time.Second {
			t.Errorf("%q after %v", s.Err, time.Since(began))
		}
	})
}

// TestModemThatForgot: one that was switched off and on is asked to measure again.
func TestModemThatForgot(t *testing.T) {
	_, asked := managePolls(t, "forgetful", 8, modem.Options{Every: time.Millisecond})
	setUps := 0
	for _, a := range asked {
		if strings.Contains(a, "--signal-setup=1") {
			setUps++
		}
	}
	if setUps != 2 {
		t.Errorf("asked to measure %d times: %q", setUps, asked)
	}
}

func TestModemManagerRecovers(t *testing.T) {
	for _, test := range []struct {
		scene string
		act   func(*modem.Watcher, context.Context) error
		want  string
	}{
		{"fine", (*modem.Watcher).Bounce, "-m any -J; -b /org/freedesktop/ModemManager1/Bearer/3 --disconnect; -b /org/freedesktop/ModemManager1/Bearer/3 --connect"},
		{"busy", (*modem.Watcher).Bounce, "-m any -J; -b /org/freedesktop/ModemManager1/Bearer/3 --disconnect; -b /org/freedesktop/ModemManager1/Bearer/3 --connect; -b /org/freedesktop/ModemManager1/Bearer/3 -J"},
	} {
		t.Run(test.scene, func(t *testing.T) {
			notes := filepath.Join(t.TempDir(), "notes")
			t.Setenv(asMmcli, test.scene)
			t.Setenv(mmcliNotes, notes)
			w, err := modem.New(modem.Options{Modem: modem.Auto, Program: os.Args[0]})
			if err != nil {
				t.Fatal(err)
			}
			if err := test.act(w, t.Context()); err != nil {
				t.Error(err)
			}
			b, err := os.ReadFile(notes)
			if got := strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", "; "); err != nil || got != test.want {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
	t.Run("given up", func(t *testing.T) {
		notes := filepath.Join(t.TempDir(), "notes")
		t.Setenv(asMmcli, "fine")
		t.Setenv(mmcliNotes, notes)
		w, err := modem.New(modem.Options{Modem: modem.Auto, Program: os.Args[0]})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = w.Radio(ctx)
		if b, _ := os.ReadFile(notes); !strings.Contains(string(b), "--enable") {
			t.Errorf("the modem was not switched on again: %q", b)
		}
		if err := w.Bounce(ctx); err == nil || errors.Is(err, modem.ErrNoModem) {
			t.Errorf("the bearer after the end: %v", err)
		}
	})
}
