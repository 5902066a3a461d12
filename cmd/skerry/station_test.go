package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"skerry/scripts/loopback"
)

// patience bounds each wait of a script for something that must happen. It is far longer than anything takes, so that a
// slow machine waits rather than fails.
const patience = 60 * time.Second

// TestStation plays whole days of a station with real programs: Debian's mosquitto as the server upstream and its clients as
// local devices. The scripts in testdata/station read like a log of the day.
func TestStation(t *testing.T) {
	for _, program := range []string{"mosquitto", "mosquitto_pub", "mosquitto_sub"} {
		needs(t, program)
	}
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/station",
		Setup: setUpStation,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port":         cmdPort,
			"expand":       cmdExpand,
			"spawn":        cmdSpawn,
			"listening":    cmdListening,
			"arrives":      cmdArrives,
			"count":        cmdCount,
			"times":        cmdTimes,
			"end":          cmdEnd,
			"crash":        cmdCrash,
			"device":       cmdDevice,
			"acknowledged": cmdAcknowledged,
			"retire":       cmdRetire,
			"delivered":    cmdDelivered,
			"ordered":      cmdOrdered,
			"absent":       cmdAbsent,
			"blocks":       cmdBlocks,
			"unpacked":     cmdUnpacked,
		},
	})
}

// needs skips a test whose program is missing, or fails it where nothing may be skipped.
func needs(t *testing.T, program string) {
	t.Helper()
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // Debian keeps mosquitto there; a user's PATH may not have it
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("needs %s (Debian: apt install mosquitto mosquitto-clients)", program)
}

// station is what a script has running.
type station struct {
	programs map[string]*program
	devices  map[string]*device
}

type program struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

type stationKey struct{}

func setUpStation(env *testscript.Env) error {
	endAtOnce(env)
	s := &station{programs: map[string]*program{}, devices: map[string]*device{}}
	env.Values[stationKey{}] = s
	env.Defer(func() {
		for _, d := range s.devices {
			d.retire()
		}
		for _, p := range s.programs {
			p.cmd.Process.Kill()
			<-p.done
		}
	})
	return nil
}

// endAtOnce has programs under the race detector end when they have done their work, instead of a second later.
func endAtOnce(env *testscript.Env) { env.Setenv("GORACE", "atexit_sleep_ms=0") }

func of(ts *testscript.TestScript) *station { return ts.Value(stationKey{}).(*station) }

// port NAME: sets NAME to a free port of the loopback interface, which is the script's until it ends.
func cmdPort(ts *testscript.TestScript, neg bool, args []string) {
	port, release, err := loopback.Reserve()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv(args[0], strconv.Itoa(port))
}

// expand FILE...: replaces $NAME in files by the script's variables.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(key string) string { return ts.Getenv(key) })
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// spawn NAME PROGRAM ARG...: starts a program; its output is appended to NAME.out and NAME.err.
func cmdSpawn(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	cmd := exec.Command(find(ts, args[1]), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = output(ts, name+".out"), output(ts, name+".err")
	ts.Check(cmd.Start())
	p := &program{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	of(ts).programs[name] = p
	ts.Logf("[pid %d]", cmd.Process.Pid)
}

// find looks a program up on the script's PATH, where testscript has put the ones that TestMain declares.
func find(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	ts.Fatalf("no %s in PATH", name)
	return ""
}

func output(ts *testscript.TestScript, name string) *os.File {
	f, err := os.OpenFile(ts.MkAbs(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	return f
}

// listening PORT: waits until somebody listens there.
func cmdListening(ts *testscript.TestScript, neg bool, args []string) {
	wait(ts, "a listener on port "+args[0], func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+args[0])
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func wait(ts *testscript.TestScript, what string, ok func() bool) {
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %v for %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// arrives FILE REGEXP [after restart]: waits for a line; with "after restart", for one more than are there now.
func cmdArrives(ts *testscript.TestScript, neg bool, args []string) {
	already := 0
	if len(args) > 2 {
		already = len(matching(ts, args[0], args[1]))
	}
	wait(ts, fmt.Sprintf("a line like %s in %s", args[1], args[0]), func() bool { return len(matching(ts, args[0], args[1])) > already })
}

// count FILE REGEXP N: that many lines match.
func cmdCount(ts *testscript.TestScript, neg bool, args []string) {
	if n := len(matching(ts, args[0], args[1])); strconv.Itoa(n) != args[2] {
		ts.Fatalf("%d lines of %s are like %s, want %s", n, args[0], args[1], args[2])
	}
}

// times FILE REGEXP N: waits until N lines match.
func cmdTimes(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	wait(ts, fmt.Sprintf("%d lines like %s in %s", n, args[1], args[0]), func() bool { return len(matching(ts, args[0], args[1])) >= n })
}

// absent FILE REGEXP: no line matches.
func cmdAbsent(ts *testscript.TestScript, neg bool, args []string) {
	if lines := matching(ts, args[0], args[1]); len(lines) > 0 {
		ts.Fatalf("%s has %q", args[0], lines)
	}
}

func matching(ts *testscript.TestScript, file, pattern string) []string {
	re, err := regexp.Compile("(?m)" + pattern) // a line has its end with it
	ts.Check(err)
	var found []string
	for _, line := range complete(ts, file) {
		if re.MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

// complete returns the lines of a file that is still being written, without a last one that has no end yet.
func complete(ts *testscript.TestScript, file string) []string {
	text, err := os.ReadFile(ts.MkAbs(file))
	ts.Check(err)
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	return slices.Collect(strings.Lines(string(text)))
}

// end NAME: asks a program to end by SIGTERM, and it must do so with status 0. mosquitto_sub, which has no such manners, may
// die of the signal.
func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	p := of(ts).programs[args[0]]
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	wait(ts, args[0]+" to end", p.ended)
	if p.err != nil && !slices.Contains(p.cmd.Args, "mosquitto_sub") {
		ts.Fatalf("%s: %v\n%s", args[0], p.err, ts.ReadFile(args[0]+".err"))
	}
}

func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// crash NAME: the power goes. (kill is a word of testscript itself.)
func cmdCrash(ts *testscript.TestScript, neg bool, args []string) {
	p := of(ts).programs[args[0]]
	ts.Check(p.cmd.Process.Kill())
	wait(ts, args[0]+" to die", p.ended)
}

// device is a local device that publishes numbers to device/NAME, each by a program of its own, and notes which ones were
// acknowledged: mosquitto_pub ends with 0 when they were.
type device struct {
	mu    sync.Mutex
	acked []int
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// device NAME QOS: starts one.
func cmdDevice(ts *testscript.TestScript, neg bool, args []string) {
	d := &device{stop: make(chan struct{}), done: make(chan struct{})}
	of(ts).devices[args[0]] = d
	go d.run(args[0], args[1], ts.Getenv("LOCAL"))
}

func (d *device) run(name, qos, port string) {
	defer close(d.done)
	for n := 0; ; n++ {
		select {
		case <-d.stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
		pub := exec.Command("mosquitto_pub", "-p", port, "-i", "device-"+name, "-q", qos, "-t", "device/"+name, "-m", strconv.Itoa(n))
		if pub.Run() == nil {
			d.mu.Lock()
			d.acked = append(d.acked, n)
			d.mu.Unlock()
		}
	}
}

func (d *device) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.acked)
}

func (d *device) retire() {
	d.once.Do(func() { close(d.stop) })
	<-d.done
}

// acknowledged NAME N: waits until N more messages of a device are.
func cmdAcknowledged(ts *testscript.TestScript, neg bool, args []string) {
	d := of(ts).devices[args[0]]
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	goal := d.count() + n
	wait(ts, "acknowledgements to "+args[0], func() bool { return d.count() >= goal })
}

// retire NAME: stops a device and writes the numbers that were acknowledged to NAME.acked.
func cmdRetire(ts *testscript.TestScript, neg bool, args []string) {
	d := of(ts).devices[args[0]]
	d.retire()
	var out bytes.Buffer
	for _, n := range d.acked {
		fmt.Fprintln(&out, n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".acked"), out.Bytes(), 0o644))
}

// delivered FILE TOPIC ACKED at-least-once|exactly-once: each acknowledged number arrives on the topic; with exactly-once, no
// number arrives twice, acknowledged or not.
func cmdDelivered(ts *testscript.TestScript, neg bool, args []string) {
	var acked []int
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[2])))
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		ts.Check(err)
		acked = append(acked, n)
	}
	missing := func() []int {
		seen := received(ts, args[0], args[1])
		return slices.DeleteFunc(slices.Clone(acked), func(n int) bool { return slices.Contains(seen, n) })
	}
	deadline := time.Now().Add(patience)
	for len(missing()) > 0 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	if m := missing(); len(m) > 0 {
		ts.Fatalf("%d of %d acknowledged messages of %s never arrived: %v", len(m), len(acked), args[1], m)
	}
	if args[3] != "exactly-once" {
		return
	}
	times := map[int]int{}
	for _, n := range received(ts, args[0], args[1]) {
		if times[n]++; times[n] > 1 {
			ts.Fatalf("%s: %d arrived %d times", args[1], n, times[n])
		}
	}
	ts.Logf("%s: %d acknowledged, %d arrived", args[1], len(acked), len(times))
}

// ordered FILE TOPIC: what arrives for the first time is newer than all before it.
func cmdOrdered(ts *testscript.TestScript, neg bool, args []string) {
	newest := -1
	seen := map[int]bool{}
	for _, n := range received(ts, args[0], args[1]) {
		if !seen[n] && n < newest {
			ts.Fatalf("%s: %d arrived after %d", args[1], n, newest)
		}
		seen[n] = true
		newest = max(newest, n)
	}
}

// received returns the numbers that arrived on a topic, in order, from lines "topic qos number".
func received(ts *testscript.TestScript, file, topic string) []int {
	var all []int
	for _, line := range complete(ts, file) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == topic {
			n, err := strconv.Atoi(f[2])
			ts.Check(err)
			all = append(all, n)
		}
	}
	return all
}
