package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
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
	begun        time.Time // the step
	acknowledged []string  // payloads that wait for the reader
	restarts     int
}

// failure ends a run.
type failure string

func (*machine) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// tellSteps makes the steps and says how long each has taken.
func tellSteps(only string) (err error) {
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
func (m *machine) away() {
	m.run("mosquitto_sub", "-c", "-i", "reader", "-q", "1", "-t", "b/#", "-E")
}

// publish sends a message at QoS 1, and notes it if it was acknowledged.
func (m *machine) publish(payload string) error {
	_, err := m.try("timeout", "20", "mosquitto_pub", "-q", "1", "-t", "b/c", "-m", payload)
	if err == nil {
		m.acknowledged = append(m.acknowledged, payload)
	}
	return err
}

// taken is what waits for the reader.
func (m *machine) taken() string {
	out, _ := m.try("timeout", "40", "mosquitto_sub", "-c", "-i", "reader", "-q", "1", "-t", "b/#", "-W", "3")
	return out
}

// drain has the reader take all that was acknowledged since it was here.
func (m *machine) drain() {
	got := map[string]int{}
	for _, line := range strings.Fields(m.taken()) {
		got[line]++
	}
	for _, payload := range m.acknowledged {
		if got[payload] == 0 {
			m.fail("%s was acknowledged and is lost; %d of %d came", payload, len(got), len(m.acknowledged))
		}
	}
	m.acknowledged = nil
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
