package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"skerry/scripts/loopback"
)

// TestRun plays the scripts of the verb run.
func TestRun(t *testing.T) {
	files, err := filepath.Glob("testdata/run*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: setUpStation,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":       cmdStatus,
			"port":         cmdPort,
			"expand":       cmdExpand,
			"spawn":        cmdSpawn,
			"arrives":      cmdArrives,
			"absent":       cmdAbsent,
			"end":          cmdEnd,
			"crash":        cmdCrash,
			"certificates": cmdCertificates,
			"hangup":       cmdHangup,
		},
	})
}

// hangup NAME: sends SIGHUP.
func cmdHangup(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(of(ts).programs[args[0]].cmd.Process.Signal(syscall.SIGHUP))
}

// daemon is `skerry run` in a process of its own.
type daemon struct {
	*exec.Cmd
	t       *testing.T
	address string
	log     string // path
	began   time.Time
	ended   chan error
}

// runDaemon starts a station without sensors, which logs to a file.
func runDaemon(t *testing.T) *daemon {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d := startDaemon(t, log)
	d.log = log.Name()
	return d
}

func startDaemon(t *testing.T, log *os.File) *daemon {
	t.Helper()
	address := loopback.Address(loopback.Port(t))
	dir := t.TempDir()
	file := filepath.Join(dir, "skerry.yaml")
	text := "storage: {path: " + dir + "/data}\nbroker: {listeners: {local: {tcp: \"" + address + "\", anonymous: true}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &daemon{Cmd: exec.Command(os.Args[0], "run", file), t: t, address: address, ended: make(chan error, 1)}
	d.Args[0] = "skerry" // by this name the test binary is the program, see TestMain
	d.Stderr = log
	d.began = time.Now()
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.Wait() }()
	t.Cleanup(func() { d.Process.Kill() })
	return d
}

// connect opens a connection as soon as somebody listens.
func (d *daemon) connect() net.Conn {
	d.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", d.address)
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("nobody listens on %s", d.address)
		}
	}
}

// says waits for a text in the log.
func (d *daemon) says(text string) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		log, err := os.ReadFile(d.log)
		if err == nil && strings.Contains(string(log), text) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("the log has no %q:\n%s", text, log)
		}
	}
}

// end waits for the end.
func (d *daemon) end() error {
	d.t.Helper()
	select {
	case err := <-d.ended:
		return err
	case <-time.After(patience):
		d.t.Fatal("the program does not end")
		return nil
	}
}

// TestRunListensSoon takes the best of a few attempts: a busy machine is not the program's fault.
func TestRunListensSoon(t *testing.T) {
	best := patience
	for range 5 {
		d := runDaemon(t)
		d.connect().Close()
		best = min(best, time.Since(d.began))
		d.Process.Signal(syscall.SIGTERM)
		if err := d.end(); err != nil {
			t.Fatal(err)
		}
		if best < 2*time.Second {
			return
		}
	}
	t.Errorf("listening after %v, want 2s", best)
}

func TestRunEndsBySignal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			d := runDaemon(t)
			stubborn(t, d)
			from := time.Now()
			d.Process.Signal(signal)
			if err := d.end(); err != nil {
				t.Errorf("ended with %v", err)
			}
			if took := time.Since(from); took > 5*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

func TestRunEndsAtOnceBySecondSignal(t *testing.T) {
	d := runDaemon(t)
	stubborn(t, d)
	d.Process.Signal(syscall.SIGTERM)
	d.says("msg=stopping")
	d.Process.Signal(syscall.SIGTERM)
	err := d.end()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("the second signal did not end it: %v", err)
	}
}

// TestRunWithALogThatNobodyReads fills the pipe behind standard error: Clients are served all the same, and a signal ends it.
func TestRunWithALogThatNobodyReads(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d := startDaemon(t, in)
	in.Close()
	for range 400 { // two lines each, into a pipe of 64 KiB
		c := d.connect()
		c.SetDeadline(time.Now().Add(patience))
		c.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01s"))
		if n, err := c.Read(make([]byte, 4)); n != 4 {
			t.Fatalf("no CONNACK: %v", err)
		}
		c.Close()
	}
	from := time.Now()
	d.Process.Signal(syscall.SIGTERM)
	if err := d.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(from); took > 5*time.Second {
		t.Errorf("ended after %v", took)
	}
}

// stubborn is a Client that does not close its connection when the Server goes, and so takes half a second to be got rid of.
func stubborn(t *testing.T, d *daemon) {
	t.Helper()
	c := d.connect()
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01s")); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 4)); n != 4 {
		t.Fatalf("no CONNACK: %v", err)
	}
}
