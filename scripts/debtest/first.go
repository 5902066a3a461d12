package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// first is the first boot of a card that nobody has been at.
var first = []step{
	{"cloud-init has installed, configured and started the gateway", firstBoot},
	{"a user of the file comes in from the network, and nobody else", firstUser},
}

const (
	firstID       = "wx-042"
	firstPassword = "long enough for a card that somebody may find"
)

// bootPartition does what the file for the first boot asks of its reader: package and file are copied to the boot partition, and a user stands
// in the file. Where cloud-init looks is as Raspberry Pi OS has it.
func bootPartition(root, deb string) error {
	const file = "docs/examples/cloud-init/user-data"
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	line, err := userLine(root, deb)
	if err != nil {
		return err
	}
	const place = "# kitchen:HASH <--"
	if bytes.Count(text, []byte(place)) != 1 {
		return fmt.Errorf("%s has no line %q", file, place)
	}
	text = bytes.Replace(text, []byte(place), line, 1)
	boot := filepath.Join(root, "boot/firmware")
	return errors.Join(
		addDialog(root),
		os.MkdirAll(boot, 0o755),
		do("cp", deb, boot),
		os.WriteFile(filepath.Join(boot, "user-data"), text, 0o644),
		os.WriteFile(filepath.Join(boot, "meta-data"), []byte("instance-id: first-boot\n"), 0o644),
		os.WriteFile(filepath.Join(root, "etc/cloud/cloud.cfg.d/99_boot_partition.cfg"),
			[]byte("datasource_list: [NoCloud, None]\ndatasource: {NoCloud: {seedfrom: \"file:///boot/firmware/\"}}\nlocale: C.UTF-8\n"), 0o644),
	)
}

// dialog is like userconfig.service of Raspberry Pi OS Lite (package userconf-pi), which asks for a first user on the screen while cloud-init
// waits: here nobody ever answers.
const dialog = `[Unit]
After=systemd-user-sessions.service cloud-config.service
[Service]
Type=oneshot
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
`

// addDialog adds that dialog to a machine.
func addDialog(root string) error {
	const unit, wants = "usr/lib/systemd/system/userconfig.service", "etc/systemd/system/multi-user.target.wants"
	return errors.Join(
		os.WriteFile(filepath.Join(root, unit), []byte(dialog), 0o644),
		os.MkdirAll(filepath.Join(root, wants), 0o755),
		os.Symlink("/"+unit, filepath.Join(root, wants, "userconfig.service")),
	)
}

// userLine is what `skerry user add` of the package writes on another machine.
func userLine(root, deb string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "debtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := do("dpkg-deb", "-x", deb, dir); err != nil {
		return nil, err
	}
	users := filepath.Join(dir, "users")
	add := exec.Command(filepath.Join(dir, "usr/bin/skerry"), "user", "add", users, "kitchen")
	add.Stdin = strings.NewReader(firstPassword + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("skerry user add: %w: %s", err, out)
	}
	line, err := os.ReadFile(users)
	return bytes.TrimSpace(line), err
}

func firstBoot(m *machine) {
	m.says(m.run("cloud-init", "status", "--wait", "--long"), "status: done", "DataSourceNoCloud")
	if out := m.read("/run/cloud-init/result.json"); !strings.Contains(out, `"errors": []`) {
		m.fail("%s\n%s", out, m.read("/var/log/cloud-init-output.log"))
	}
	if out := m.read("/var/log/cloud-init-output.log"); strings.Contains(out, "nothing else yet") {
		m.fail("the package says that it listens for this machine alone:\n%s", out)
	}
	m.active()
	m.says(m.run("systemctl", "is-enabled", "skerry"), "enabled")
	if n := strings.Count(m.run("journalctl", "-b", "-u", "skerry", "--no-pager", "-o", "cat"), "Started skerry.service"); n != 1 {
		m.fail("started %d times", n)
	}
	m.says(m.run("stat", "-c", "%a %U %G %n", config, users, "/etc/skerry/lan.key", data),
		"640 root skerry "+config, "640 root skerry "+users, "640 root skerry /etc/skerry/lan.key", "700 skerry skerry "+data)
	m.says(m.run("runuser", "-u", "skerry", "--", "skerry", "check", config), firstID)
	m.says(m.run("mosquitto_sub", "-t", "lake/"+firstID+"/board/load", "-C", "1", "-W", "30"), `"value":`)
	m.roundTrip()
}

func firstUser(m *machine) {
	want := []string{"0.0.0.0:8883", "127.0.0.1:1883"}
	if got := m.listening(); !slices.Equal(got, want) && !slices.Equal(got, []string{"127.0.0.1:1883", "[::]:8883"}) {
		m.fail("%q listen, and %q are wanted", got, want)
	}
	m.write("/etc/hosts", m.read("/etc/hosts")+"127.0.0.1 "+firstID+".lan\n")
	lan := func(args ...string) (string, error) {
		return m.try("timeout", append([]string{"20", "mosquitto_sub", "-h", firstID + ".lan", "-p", "8883", "--cafile", "/etc/skerry/lan.crt", "-t", "lake/#", "-C", "1", "-W", "10"}, args...)...)
	}
	if out, err := lan("-u", "kitchen", "-P", firstPassword); err != nil || !strings.Contains(out, `"value":`) {
		m.fail("a user is not let in: %v: %s", err, out)
	}
	for who, args := range map[string][]string{"nobody": nil, "another password": {"-u", "kitchen", "-P", "another"}, "an unknown user": {"-u", "cellar", "-P", firstPassword}} {
		if out, err := lan(args...); err == nil || !strings.Contains(out, "not authori") && !strings.Contains(out, "bad user name or password") {
			m.fail("%s: %v: %s", who, err, out)
		}
	}
}
