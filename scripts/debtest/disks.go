package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"skerry/broker/packet"
)

const (
	override = "/etc/systemd/system/skerry.service.d/test.conf"
	watchdog = 12 * time.Second // instead of a minute
)

// hangs is what hangs.
var hangs = []step{
	{"installed, with a watchdog that bites sooner", installHurried},
	{"a program that is stopped is killed, and keeps its state", stopped},
	{"a disk that hangs: QoS 0 flows, then stacks and a restart", diskHangs},
}

// disks is what else disks do.
var disks = []step{
	{"installing starts a broker for this machine alone", installHurried},
	{"systemd-analyze security finds 2.0 at most", security},
	{"skerry doctor finds an installation that is sound", doctor},
	{"a disk that comes late is waited for", late},
	{"a disk that could not be mounted brings the station along later", lateAfterAll},
	{"a read-only disk is waited for, with a word", readOnly},
	{"a disk that becomes read-only: QoS 0 flows, and nothing is lost", dies},
	{"a disk that is full at the start: it says so, and takes room", fullAtStart},
	{"a disk that becomes full: refused, and nothing is lost", fills},
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

func installHurried(m *machine) {
	m.install("/root/package.deb")
	m.hurry()
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
	time.Sleep(2 * watchdog) // it is fed
	if n := m.number("NRestarts"); n != m.restarts {
		m.fail("restarted %d times without need", n-m.restarts)
	}
	m.away(reader)
	m.must("b/c", 1, "before-the-stop")
	m.run("kill", "-STOP", m.property("MainPID"))
	m.bitten(watchdog + 20*time.Second)
	m.drain(reader)
}

// onCard has the station keep its data on the disk of its own. Its unit is wanted by that mount: it may start at once.
func (m *machine) onCard() {
	m.layOut()
	m.run("mount", "--bind", "/mnt/card/skerry", data)
}

// layOut stops the station and makes a place for its data on the disk of its own.
func (m *machine) layOut() {
	m.run("systemctl", "stop", "skerry")
	if !m.there("/mnt/card/lost+found") {
		m.insert()
	}
	m.run("install", "-d", "-o", "skerry", "-g", "skerry", "-m", "700", "/mnt/card/skerry")
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
	m.away(reader)
	m.must("b/c", 1, "before-the-freeze")
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
	m.drain(reader)
	m.offCard()
}

// mountLate makes a mount that needs a service first.
func (m *machine) mountLate(needs string) {
	m.write("/etc/systemd/system/var-lib-skerry.mount", "[Unit]\nRequires=disk.service\nAfter=disk.service\n[Mount]\nWhat=/mnt/card/skerry\nWhere="+data+"\nType=none\nOptions=bind\n")
	m.write("/etc/systemd/system/disk.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart="+needs+"\n")
	m.run("systemctl", "daemon-reload")
}

func late(m *machine) {
	m.layOut()
	m.mountLate("/bin/sleep 3")
	m.run("systemctl", "start", "skerry")
	m.active()
	m.run("mountpoint", data)
	m.unmount("disk.service")
}

// unmount stops the service, and its disk. In a machine beside others systemd at times has no control group to run umount in, and says so each time:
// then it is done by hand.
func (m *machine) unmount(others ...string) {
	m.run("systemctl", "stop", "skerry")
	if _, err := m.try("systemctl", "stop", "var-lib-skerry.mount"); err != nil {
		m.run("umount", data)
	}
	m.run("systemctl", append([]string{"stop", "var-lib-skerry.mount"}, others...)...)
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
	m.unmount()
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
	m.away(reader)
	m.must("b/c", 1, "before-the-error")
	pid := m.property("MainPID")
	m.write("/mnt/ext4/"+m.device("/mnt/card")+"/trigger_fs_error", "1")
	_ = m.publish("b/c", 1, "refused") // it asks for a commit
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
	m.drain(reader)
	m.offCard()
}

// finding is a line of `skerry doctor`, without its fix.
type finding struct{ state, about, what string }

var findingLine = regexp.MustCompile(`^(ok|PROBLEM) +(.*?)  +(.*)$`)

// findings are what doctor says, but for what is this machine's and not the installation's: who knows the date, and the file system that the
// machine lies on. Each problem comes with its fix, and they are counted.
func (m *machine) findings() (all []finding) {
	out, failed := m.try("skerry", "doctor")
	problems, fixes, last := 0, 0, ""
	for line := range strings.Lines(out) {
		last = strings.TrimSpace(line)
		if strings.HasPrefix(last, "fix: ") {
			fixes++
			continue
		}
		f := findingLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if f == nil {
			continue
		}
		if f[1] == "PROBLEM" {
			problems++
		}
		if f[2] != "clock" && !strings.HasPrefix(f[2], "file system ") {
			all = append(all, finding{f[1], f[2], f[3]})
		}
	}
	if fixes != problems || (failed != nil) != (problems > 0) || problems > 0 && !strings.HasPrefix(last, fmt.Sprintf("%d problem", problems)) {
		m.fail("%d problems, %d fixes, %v:\n%s", problems, fixes, failed, out)
	}
	return all
}

// finds wants doctor to say exactly this; what is a regular expression.
func (m *machine) finds(want ...finding) {
	got := m.findings()
	same := len(got) == len(want)
	for i := 0; same && i < len(want); i++ {
		what := regexp.MustCompile("^(?:" + want[i].what + ")$")
		same = got[i].state == want[i].state && got[i].about == want[i].about && what.MatchString(got[i].what)
	}
	if !same {
		m.fail("doctor finds\n%q, want\n%q", got, want)
	}
}

var (
	soundUnit  = finding{"ok", "unit", "enabled, active, status: running"}
	soundData  = finding{"ok", "data", data}
	soundSpace = finding{"ok", "space", `[0-9.]+ [kMGT]?B free of [0-9.]+ [kMGT]?B for ` + data}
)

// doctor finds a new installation sound, what is done to it, and it sound again when its own fixes were followed.
func doctor(m *machine) {
	m.finds(soundUnit, soundData, soundSpace)
	m.run("systemctl", "disable", "--now", "skerry")
	m.run("chown", "root", data)
	m.finds(
		finding{"PROBLEM", "unit", "is disabled: the station does not start with the machine"},
		finding{"PROBLEM", "unit", "is stopped"},
		finding{"PROBLEM", "data", data + " belongs to root, and the unit runs as skerry"},
		soundSpace,
	)
	m.run("chown", "-R", "skerry:", data)
	m.run("systemctl", "enable", "--now", "skerry")
	m.active()
	m.finds(soundUnit, soundData, soundSpace)
}

const leftToOthers = `[0-9]+ MiB of the file system are left to others`

// fillCard leaves nothing of the disk to anybody, root included. What was deleted is free only when the file system has written that down.
func (m *machine) fillCard() {
	m.run("sh", "-c", `was=-1 is=0
while [ "$was" != "$is" ]; do
	sync
	cat /dev/zero >>/mnt/card/zeros 2>/dev/null || true
	was=$is is=$(stat -c %s /mnt/card/zeros)
done`)
}

// tells waits for a status, a regular expression.
func (m *machine) tells(status string) {
	is := regexp.MustCompile("^(?:" + status + ")$")
	for end := time.Now().Add(40 * time.Second); !is.MatchString(m.property("StatusText")); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			m.fail("status %q, want %s", m.property("StatusText"), status)
		}
	}
}

// sameStation fails if the station was started anew.
func (m *machine) sameStation(pid string) {
	if now := m.property("MainPID"); now != pid || m.number("NRestarts") != 0 {
		m.fail("started anew: process %s was %s", now, pid)
	}
}

// fullAtStart has a station find its disk full, and nothing of its own there: it waits, and goes on in the same process when there is room.
func fullAtStart(m *machine) {
	m.run("rm", "-rf", "/mnt/card/skerry")
	m.layOut()
	m.fillCard()
	m.run("mount", "--bind", "/mnt/card/skerry", data)
	m.waits("no space left on device (hint: the file system is full; `df -h` shows which)", func() { m.run("rm", "/mnt/card/zeros") })
	m.away(reader)
	m.must("b/c", 1, "after-the-room")
	m.drain(reader)
	if n := m.number("NRestarts"); n != 0 {
		m.fail("started anew %d times", n)
	}
	m.offCard()
}

// fills has another program fill the disk under the station, which takes messages until only its reserve is left, and refuses them then, by
// their reason code (MQTT 5) or by the end of the connection (3.1.1). QoS 0 flows, and what waits can be taken. When there is room messages are
// taken again, and none of those that were acknowledged is lost.
func fills(m *machine) {
	before := m.read(config)
	m.write(config, strings.Replace(before, "{path: /var/lib/skerry}", "{path: /var/lib/skerry, when_full: reject}", 1))
	m.run("rm", "-rf", "/mnt/card/skerry")
	m.onCard()
	m.run("systemctl", "start", "skerry")
	m.active()
	pid := m.property("MainPID")
	m.away(reader)
	m.must("b/c", 1, "before-it-is-full")
	m.fillCard()

	c := m.connect()
	const most = 1000
	n := 0
	for err := error(nil); err == nil; n++ {
		if err = c.publish(n); err != nil && !errors.Is(err, packet.QuotaExceeded) || n == most {
			m.fail("message %d: %v", n, err)
		}
	}
	c.close()
	m.tells("runs with a full store: new messages are refused: " + leftToOthers)
	m.finds(finding{"PROBLEM", "unit", "runs with a full store: new messages are refused: " + leftToOthers}, soundData,
		finding{"PROBLEM", "space", `[0-9]+ MB free of [0-9]+ MB for ` + data + `: less than keep_free, [0-9]+ MB, so that messages give way`})
	if err := m.publish("b/c", 1, "refused"+strings.Repeat(".", pad)); err == nil {
		m.fail("acknowledged on a full disk")
	}
	m.roundTrip()
	time.Sleep(watchdog + 3*time.Second) // it is fed
	m.roundTrip()
	m.sameStation(pid)

	m.run("systemctl", "restart", "skerry") // a start on a full disk, with a store
	m.active()
	pid = m.property("MainPID")
	m.roundTrip()
	if err := m.publish("b/c", 1, "refused"+strings.Repeat(".", pad)); err == nil {
		m.fail("acknowledged after a start on a full disk")
	}
	m.tells("runs with a full store: new messages are refused: " + leftToOthers)
	fmt.Printf("         %d messages of %d kB were acknowledged on the full disk, and then none\n", n-1, pad/1000)

	m.run("rm", "/mnt/card/zeros")
	m.tells("running")
	m.must("b/c", 1, "after-it-was-full")
	m.drain(reader)
	m.sameStation(pid)
	m.write(config, before)
	m.offCard()
}
