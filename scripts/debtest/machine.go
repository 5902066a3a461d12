package main

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// step is one thing that is proven.
type step struct {
	name string
	do   func(m *machine)
}

// machine is where the package is tested. Its methods panic with a failure when something is not as it should be.
type machine struct {
	begun    time.Time // the step
	owed     []message // acknowledged, and not taken by whom they are for yet
	restarts int
}

// message is one that was acknowledged.
type message struct {
	topic, payload string
	qos            int
}

// receiver is somebody who is owed messages though he is away.
type receiver struct{ id, port, filter string }

var (
	reader = receiver{"reader", "1883", "b/#"}  // at the station
	ground = receiver{"ground", "1884", "up/#"} // at the server upstream
)

// failure ends a run.
type failure string

func (*machine) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// tellSteps makes the steps of a machine and says how long each has taken.
func tellSteps(name, only string) (err error) {
	steps := plans[slices.IndexFunc(plans, func(p plan) bool { return p.name == name })].steps
	m := &machine{}
	now := ""
	defer func() {
		f, failed := recover().(failure)
		if !failed {
			return
		}
		fmt.Printf("FAILED   %s: %s\n", now, f)
		status, _ := m.try("systemctl", "status", "skerry", "--no-pager", "-l")
		journal, _ := m.try("sh", "-c", "journalctl -b --no-pager -o cat | grep -v '^\\(goroutine\\|\\s\\)' | tail -60")
		fmt.Print(status, journal)
		err = fmt.Errorf("%s: %s", now, f)
	}()
	for i, s := range steps {
		if i > 0 && !strings.Contains(s.name, only) {
			continue
		}
		now = s.name
		m.begun = time.Now()
		s.do(m)
		fmt.Printf("ok       %-66s %5.1f s\n", s.name, time.Since(m.begun).Seconds())
	}
	return os.WriteFile("/root/passed", nil, 0o600)
}

// try runs a program.
func (m *machine) try(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for what must work.
func (m *machine) run(name string, args ...string) string {
	out, err := m.try(name, args...)
	if err != nil {
		m.fail("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// says runs a program that must say each of some texts.
func (m *machine) says(out string, texts ...string) {
	for _, text := range texts {
		if !strings.Contains(out, text) {
			m.fail("%q is not in:\n%s", text, out)
		}
	}
}

// until waits for something.
func (m *machine) until(what string, patience time.Duration, is func() bool) {
	for end := time.Now().Add(patience); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			m.fail("no %s within %v", what, patience)
		}
	}
}

// property of the service, as `systemctl show` has it.
func (m *machine) property(name string) string {
	return strings.TrimSpace(m.run("systemctl", "show", "skerry", "-P", name))
}

func (m *machine) number(name string) int {
	n, err := strconv.Atoi(m.property(name))
	if err != nil {
		m.fail("%s: %v", name, err)
	}
	return n
}

// active waits until the service runs, and says so itself.
func (m *machine) active() {
	m.until("service that runs", time.Minute, func() bool {
		return m.property("ActiveState") == "active" && m.property("StatusText") == "running"
	})
}

// journal is what the service, and systemd of it, have said since the step began.
func (m *machine) journal() string {
	return m.run("journalctl", "-u", "skerry", "--no-pager", "-o", "cat", fmt.Sprintf("--since=@%d.%06d", m.begun.Unix(), m.begun.Nanosecond()/1000))
}

func (m *machine) write(name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		m.fail("%v", err)
	}
}

func (m *machine) read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		m.fail("%v", err)
	}
	return string(b)
}

// device names the block device of the file system at a place, as the kernel calls it.
func (m *machine) device(place string) string {
	var st unix.Stat_t
	if err := unix.Stat(place, &st); err != nil {
		m.fail("%v", err)
	}
	device, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		m.fail("%v", err)
	}
	return path.Base(device)
}

func (m *machine) there(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// away makes a session that lasts, and is not connected.
func (m *machine) away(r receiver) {
	m.run("mosquitto_sub", "-p", r.port, "-c", "-i", r.id, "-q", "2", "-t", r.filter, "-E")
}

// publish sends a message to the station, and notes it if it was acknowledged.
func (m *machine) publish(topic string, qos int, payload string) error {
	_, err := m.try("timeout", "8", "mosquitto_pub", "-q", strconv.Itoa(qos), "-t", topic, "-m", payload)
	if err == nil {
		m.owed = append(m.owed, message{topic, payload, qos})
	}
	return err
}

// must is publish for what has to be taken.
func (m *machine) must(topic string, qos int, payload string) {
	if err := m.publish(topic, qos, payload); err != nil {
		m.fail("%s: %v", payload, err)
	}
}

// taken is what waits for a receiver, and how often it comes.
func (m *machine) taken(r receiver) map[string]int {
	out, _ := m.try("timeout", "40", "mosquitto_sub", "-p", r.port, "-c", "-i", r.id, "-q", "2", "-t", r.filter, "-W", "3")
	got := map[string]int{}
	for _, line := range strings.Fields(out) {
		got[strings.TrimRight(line, ".")]++
	}
	return got
}

// drain has a receiver take all that was acknowledged for him: nothing is lost, and nothing of QoS 2 comes twice.
func (m *machine) drain(r receiver) {
	total := m.taken(r)
	lacks := func() []string { return m.lacks(r, total) }
	for end := time.Now().Add(40 * time.Second); len(lacks()) > 0 && time.Now().Before(end); {
		for payload, n := range m.taken(r) {
			total[payload] += n
		}
	}
	if missing := lacks(); len(missing) > 0 {
		m.fail("acknowledged, and lost for %s: %q", r.id, missing)
	}
	for _, x := range m.owed {
		if n := total[x.payload]; n > 1 && x.qos == 2 && r.gets(x.topic) {
			m.fail("%s came %d times to %s", x.payload, n, r.id)
		}
	}
	m.owed = slices.DeleteFunc(m.owed, func(x message) bool { return r.gets(x.topic) })
}

// lacks are the payloads that a receiver has not.
func (m *machine) lacks(r receiver, got map[string]int) (missing []string) {
	for _, x := range m.owed {
		if r.gets(x.topic) && got[x.payload] == 0 {
			missing = append(missing, x.payload)
		}
	}
	return missing
}

func (r receiver) gets(topic string) bool {
	return strings.HasPrefix(topic, strings.TrimSuffix(r.filter, "#"))
}

// roundTrip has a message come back at QoS 0.
func (m *machine) roundTrip() {
	done := make(chan string)
	go func() {
		out, _ := m.try("mosquitto_sub", "-t", "live", "-C", "1", "-W", "10")
		done <- out
	}()
	for {
		select {
		case out := <-done:
			if strings.TrimSpace(out) != "hello" {
				m.fail("QoS 0 does not flow: %q", out)
			}
			return
		case <-time.After(200 * time.Millisecond):
			_, _ = m.try("timeout", "5", "mosquitto_pub", "-t", "live", "-m", "hello")
		}
	}
}

// listening are the addresses on which somebody takes TCP connections, sorted.
func (m *machine) listening() (all []string) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for line := range strings.Lines(m.read(name)) {
			if f := strings.Fields(line); len(f) > 3 && f[3] == "0A" { // proc(5): the state LISTEN
				all = append(all, address(f[1]))
			}
		}
	}
	slices.Sort(all)
	return all
}

// address reads one of /proc/net/tcp: words in the order of the machine, here one of little endian, and a port.
func address(text string) string {
	host, port, _ := strings.Cut(text, ":")
	b, _ := hex.DecodeString(host)
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	ip, _ := netip.AddrFromSlice(b)
	n, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(ip, uint16(n)).String()
}
