package board_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/board/sim"
	"skerry/drivers"
)

// mostPorts is how many ports are open at once here. Each takes three descriptors: tarm's, ours, and that of the device's end.
const mostPorts = 300

// manyPorts opens ports on a board, each with a silent device.
func manyPorts(t *testing.T, n int) ([]*sim.Tty, []drivers.Port) {
	t.Helper()
	b := sim.New(sim.Options{})
	t.Cleanup(func() { b.Close() })
	var (
		ttys  []*sim.Tty
		ports []drivers.Port
	)
	for i := range n {
		name := fmt.Sprint("tty", i)
		tty := b.Tty(name)
		tty.Say(nil)
		p, err := b.Serial(name, drivers.SerialConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		ttys, ports = append(ttys, tty), append(ports, p)
	}
	return ttys, ports
}

// 300 ports wait, speak, are silent, are pulled and closed at once. Waiting takes no thread for each; reads are counted, so
// that a loop would be seen however fast or slow the machine is.
func TestThreeHundredPortsAtOnce(t *testing.T) {
	ttys, ports := manyPorts(t, mostPorts)
	before := threads(t)
	var (
		all   sync.WaitGroup
		reads atomic.Int64
		heard = make([]atomic.Bool, mostPorts)
		ends  = make([]error, mostPorts)
	)
	for i, p := range ports {
		all.Go(func() {
			b := make([]byte, 16)
			for {
				n, err := p.Read(b)
				reads.Add(1)
				if err != nil {
					ends[i] = err
					return
				}
				if n == 0 {
					ends[i] = errors.New("no byte and no error")
					return
				}
				heard[i].Store(true)
			}
		})
	}
	for _, tty := range ttys {
		if _, err := tty.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "each port hears its device", func() bool {
		for i := range heard {
			if !heard[i].Load() {
				return false
			}
		}
		return true
	})
	if more := threads(t) - before; more > mostPorts/2 { // on a busy machine more of them are in the kernel at once
		t.Errorf("%d more threads for %d waiting ports", more, mostPorts)
	}
	for i := range ports { // a third is pulled, a third gets a deadline, a third is closed
		var err error
		switch i % 3 {
		case 0:
			err = ttys[i].Unplug()
		case 1:
			err = ports[i].SetReadDeadline(time.Now())
		case 2:
			err = ports[i].Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	for i, want := range []error{drivers.ErrUnplugged, os.ErrDeadlineExceeded, os.ErrClosed} {
		for n := i; n < mostPorts; n += 3 {
			if !errors.Is(ends[n], want) {
				t.Errorf("port %d ended with %v, want %v", n, ends[n], want)
			}
		}
	}
	if n := reads.Load(); n > 2*mostPorts {
		t.Errorf("%d reads for %d bytes and as many ends", n, mostPorts)
	}
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", patience, what)
		}
	}
}

// threads counts those of this process.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// Silence is the deadline and nothing else; a pulled adapter is told within a second, although the deadline is
// far away.
func TestHangUpIsToldFromSilence(t *testing.T) {
	tty, p := silentTTY(t)
	for range 3 {
		p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, drivers.ErrUnplugged) {
			t.Fatalf("silence: %v", err)
		}
	}
	quickest := time.Hour // of three, as a busy machine may be late once
	for range 3 {
		p.SetReadDeadline(time.Now().Add(time.Hour))
		pulled := make(chan time.Time, 1)
		go func() {
			at := time.Now()
			tty.Unplug()
			pulled <- at
		}()
		err := errors.New("")
		for n := 1; n > 0; { // the rest of what was said before may come first
			n, err = p.Read(make([]byte, 16))
		}
		if !errors.Is(err, drivers.ErrUnplugged) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("pulled: %v", err)
		}
		quickest = min(quickest, time.Since(<-pulled))
		if err := tty.Plug(); err != nil {
			t.Fatal(err)
		}
		waitForBytes(t, tty, p)
	}
	if quickest > time.Second {
		t.Errorf("told %v after it was pulled", quickest)
	}
}

// An adapter that is pulled and returns again and again is used each time, and each time what was said while it was away is gone.
func TestHotUnplugAndReturn(t *testing.T) {
	tty, p := silentTTY(t)
	for i := range 5 {
		waitForBytes(t, tty, p)
		if err := tty.Unplug(); err != nil {
			t.Fatal(err)
		}
		p.SetReadDeadline(time.Now().Add(patience))
		until(t, fmt.Sprintf("unplugged for the %d. time", i+1), func() bool {
			_, err := p.Read(make([]byte, 16)) // the rest of what was said before may come first
			return errors.Is(err, drivers.ErrUnplugged)
		})
		if err := tty.Plug(); err != nil {
			t.Fatal(err)
		}
	}
}

// other is set in the second process of TestSecondProcessIsRefused.
const other = "SKERRY_TEST_PORT"

// Two processes cannot have one port, whichever user they are; and a port is free when its process is gone.
func TestSecondProcessIsRefused(t *testing.T) {
	c := board.Merge(drivers.SerialConfig{}, drivers.SerialConfig{})
	if device := os.Getenv(other); device != "" {
		p, err := board.OpenPort(device, c, *new(board.RS485))
		if err != nil {
			fmt.Println("refused:", err)
			return
		}
		fmt.Println("opened")
		io.Copy(io.Discard, os.Stdin) // until the first process lets go
		runtime.KeepAlive(p)
		return
	}
	tty, p := silentTTY(t)
	if out, err := secondProcess(t, tty.Device()).Output(); err != nil || !strings.Contains(string(out), "refused:") || !strings.Contains(string(out), "in use") {
		t.Errorf("a second process: %s, %v", out, err)
	}
	p.Close()
	second := secondProcess(t, tty.Device())
	stdin, err := second.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := second.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, len("opened"))
	if _, err := io.ReadFull(stdout, word); err != nil || string(word) != "opened" {
		t.Fatalf("the free port: %s, %v", word, err)
	}
	if _, err := board.OpenPort(tty.Device(), c, *new(board.RS485)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while the other process has it: %v", err)
	}
	stdin.Close()
	io.Copy(io.Discard, stdout)
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	again, err := board.OpenPort(tty.Device(), c, *new(board.RS485))
	if err != nil {
		t.Fatalf("after the other process: %v", err)
	}
	again.Close()
}

func secondProcess(t *testing.T, device string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecondProcessIsRefused$")
	c.Env = append(os.Environ(), other+"="+device)
	return c
}

// Those that do not ask for the lock are kept out by the kernel, but for root.
func TestAPortIsExclusive(t *testing.T) {
	_, p := silentTTY(t)
	if on, err := board.Exclusive(p); err != nil || !on {
		t.Errorf("%t, %v", on, err)
	}
}

// A deadline holds for an adapter that has returned, too: nobody waits for ever at one that is silent now.
func TestDeadlineOutlivesTheAdapter(t *testing.T) {
	tty, p := silentTTY(t)
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	p.SetReadDeadline(time.Now().Add(time.Millisecond))
	until(t, "unplugged", func() bool {
		_, err := p.Read(make([]byte, 16))
		return errors.Is(err, drivers.ErrUnplugged)
	})
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 16))
		got <- err
	}()
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
	case <-time.After(patience):
		t.Fatal("the Read still waits")
	}
}

// A line that takes nothing ends Write after five seconds, and does not hold up Close.
func TestWriteOnALineThatTakesNothing(t *testing.T) {
	t.Parallel()
	_, p := silentTTY(t)
	got := make(chan error, 1)
	go func() {
		for {
			if _, err := p.Write(make([]byte, 4096)); err != nil {
				got <- err
				return
			}
		}
	}()
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
	case <-time.After(patience):
		t.Fatal("the Write still waits")
	}
	closed := make(chan error, 1)
	go func() { closed <- p.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close waits for the line")
	}
}

// Characters with a wrong parity are marked, not passed on as others.
func TestParityIsChecked(t *testing.T) {
	tty, p := silentTTY(t)
	p.Close()
	for parity, want := range map[drivers.Parity]uint32{drivers.NoParity: unix.IGNPAR, drivers.EvenParity: unix.INPCK, drivers.OddParity: unix.INPCK} {
		p, err := board.OpenPort(tty.Device(), board.Merge(drivers.SerialConfig{Parity: parity}, drivers.SerialConfig{}), *new(board.RS485))
		if err != nil {
			t.Fatal(err)
		}
		termios, err := board.Termios(p)
		if err != nil || termios.Iflag != want {
			t.Errorf("parity %v: input flags %#o, %v; want %#o", parity, termios.Iflag, err, want)
		}
		p.Close()
	}
}

// A break ends by itself, is refused by a pulled adapter, and does not hold up Close.
func TestBreak(t *testing.T) {
	tty, p := silentTTY(t)
	breaker, ok := p.(drivers.Breaker)
	if !ok {
		t.Fatal("the port makes no break")
	}
	start := time.Now()
	if err := breaker.Break(20 * time.Millisecond); err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := breaker.Break(time.Millisecond); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("unplugged: %v", err)
	}
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- breaker.Break(time.Hour) }()
	p.Close()
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrClosed) && !errors.Is(err, drivers.ErrUnplugged) {
			t.Errorf("closed: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the break goes on")
	}
}
