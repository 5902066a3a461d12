package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	data     = "/var/lib/skerry"
	config   = "/etc/skerry/skerry.yaml"
	users    = "/etc/skerry/users"
	override = "/etc/systemd/system/skerry.service.d/test.conf"
	watchdog = 12 * time.Second // instead of a minute
)

var steps = []step{
	{"installing starts a broker for this machine alone", install},
	{"systemd-analyze security finds 2.0 at most", security},
	{"skerry doctor finds an installation that is sound", doctor},
	{"an upgrade loses nothing acknowledged, before or meanwhile", upgrade},
	{"what somebody has changed or disabled stays", keeps},
	{"a reload, and files of users that the program can read", reload},
	{"rolled back, with what waited", rollBack},
	{"a program that is stopped is killed, and keeps its state", stopped},
	{"a disk that hangs: QoS 0 flows, then stacks and a restart", diskHangs},
	{"a disk that comes late is waited for", late},
	{"a disk that could not be mounted brings the station along later", lateAfterAll},
	{"a read-only disk is waited for, with a word", readOnly},
	{"a disk that becomes read-only: QoS 0 flows, and nothing is lost", dies},
	{"a full disk: no crash loop, and all is well when there is room", full},
	{"no date and no network: readings say so, and wait", alone},
	{"a wrong configuration is not tried again", wrongConfiguration},
	{"moved to a new card by the lines of install.md", move},
	{"removed: data and configuration stay", remove},
	{"installed again: what waited is there", again},
	{"purged: it says what it deletes, and nothing is left", purge},
}

func install(m *machine) {
	m.says(m.run("dpkg", "-i", "/root/previous.deb"), "skerry scan", "skerry user add")
	m.active()
	m.roundTrip()
	groups := m.run("id", "-nG", "skerry")
	for _, g := range []string{"gpio", "i2c", "spi", "dialout"} {
		m.says(groups, g)
	}
	m.says(m.run("stat", "-c", "%a %U %G %n", data, "/etc/skerry", config, users),
		"700 skerry skerry "+data, "750 root skerry /etc/skerry\n", "640 root skerry "+config, "640 root skerry "+users)
	m.says(m.run("systemctl", "is-enabled", "skerry"), "enabled")
	if n := strings.Count(m.run("sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"), " 0A "); n != 1 {
		m.fail("%d sockets listen, one was wanted", n)
	}
}

func security(m *machine) {
	out := m.run("systemd-analyze", "security", "skerry", "--no-pager")
	found := regexp.MustCompile(`Overall exposure level for skerry.service: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		m.fail("no figure in %s", out)
	}
	if x, err := strconv.ParseFloat(found[1], 64); err != nil || x > 2.0 {
		m.fail("%s", found[0])
	}
}

func doctor(m *machine) {
	out, _ := m.try("skerry", "doctor") // a clock that nobody sets is a problem, and this machine's
	m.says(out, "ok       unit ", "enabled, active, status: running", "ok       data ")
}

// upgrade has messages wait, and others published while the package is replaced.
func upgrade(m *machine) {
	m.says(m.run("skerry", "version"), "skerry ")
	m.write(config, m.read(config)+"# mine\n")
	m.away()
	for i := range 30 {
		if err := m.publish(fmt.Sprintf("before-%d", i)); err != nil {
			m.fail("before: %v", err)
		}
	}
	done := make(chan string)
	go func() { done <- m.run("dpkg", "-i", "/root/package.deb") }()
	refused := 0
	for i, running := 0, true; running || i < 40; i++ {
		select {
		case out := <-done:
			running = false
			if strings.Contains(out, "skerry scan") {
				m.fail("the welcome of a first installation: %s", out)
			}
		default:
		}
		if m.publish(fmt.Sprintf("meanwhile-%d", i)) != nil {
			refused++
		}
	}
	m.active()
	fmt.Printf("         %d acknowledged, %d refused while it started anew\n", len(m.acknowledged), refused)
	m.drain()
	if m.number("NRestarts") != 0 || strings.Contains(m.journal(), "did not stop in time") {
		m.fail("not a clean restart: %s", m.journal())
	}
	if strings.Count(m.journal(), "Started skerry.service") != 1 {
		m.fail("not started anew once: %s", m.journal())
	}
}

func keeps(m *machine) {
	m.says(m.read(config), "# mine")
	m.run("systemctl", "disable", "--now", "skerry")
	m.run("dpkg", "-i", "/root/package.deb")
	if out, err := m.try("systemctl", "is-enabled", "skerry"); err == nil {
		m.fail("enabled again: %s", out)
	}
	m.run("systemctl", "enable", "--now", "skerry")
	m.active()
}

func reload(m *machine) {
	m.run("sh", "-c", "echo secret | skerry user add "+users+" kitchen")
	m.says(m.run("stat", "-c", "%a %G", users), "640 skerry")
	m.run("systemctl", "reload", "skerry")
	m.active()
	m.run("runuser", "-u", "skerry", "--", "skerry", "check", config)
}

func rollBack(m *machine) {
	m.away()
	if err := m.publish("rolled-back"); err != nil {
		m.fail("%v", err)
	}
	m.run("dpkg", "-i", "/root/previous.deb")
	m.active()
	m.drain()
	m.run("dpkg", "-i", "/root/package.deb")
	m.active()
}

// hurry has the watchdog bite sooner.
func (m *machine) hurry() {
	m.run("mkdir", "-p", "/etc/systemd/system/skerry.service.d")
	m.write(override, fmt.Sprintf("[Service]\nWatchdogSec=%d\n", int(watchdog.Seconds())))
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "restart", "skerry")
	m.active()
	m.restarts = m.number("NRestarts")
}

// bitten waits until the watchdog has had the program started anew.
func (m *machine) bitten(patience time.Duration) {
	m.until("restart by the watchdog", patience, func() bool { return m.number("NRestarts") == m.restarts+1 })
	m.active()
	m.says(m.journal(), "Watchdog timeout", "SIGABRT", "goroutine ")
}

func stopped(m *machine) {
	m.hurry()
	time.Sleep(2 * watchdog) // it is fed
	if n := m.number("NRestarts"); n != m.restarts {
		m.fail("restarted %d times without need", n-m.restarts)
	}
	m.away()
	if err := m.publish("before-the-stop"); err != nil {
		m.fail("%v", err)
	}
	m.run("kill", "-STOP", m.property("MainPID"))
	m.bitten(watchdog + 20*time.Second)
	m.drain()
}

// onCard has the station keep its data on the disk of its own.
func (m *machine) onCard() {
	m.run("systemctl", "stop", "skerry")
	if !m.there("/mnt/card/lost+found") {
		m.insert()
	}
	m.run("install", "-d", "-o", "skerry", "-g", "skerry", "-m", "700", "/mnt/card/skerry")
	m.run("mount", "--bind", "/mnt/card/skerry", data)
}

func (m *machine) offCard() {
	m.run("systemctl", "stop", "skerry")
	m.run("umount", data)
}

// insert mounts the disk.
func (m *machine) insert() {
	m.run("mkdir", "-p", "/mnt/card")
	m.run("mount", "-o", "errors=remount-ro", "/dev/card", "/mnt/card")
}

// diskHangs freezes the file system: writes wait in the kernel, where no signal reaches them.
func diskHangs(m *machine) {
	m.onCard()
	m.run("systemctl", "start", "skerry")
	m.active()
	m.away()
	if err := m.publish("before-the-freeze"); err != nil {
		m.fail("%v", err)
	}
	m.run("fsfreeze", "-f", "/mnt/card")
	frozen := true
	defer func() {
		if frozen {
			_, _ = m.try("fsfreeze", "-u", "/mnt/card")
		}
	}()
	go m.try("timeout", "60", "mosquitto_pub", "-q", "1", "-t", "b/c", "-m", "never-acknowledged")
	time.Sleep(2 * time.Second)
	m.roundTrip()
	m.until("word that the log does not get on", 90*time.Second, func() bool {
		return strings.Contains(m.property("StatusText"), "does not get on: log: the disk has not confirmed a commit")
	})
	m.until("stacks in the journal", 30*time.Second, func() bool { return strings.Contains(m.journal(), "stacks of all goroutines, as log:") })
	m.until("bite", 30*time.Second, func() bool {
		return strings.Contains(m.journal(), "Watchdog timeout")
	})
	m.run("fsfreeze", "-u", "/mnt/card")
	frozen = false
	m.bitten(time.Minute)
	m.drain()
	m.offCard()
}

// mountLate makes a mount that needs a service first.
func (m *machine) mountLate(needs string) {
	m.write("/etc/systemd/system/var-lib-skerry.mount", "[Unit]\nRequires=disk.service\nAfter=disk.service\n[Mount]\nWhat=/mnt/card/skerry\nWhere="+data+"\nType=none\nOptions=bind\n")
	m.write("/etc/systemd/system/disk.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart="+needs+"\n")
	m.run("systemctl", "daemon-reload")
}

func late(m *machine) {
	m.mountLate("/bin/sleep 3")
	m.run("systemctl", "start", "skerry")
	m.active()
	m.run("mountpoint", data)
	m.run("systemctl", "stop", "skerry", "var-lib-skerry.mount", "disk.service")
}

func lateAfterAll(m *machine) {
	m.mountLate("/bin/false")
	if out, err := m.try("systemctl", "start", "skerry"); err == nil {
		m.fail("it started beside its disk: %s", out)
	}
	if m.property("ActiveState") == "active" {
		m.fail("it runs beside its disk")
	}
	m.mountLate("/bin/true")
	_, _ = m.try("systemctl", "reset-failed")
	m.run("systemctl", "start", "var-lib-skerry.mount")
	m.active()
	m.run("systemctl", "stop", "skerry", "var-lib-skerry.mount")
	m.run("rm", "/etc/systemd/system/var-lib-skerry.mount", "/etc/systemd/system/disk.service")
	m.run("systemctl", "daemon-reload")
}

// waits starts the service where it cannot work, and heals that.
func (m *machine) waits(word string, heal func()) {
	m.run("systemctl", "start", "skerry")
	m.until("word of what it waits for", 20*time.Second, func() bool { return strings.HasPrefix(m.property("StatusText"), "waits for its data directory: ") })
	m.says(m.property("StatusText"), word)
	pid := m.property("MainPID")
	time.Sleep(watchdog + 8*time.Second)
	if m.property("MainPID") != pid || m.property("ActiveState") != "active" {
		m.fail("it does not wait")
	}
	heal()
	m.active()
	if m.property("MainPID") != pid {
		m.fail("it was started anew")
	}
	m.roundTrip()
}

func readOnly(m *machine) {
	m.onCard()
	m.run("mount", "-o", "remount,ro", "/mnt/card")
	m.waits("the file system is read-only", func() { m.run("mount", "-o", "remount,rw", "/mnt/card") })
	m.offCard()
}

// dies has ext4 find an error of the device, as on a card that dies: it makes itself read-only under the station, and only a new mount, or a
// start of the machine, ends that.
func dies(m *machine) {
	m.onCard()
	m.run("systemctl", "start", "skerry")
	m.active()
	m.away()
	if err := m.publish("before-the-error"); err != nil {
		m.fail("%v", err)
	}
	pid := m.property("MainPID")
	m.write("/mnt/ext4/"+m.device("/mnt/card")+"/trigger_fs_error", "1")
	_ = m.publish("refused") // it asks for a commit
	m.until("word that there is no storage", 20*time.Second, func() bool { return strings.HasPrefix(m.property("StatusText"), "runs without storage: ") })
	m.says(m.property("StatusText"), "the file system is read-only")
	m.roundTrip()
	time.Sleep(watchdog + 3*time.Second)
	if m.property("MainPID") != pid || m.property("ActiveState") != "active" {
		m.fail("it does not go on")
	}
	m.roundTrip()
	m.offCard()
	m.run("umount", "/mnt/card")
	m.onCard()
	m.run("systemctl", "start", "skerry")
	m.active()
	m.drain()
	m.offCard()
}

// alone has the machine know no date and reach nobody: what is made meanwhile says so, and is kept for the uplink.
func alone(m *machine) {
	before := m.read(config)
	m.write(config, before+`
gateway: {clock: {sources: [gps]}}
sensors: {board: {driver: health, every: 1s}}
streams: {readings: {match: ["#"]}}
uplinks: {cloud: {mqtt: "tcp://up.example:1883"}}
`)
	m.run("systemctl", "restart", "skerry")
	m.active()
	m.says(m.run("timeout", "20", "mosquitto_sub", "-t", "+/+/board/load", "-C", "1"), `"quality":"clock-unset"`)
	waits := func() int {
		n, _ := strconv.Atoi(strings.TrimSpace(m.run("timeout", "20", "mosquitto_sub", "-t", "$SYS/broker/store/messages/waiting", "-C", "1")))
		return n
	}
	m.until("readings that wait for the uplink", 30*time.Second, func() bool { return waits() > 10 })
	m.says(m.journal(), "the date is not known", "uplink cannot connect")
	if n := m.number("NRestarts"); n != 0 {
		m.fail("started anew %d times", n)
	}
	m.write(config, before)
	m.run("systemctl", "restart", "skerry")
	m.active()
}

// full fills the disk before the first start on it. What is acknowledged meanwhile may give way (when_full: drop-oldest); when there is room
// again, messages are kept again.
func full(m *machine) {
	m.run("rm", "-rf", "/mnt/card/skerry")
	m.onCard()
	_, _ = m.try("sh", "-c", "cat /dev/zero >/mnt/card/zeros")
	m.run("systemctl", "start", "skerry")
	m.until("word", 30*time.Second, func() bool { return m.property("StatusText") != "" })
	n := 0
	kept := func() bool {
		_, err := m.try("timeout", "10", "mosquitto_sub", "-c", "-i", "reader", "-q", "1", "-t", "b/#", "-E")
		return err == nil && m.publish(fmt.Sprintf("kept-%d", n)) == nil
	}
	took := kept()
	if status := m.property("StatusText"); strings.HasPrefix(status, "run") {
		m.roundTrip()
	}
	fmt.Printf("         full: a message that lasts was acknowledged: %v; status: %.90s\n", took, m.property("StatusText"))
	if n := m.number("NRestarts"); n != 0 {
		m.fail("started anew %d times", n)
	}
	m.run("rm", "/mnt/card/zeros")
	m.acknowledged = nil
	m.until("message that is kept", 4*time.Minute, func() bool { // storage that has failed is looked at after a minute, then after two more
		n++
		return kept() && strings.Contains(m.taken(), fmt.Sprintf("kept-%d", n))
	})
	m.acknowledged = nil
	m.offCard()
}

func wrongConfiguration(m *machine) {
	right := m.read(config)
	m.write(config, right+"brokr: {}\n")
	if out, err := m.try("systemctl", "restart", "skerry"); err == nil {
		m.fail("it started: %s", out)
	}
	time.Sleep(8 * time.Second)
	if s, n := m.property("ActiveState"), m.number("NRestarts"); s != "failed" || n != 0 || m.property("ExecMainStatus") != "78" {
		m.fail("%s, restarted %d times, status %s", s, n, m.property("ExecMainStatus"))
	}
	m.says(m.journal(), "did you mean broker?")
	m.write(config, right)
	m.run("systemctl", "restart", "skerry")
	m.active()
}

// move makes a backup, deletes all there is, and goes on from the backup on a machine that has only just been installed.
func move(m *machine) {
	before := m.read(config) + "# moved\n"
	m.write(config, before)
	m.away()
	if err := m.publish("before-the-move"); err != nil {
		m.fail("%v", err)
	}
	lines := func(text string) { m.run("sh", "-ec", text) }
	lines(`systemctl stop skerry
tar -C / -czf /root/skerry.tar.gz etc/skerry var/lib/skerry`)
	m.run("dpkg", "-P", "skerry")
	m.run("dpkg", "-i", "/root/package.deb")
	m.active()
	lines(`systemctl stop skerry
tar -C / -xzf /root/skerry.tar.gz
chown -R skerry: /var/lib/skerry && chgrp -R skerry /etc/skerry
systemctl start skerry`)
	m.active()
	if m.read(config) != before {
		m.fail("another configuration: %s", m.read(config))
	}
	m.drain()
	m.run("rm", "/root/skerry.tar.gz")
}

func remove(m *machine) {
	m.away()
	if err := m.publish("before-the-removal"); err != nil {
		m.fail("%v", err)
	}
	m.says(m.run("dpkg", "-r", "skerry"), "are kept")
	for _, gone := range []string{"/usr/bin/skerry", "/usr/share/skerry", "/lib/systemd/system/skerry.service", "/run/skerry"} {
		if m.there(gone) {
			m.fail("%s is still there", gone)
		}
	}
	if out, err := m.try("pgrep", "-x", "skerry"); err == nil {
		m.fail("still runs: %s", out)
	}
	m.says(m.read(config), "# mine")
	if m.run("sh", "-c", "systemctl --failed --no-legend --plain | grep skerry || true") != "" {
		m.fail("a unit that is gone has failed")
	}
}

func again(m *machine) {
	m.run("dpkg", "-i", "/root/package.deb")
	m.active()
	m.drain()
}

func purge(m *machine) {
	m.run("rm", "-rf", "/etc/systemd/system/skerry.service.d")
	out := m.run("dpkg", "-P", "skerry")
	m.says(out, "Deleting "+data, "Deleting /etc/skerry")
	left := m.run("sh", "-c", "find / -xdev -path /proc -prune -o \\( -iname '*skerry*' -o -lname '*skerry*' \\) -print")
	for path := range strings.Lines(left) {
		m.fail("left: %s", path)
	}
}
