package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// station is a configuration that older versions take as well: an uplink, a stream of its own, and a listener that wants a password.
const station = `# mine
gateway: {id: old-1, site: lake}
storage: {path: /var/lib/skerry}
broker:
  users_file: users
  listeners:
    local: {tcp: "127.0.0.1:1883", anonymous: true}
    guarded: {tcp: "127.0.0.1:1885"}
streams: {up: {match: ["up/#"]}}
uplinks: {cloud: {mqtt: "tcp://127.0.0.1:1884", retry: 1s..2s}}
`

const (
	password = "correct horse"
	retained = "kept/by/all"
)

// raise starts the server upstream: the present version, wherever the station is on its way. Its store outlasts it.
func (m *machine) raise() {
	if !m.there("/root/upstream") {
		m.run("dpkg-deb", "-x", "/root/package.deb", "/root/upstream")
		m.write("/root/up.yaml", "storage: {path: /root/up}\nbroker: {listeners: {all: {tcp: \"127.0.0.1:1884\", anonymous: true}}}\n")
	}
	_, _ = m.try("systemctl", "reset-failed", "upstream")
	m.run("systemd-run", "-q", "--unit=upstream", "/root/upstream/usr/bin/skerry", "run", "/root/up.yaml")
	m.until("server upstream", 20*time.Second, func() bool {
		_, err := m.try("timeout", "3", "mosquitto_sub", "-p", "1884", "-t", "x", "-E")
		return err == nil
	})
}

// fell has the server upstream hang, with what is sent to it, and die.
func (m *machine) fell(meanwhile func()) {
	m.run("systemctl", "kill", "-s", "STOP", "upstream")
	meanwhile()
	time.Sleep(time.Second) // it is sent, and nobody answers
	m.run("systemctl", "kill", "-s", "KILL", "upstream")
	m.until("end of the server upstream", 10*time.Second, func() bool {
		_, err := m.try("systemctl", "is-active", "-q", "upstream")
		return err != nil
	})
}

// backlog has messages wait for a session that is away, and for the uplink, whose server goes in the midst of it.
func (m *machine) backlog(when string) {
	m.away(reader)
	some := func(n int) {
		for i := range n {
			qos := 1 + i%2
			m.must("b/c", qos, fmt.Sprintf("%s-b-%d-%d", when, n, i))
			m.must("up/c", qos, fmt.Sprintf("%s-up-%d-%d", when, n, i))
		}
	}
	m.fell(func() { some(4) })
	some(20)
	m.run("mosquitto_pub", "-q", "1", "-r", "-t", retained, "-m", when)
}

// fill has the older version keep all kinds of things. What it sends upstream before that is acknowledged there, so that both ends have a session.
func fill(m *machine) {
	m.write(config, station)
	m.run("sh", "-c", "echo '"+password+"' | skerry user add "+users+" kitchen")
	m.raise()
	m.away(ground)
	m.run("systemctl", "restart", "skerry")
	m.active()
	for i := range 6 {
		m.must("up/a", 1+i%2, fmt.Sprintf("first-%d", i))
	}
	m.drain(ground)
	m.backlog("old")
	version, _, _ := strings.Cut(m.run("skerry", "version"), "\n")
	fmt.Printf("         %s: %d messages wait\n", version, len(m.owed))
}

// whole finds all that the station had to keep: configuration, user, retained message, what waits for a session, and what waits for the uplink.
func (m *machine) whole(kept string) {
	if m.read(config) != station {
		m.fail("another configuration: %s", m.read(config))
	}
	guarded := func(args ...string) (string, error) {
		return m.try("timeout", append([]string{"20", "mosquitto_sub", "-p", "1885", "-t", retained, "-C", "1", "-W", "10"}, args...)...)
	}
	if out, err := guarded("-u", "kitchen", "-P", password); err != nil || strings.TrimSpace(out) != kept {
		m.fail("the user, or the retained message: %v: %s", err, out)
	}
	for _, args := range [][]string{nil, {"-u", "kitchen", "-P", "wrong"}} {
		if out, err := guarded(args...); err == nil {
			m.fail("%q let in: %s", args, out)
		}
	}
	m.drain(reader)
	m.raise()
	m.drain(ground)
	if len(m.owed) > 0 {
		m.fail("nobody is to have %v", m.owed)
	}
}

// documented fails if install.md has another command.
func (m *machine) documented(command string) {
	m.says(m.read("/usr/share/doc/skerry/install.md"), "\nsudo "+command)
}

// upgrade has messages wait, and others published while the package is replaced.
func upgrade(m *machine) {
	before := m.read(users)
	done := make(chan string)
	go func() { done <- m.run("apt-get", "install", "-y", "/root/package.deb") }()
	acknowledged, refused := 0, 0
	for i, running := 0, true; running || i < 40; i++ {
		select {
		case out := <-done:
			running = false
			if strings.Contains(out, "skerry scan") {
				m.fail("the welcome of a first installation: %s", out)
			}
		default:
		}
		topic := []string{"b/c", "up/c"}[i%2]
		if m.publish(topic, 1, fmt.Sprintf("meanwhile-%d", i)) != nil {
			refused++
		} else {
			acknowledged++
		}
	}
	m.active()
	fmt.Printf("         %d acknowledged, %d refused while it started anew; %d wait\n", acknowledged, refused, len(m.owed))
	m.documented("apt install ./skerry_NEWER_")
	m.says(m.run("skerry", "version"), "skerry "+m.run("dpkg-query", "-W", "-f", "${Version}", "skerry")+"\n")
	if m.read(users) != before {
		m.fail("other users")
	}
	m.whole("old")
	if m.number("NRestarts") != 0 || strings.Contains(m.journal(), "did not stop in time") {
		m.fail("not a clean restart: %s", m.journal())
	}
	if strings.Count(m.journal(), "Started skerry.service") != 1 {
		m.fail("not started anew once: %s", m.journal())
	}
}

// rollBack uses what only the present version knows, in the configuration and in the store, and goes back: the older one refuses the
// configuration, which costs nothing, and with that of before it goes on with all that the newer one has stored. Then forward again.
func rollBack(m *machine) {
	m.write(config, strings.Replace(station, `["up/#"]`, `["up/#"], encode: json, linger: 1s`, 1))
	m.run("systemctl", "restart", "skerry")
	m.active()
	m.run("mosquitto_sub", "-p", "1884", "-c", "-i", "blocks", "-q", "1", "-t", "lake/old-1/json/up", "-E")
	m.run("mosquitto_pub", "-q", "1", "-t", "up/c", "-m", "in-a-block")
	m.until("block", 30*time.Second, func() bool {
		out, _ := m.try("mosquitto_sub", "-p", "1884", "-c", "-i", "blocks", "-q", "1", "-t", "lake/old-1/json/up", "-W", "1")
		return strings.Contains(out, "in-a-block")
	})
	m.backlog("new")
	m.documented("apt install --allow-downgrades ./skerry_OLDER_")
	out := m.run("apt-get", "install", "-y", "--allow-downgrades", "/root/previous.deb")
	if _, err := m.try("skerry", "check", config); err != nil {
		m.says(out, "The gateway does not run")
		if s, n := m.property("ActiveState"), m.number("NRestarts"); s != "failed" || n != 0 || m.property("ExecMainStatus") != "78" {
			m.fail("%s, restarted %d times, status %s", s, n, m.property("ExecMainStatus"))
		}
		m.says(m.journal(), "encode")
	} else {
		fmt.Println("         the older version takes the configuration of the newer one: no refusal is seen")
	}
	m.write(config, station)
	m.run("systemctl", "restart", "skerry")
	m.active()
	m.whole("new")
	m.backlog("back")
	m.run("apt-get", "install", "-y", "/root/package.deb")
	m.active()
	m.whole("back")
}

// newerStore has both versions find a store of a version that is not made yet.
func newerStore(m *machine) {
	m.away(reader)
	m.must("b/c", 1, "before-the-future")
	m.run("systemctl", "stop", "skerry")
	back := m.future()
	m.run("cp", "-a", data, "/root/before")
	for _, deb := range []string{"/root/previous.deb", "/root/package.deb"} {
		m.run("apt-get", "install", "-y", "--allow-downgrades", deb)
		m.until("refusal", 20*time.Second, func() bool { return strings.HasPrefix(m.property("StatusText"), "waits for its data directory: ") })
		m.says(m.property("StatusText"), "the store was written by a newer version of skerry; use that version, or a newer one")
		m.run("diff", "-r", "/root/before", data)
	}
	pid := m.property("MainPID")
	back()
	m.active()
	if m.property("MainPID") != pid {
		m.fail("started anew")
	}
	m.drain(reader)
	m.run("systemctl", "stop", "upstream")
	m.run("rm", "-r", "/root/before", "/root/upstream", "/root/up", "/root/up.yaml")
}

// future gives the slots of the log the next format (queue/DESIGN.md, section 2), and returns what undoes that.
func (m *machine) future() (back func()) {
	const header, magic, version, sum = 512, 8, 8, 508
	names, err := filepath.Glob(data + "/log/slot-*")
	if err != nil {
		m.fail("%v", err)
	}
	was := map[string][]byte{}
	for _, name := range names {
		b := []byte(m.read(name)[:2*header])
		if slices.Max(b[:magic]) == 0 {
			continue // a spare
		}
		was[name] = b
		next := slices.Clone(b[:header])
		next[version]++
		binary.LittleEndian.PutUint32(next[sum:], crc32.Checksum(next[:sum], crc32.MakeTable(crc32.Castagnoli)))
		m.overwrite(name, slices.Concat(next, next))
	}
	if len(was) == 0 {
		m.fail("no slot is in use")
	}
	return func() {
		for name, b := range was {
			m.overwrite(name, b)
		}
	}
}

// overwrite writes what a file begins with.
func (m *machine) overwrite(name string, b []byte) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		m.fail("%v", err)
	}
}
