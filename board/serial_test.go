package board_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/board/sim"
	"skerry/drivers"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// newTTY is a simulated device that says only what a test lets it say.
func newTTY(t *testing.T) *sim.Tty {
	t.Helper()
	b := sim.New(sim.Options{})
	t.Cleanup(func() { b.Close() })
	tty := b.Tty("gnss")
	tty.Say(nil)
	return tty
}

// silentTTY is such a device, and a port opened on it.
func silentTTY(t *testing.T) (*sim.Tty, drivers.Port) {
	t.Helper()
	tty := newTTY(t)
	p, err := board.OpenPort(tty.Device(), board.Merge(drivers.SerialConfig{}, drivers.SerialConfig{}), board.RS485{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return tty, p
}

func TestSilenceIsTheDeadline(t *testing.T) {
	_, p := silentTTY(t)
	for range 3 {
		start := time.Now()
		p.SetReadDeadline(start.Add(30 * time.Millisecond))
		n, err := p.Read(make([]byte, 10))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read %d, %v; want the deadline", n, err)
		}
		if took := time.Since(start); took < 30*time.Millisecond {
			t.Errorf("the deadline of 30ms came after %v", took)
		}
	}
}

func TestBytesGoBothWays(t *testing.T) {
	tty, p := silentTTY(t)
	p.SetReadDeadline(time.Now().Add(patience))
	for _, say := range []string{"$GPGGA\r\n", "\x00\x03\x04\x11\x13\x7f\xff\n\r"} { // nothing is changed, as a terminal would
		tty.Write([]byte(say))
		got := make([]byte, len(say))
		if _, err := io.ReadFull(p, got); err != nil || string(got) != say {
			t.Errorf("read %q, %v; want %q", got, err, say)
		}
		if _, err := p.Write([]byte(say)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(tty, got); err != nil || string(got) != say {
			t.Errorf("the device got %q, %v; want %q", got, err, say)
		}
	}
}

func TestDiscardDropsWhatCame(t *testing.T) {
	tty, p := silentTTY(t)
	tty.Write([]byte("old"))
	if err := p.Discard(); err != nil {
		t.Fatal(err)
	}
	tty.Write([]byte("new"))
	p.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 10)
	if n, err := p.Read(b); err != nil || string(b[:n]) != "new" {
		t.Errorf("read %q, %v", b[:n], err)
	}
}

// The kernel keeps 4 KiB for who reads, and behind that more, which moves up when the first is dropped. All of it is old.
func TestDiscardDropsAllThatCame(t *testing.T) {
	tty, p := silentTTY(t)
	sent := 0
	for range 6 { // what does not fit is not taken
		n, _ := tty.Write(bytes.Repeat([]byte("old"), 1000))
		sent += n
	}
	if sent < 8000 {
		t.Fatalf("the port took %d bytes", sent)
	}
	if err := p.Discard(); err != nil {
		t.Fatal(err)
	}
	p.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := p.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes of %d came after the rest was dropped, %v", n, sent, err)
	}
}

func TestDeadlineReachesAWaitingRead(t *testing.T) {
	_, p := silentTTY(t)
	got := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		got <- err
	}()
	p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
	case <-time.After(patience):
		t.Fatal("the Read still waits")
	}
}

func TestCloseFreesAWaitingRead(t *testing.T) {
	_, p := silentTTY(t)
	got := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		got <- err
	}()
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v, want os.ErrClosed", err)
		}
	case <-time.After(patience):
		t.Fatal("the Read still waits")
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

func TestUnpluggedWhileReading(t *testing.T) {
	tty, p := silentTTY(t)
	got := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		got <- err
	}()
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-got:
		if !errors.Is(err, drivers.ErrUnplugged) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want unplugged", err)
		}
		if !strings.Contains(err.Error(), tty.Device()) || !strings.Contains(err.Error(), "plug the adapter in") {
			t.Errorf("%q names no device or gives no hint", err)
		}
	case <-time.After(patience):
		t.Fatal("the Read still waits")
	}
}

// A caller that tries again at once does so four times a second, however fast the machine; and goes on when the adapter returns.
func TestUnpluggedIsNoBusyLoopAndComesBack(t *testing.T) {
	tty, p := silentTTY(t)
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	start, reads := time.Now(), 0
	for time.Since(start) < 900*time.Millisecond {
		_, err := p.Read(make([]byte, 1))
		reads++
		if !errors.Is(err, drivers.ErrUnplugged) {
			t.Fatalf("%v, want unplugged", err)
		}
	}
	if most := int(time.Since(start)/(250*time.Millisecond)) + 2; reads > most {
		t.Errorf("%d reads in %v, want at most %d", reads, time.Since(start), most)
	}
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	waitForBytes(t, tty, p)
}

// waitForBytes waits until the port reads what the device says.
func waitForBytes(t *testing.T, tty *sim.Tty, p drivers.Port) {
	t.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	tty.Write([]byte("back"))
	for end := time.Now().Add(patience); time.Now().Before(end); {
		b := make([]byte, 10)
		n, err := p.Read(b)
		if err == nil && bytes.HasPrefix([]byte("back"), b[:n]) {
			return
		}
		if err == nil || !errors.Is(err, drivers.ErrUnplugged) {
			t.Fatalf("read %q, %v", b[:n], err)
		}
	}
	t.Fatal("the port did not come back")
}

func TestWriteNoticesAndComesBack(t *testing.T) {
	tty, p := silentTTY(t)
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("Write: %v, want unplugged", err)
	}
	if err := p.Discard(); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("Discard: %v, want unplugged", err)
	}
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("x")); err != nil {
		t.Errorf("Write after it returned: %v", err)
	}
}

func TestCloseWhileUnplugged(t *testing.T) {
	tty, p := silentTTY(t)
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	p.Read(make([]byte, 1))
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read: %v, want os.ErrClosed", err)
	}
}

func TestPortIsTakenOnce(t *testing.T) {
	tty, p := silentTTY(t)
	c := board.Merge(drivers.SerialConfig{}, drivers.SerialConfig{})
	if _, err := board.OpenPort(tty.Device(), c, board.RS485{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second port: %v, want that it is in use", err)
	}
	p.Close()
	again, err := board.OpenPort(tty.Device(), c, board.RS485{})
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

func TestOpenPortErrors(t *testing.T) {
	tty, p := silentTTY(t)
	p.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := drivers.SerialConfig{Baud: 9600, DataBits: 8, StopBits: 1}
	tests := []struct {
		name   string
		device string
		config drivers.SerialConfig
		rs485  board.RS485
		want   string
	}{
		{"missing", filepath.Join(t.TempDir(), "ttyUSB0"), good, board.RS485{}, "plug the adapter in"},
		{"not a port", file, good, board.RS485{}, "not such a device"},
		{"unknown speed", tty.Device(), drivers.SerialConfig{Baud: 12345, DataBits: 8, StopBits: 1}, board.RS485{}, "common speeds"},
		{"nine data bits", tty.Device(), drivers.SerialConfig{Baud: 9600, DataBits: 9, StopBits: 1}, board.RS485{}, "data bits"},
		{"no RS-485 in the kernel's driver", tty.Device(), good, board.RS485{Direction: board.ByKernel}, "direction: adapter"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := board.OpenPort(test.device, test.config, test.rs485)
			if err == nil {
				p.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.device) {
				t.Errorf("%q; want the device and %q", err, test.want)
			}
			if test.name == "missing" && !errors.Is(err, drivers.ErrUnplugged) {
				t.Errorf("%v, want that it is unplugged", err)
			}
		})
	}
	t.Run("all of the line's settings", func(t *testing.T) {
		p, err := board.OpenPort(tty.Device(), drivers.SerialConfig{Baud: 115200, DataBits: 7, Parity: drivers.EvenParity, StopBits: 2}, board.RS485{})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	})
}

func TestMerge(t *testing.T) {
	asked := drivers.SerialConfig{Baud: 4800, Parity: drivers.EvenParity}
	tests := map[string]struct{ configured, want drivers.SerialConfig }{
		"nothing configured": {drivers.SerialConfig{}, drivers.SerialConfig{Baud: 4800, DataBits: 8, Parity: drivers.EvenParity, StopBits: 1}},
		"all configured": {drivers.SerialConfig{Baud: 115200, DataBits: 7, Parity: drivers.OddParity, StopBits: 2},
			drivers.SerialConfig{Baud: 115200, DataBits: 7, Parity: drivers.OddParity, StopBits: 2}},
	}
	for name, test := range tests {
		if got := board.Merge(test.configured, asked); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// TestSettingsThatAreNotTaken: a driver of the kernel that has no parity, as that of the small UART of a Raspberry Pi, says so only when it is asked.
// That of pseudo-terminals has none either, and eight data bits.
func TestSettingsThatAreNotTaken(t *testing.T) {
	tty := newTTY(t)
	for _, c := range []struct {
		line drivers.SerialConfig
		want string // empty: nothing
	}{
		{drivers.SerialConfig{Baud: 1200, DataBits: 7, Parity: drivers.EvenParity}, `ignored="[data_bits parity]"`},
		{drivers.SerialConfig{Baud: 19200, Parity: drivers.OddParity}, `ignored=[parity]`},
		{drivers.SerialConfig{StopBits: 2}, ""},
	} {
		var log bytes.Buffer
		b, err := board.Open(board.Options{Buses: map[string]board.Bus{"x": {Serial: tty.Device(), Line: c.line}}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Serial("x", drivers.SerialConfig{})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if told := strings.Contains(log.String(), "level=WARN"); told != (c.want != "") || !strings.Contains(log.String(), c.want) {
			t.Errorf("%+v: %s, want %q", c.line, &log, c.want)
		}
	}
}

// TestParityNone: a line that is to have no parity has none, also for a driver that would have one.
func TestParityNone(t *testing.T) {
	tty := newTTY(t)
	asked := drivers.SerialConfig{Baud: 1200, DataBits: 7, Parity: drivers.EvenParity}
	for _, given := range []bool{false, true} {
		var log bytes.Buffer
		b, err := board.Open(board.Options{Buses: map[string]board.Bus{"x": {Serial: tty.Device(), ParityGiven: given}}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Serial("x", asked)
		if err != nil {
			t.Fatal(err)
		}
		termios, err := board.Termios(p)
		if err != nil || (termios.Iflag&unix.INPCK != 0) == given {
			t.Errorf("parity given %t: input flags %#o, %v", given, termios.Iflag, err)
		}
		p.Close()
	}
}
