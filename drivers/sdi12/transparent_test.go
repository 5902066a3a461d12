package sdi12_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/sdi12"
)

// wire is a machine whose serial port makes breaks, and notes them with the commands.
type wire struct {
	*drivertest.Machine
	config drivers.SerialConfig
	log    []string
	times  []time.Time
}

func (w *wire) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	w.config = c
	p, err := w.Machine.Serial(name, c)
	return &breaking{p, w}, err
}

func (w *wire) note(what string) {
	w.log, w.times = append(w.log, what), append(w.times, time.Now())
}

type breaking struct {
	drivers.Port
	w *wire
}

func (b *breaking) Break(d time.Duration) error {
	b.w.note("break")
	if d < 12*time.Millisecond {
		b.w.note("too short")
	}
	time.Sleep(d)
	return nil
}

func (b *breaking) Write(p []byte) (int, error) {
	b.w.note(string(p))
	return b.Port.Write(p)
}

func transparent(o *sdi12.Opts) { o.Adapter = "transparent" }

// Each command has a break before it, and the sensor time to wake; the echo of the command is passed over.
func TestBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := machine(map[byte]*sim.SDI12Sensor{'0': gauge()}).Talker.Answer
		w := &wire{Machine: answering(func(written string) string { return "\x00" + written + healthy([]byte(written)) })}
		got, err := read(t, w, setup(transparent))
		if err != nil || got["level"].Number != 1.5 {
			t.Fatalf("%v, %v", got, err)
		}
		if want := (drivers.SerialConfig{Baud: 1200, DataBits: 7, Parity: drivers.EvenParity, StopBits: 1}); w.config != want {
			t.Errorf("the port is %+v, want %+v", w.config, want)
		}
		if log := strings.Join(w.log, " "); log != "break 0I! break 0MC! break 0D0!" {
			t.Error(log)
		}
	})
}

// A sensor that sleeps is called three times within a break while it is awake, and that three times over; the last call of
// each is later than the 100 ms that a sensor may need to wake.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{Machine: answering(func(string) string { return "" })}
		if _, err := read(t, w, setup(transparent)); err == nil {
			t.Fatal("silence was read")
		}
		if log := strings.Join(w.log, " "); log != strings.TrimSuffix(strings.Repeat("break 0I! 0I! 0I! ", 3), " ") {
			t.Errorf("%s", log)
		}
		for i := 0; i+3 < len(w.times); i += 4 {
			if late := w.times[i+3].Sub(w.times[i]); late < 112*time.Millisecond {
				t.Errorf("the last call comes %v after the break", late)
			}
		}
	})
}

// On a port of the board, where a pseudo-terminal stands for the wire.
func TestTransparentOnAPort(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	tty := b.Tty("sdi12")
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	bus := &sim.SDI12{Sensors: map[byte]*sim.SDI12Sensor{'0': gauge()}}
	var mu sync.Mutex
	tty.Hear(func(written []byte, say func(time.Duration, string)) {
		mu.Lock()
		defer mu.Unlock()
		say(0, string(written)) // the echo
		bus.Hear(written, say)
	})
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	s := setup(transparent, func(o *sdi12.Opts) { o.Timeout = 2 * time.Second })
	got, err := read(t, b, s)
	if err != nil || got["level"].Number != 1.5 || got["temperature"].Number != -2 {
		t.Errorf("%v, %v", got, err)
	}
}

// A port that makes no break says so.
func TestNoBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := read(t, machine(map[byte]*sim.SDI12Sensor{'0': gauge()}), setup(transparent))
		if err == nil || !strings.Contains(err.Error(), "makes no break") {
			t.Errorf("%v", err)
		}
	})
}
