package main

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	data   = "/var/lib/skerry"
	config = "/etc/skerry/skerry.yaml"
	users  = "/etc/skerry/users"
)

// life is what a station goes through.
var life = []step{
	{"an older version is installed, for this machine alone", installOld},
	{"it has an uplink, users and sessions, and much to keep", fill},
	{"an upgrade loses nothing acknowledged, before or meanwhile", upgrade},
	{"what somebody has changed or disabled stays", keeps},
	{"a reload, and files of users that the program can read", reload},
	{"rolled back by the lines of install.md, and forward again", rollBack},
	{"a store of a newer format is refused with a word, untouched", newerStore},
	{"no date and no network: readings say so, and wait", alone},
	{"a wrong configuration is not tried again", wrongConfiguration},
	{"moved to a new card by the lines of install.md", move},
	{"removed: data and configuration stay", remove},
	{"installed again: what waited is there", again},
	{"purged: it says what it deletes, and nothing is left", purge},
}

// installOld has an older version's package make the station.
func installOld(m *machine) { m.install("/root/previous.deb") }

// install does what somebody does with a package of a file, on a machine that has none yet.
func (m *machine) install(deb string) {
	m.says(m.run("apt-get", "install", "-y", deb), "skerry scan", "skerry user add")
	m.active()
	m.roundTrip()
	groups := m.run("id", "-nG", "skerry")
	for _, g := range []string{"gpio", "i2c", "spi", "dialout"} {
		m.says(groups, g)
	}
	m.says(m.run("stat", "-c", "%a %U %G %n", data, "/etc/skerry", config, users),
		"700 skerry skerry "+data, "750 root skerry /etc/skerry\n", "640 root skerry "+config, "640 root skerry "+users)
	m.says(m.run("systemctl", "is-enabled", "skerry"), "enabled")
	if got := m.listening(); !slices.Equal(got, []string{"127.0.0.1:1883"}) {
		m.fail("%q listen", got)
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
	m.run("sh", "-c", "echo secret | skerry user add "+users+" cellar")
	m.says(m.run("stat", "-c", "%a %G", users), "640 skerry")
	m.run("systemctl", "reload", "skerry")
	m.active()
	m.run("runuser", "-u", "skerry", "--", "skerry", "check", config)
}

// alone has the machine know no date and reach nobody: what is made meanwhile says so, and is kept for the uplink.
func alone(m *machine) {
	before := m.read(config)
	m.write(config, m.read("/usr/share/skerry/skerry.yaml")+`
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
	m.away(reader)
	m.must("b/c", 1, "before-the-move")
	lines := func(text string) { m.run("sh", "-ec", text) }
	lines(`systemctl stop skerry
tar -C / -czf /root/skerry.tar.gz etc/skerry var/lib/skerry`)
	m.run("dpkg", "-P", "skerry")
	m.run("dpkg", "-i", "/root/package.deb")
	m.active()
	lines(`systemctl stop skerry
find /var/lib/skerry -mindepth 1 -delete
tar -C / -xzf /root/skerry.tar.gz
chown -R skerry: /var/lib/skerry && chgrp -R skerry /etc/skerry
systemctl start skerry`)
	m.active()
	if m.read(config) != before {
		m.fail("another configuration: %s", m.read(config))
	}
	m.drain(reader)
	m.run("rm", "/root/skerry.tar.gz")
}

func remove(m *machine) {
	m.away(reader)
	m.must("b/c", 1, "before-the-removal")
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
	m.drain(reader)
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
