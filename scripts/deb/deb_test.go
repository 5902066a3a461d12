package deb_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// sh runs a command of the shell in a folder.
func sh(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-ec", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// skip skips a test for want of a program, which CI does not take.
func skip(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("needs " + program)
	}
	t.Skip("needs " + program)
}

// TestVersion: every commit has a version that Debian takes for a later one than that of the commit before.
func TestVersion(t *testing.T) {
	skip(t, "dpkg")
	dir := t.TempDir()
	text, err := os.ReadFile("version")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "scripts/deb"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scripts/deb/version"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	sh(t, dir, "git init -q . && git add . && git commit -q -m 0")
	var all []string
	note := func() { all = append(all, sh(t, dir, "scripts/deb/version")) }
	commit := func(tag string) {
		sh(t, dir, fmt.Sprintf("echo >>file && git add . && git commit -q -m %d", len(all)))
		if tag != "" {
			sh(t, dir, "git tag "+tag)
		}
		note()
	}
	note()
	for _, tag := range []string{"", "v0.1.0-rc1", "", "v0.1.0-rc2", "v0.1.0", "", "", "v0.1.1", "v0.2.0-rc1", "v0.2.0", ""} {
		commit(tag)
	}
	for i := 1; i < 12; i++ { // two digits of commits
		commit("")
	}
	sh(t, dir, "echo >>file")
	note() // what is not committed
	for i := 1; i < len(all); i++ {
		if err := exec.Command("dpkg", "--compare-versions", all[i-1], "lt", all[i]).Run(); err != nil {
			t.Errorf("%s is not before %s", all[i-1], all[i])
		}
		if out, err := exec.Command("dpkg", "--validate-version", all[i]).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	}
	if !slices.Contains(all, "0.1.0~rc1") || !slices.Contains(all, "0.1.1") {
		t.Errorf("%q", all)
	}
}

// TestUnit: systemd takes the unit, and finds it exposed to 2.0 at most.
func TestUnit(t *testing.T) {
	skip(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "skerry.service").CombinedOutput()
	found := regexp.MustCompile(`Overall exposure level for skerry.service: ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("%v: %s", err, out)
	}
	if x, err := strconv.ParseFloat(string(found[1]), 64); err != nil || x > 2.0 {
		t.Errorf("%s", found[0])
	}
}

// TestNeedsNoNetwork: nothing that may wait for a network for ever is waited for (systemd.special(7)).
func TestNeedsNoNetwork(t *testing.T) {
	unit, err := os.ReadFile("skerry.service")
	if err != nil {
		t.Fatal(err)
	}
	ordered := false
	for line := range strings.Lines(string(unit)) {
		after, ok := strings.CutPrefix(strings.TrimSpace(line), "After=")
		if !ok {
			continue
		}
		ordered = true
		for _, target := range strings.Fields(after) {
			if target == "network-online.target" || target == "time-sync.target" {
				t.Errorf("waits for %s", target)
			}
		}
	}
	if !ordered {
		t.Error("no line After= was found")
	}
}

// TestDevices: the unit opens what buses are made of, and serial ports of all usual kinds (number or name in /proc/devices).
func TestDevices(t *testing.T) {
	unit, err := os.ReadFile("skerry.service")
	if err != nil {
		t.Fatal(err)
	}
	for device, of := range map[string]string{
		"char-gpiochip": "gpiochip", "char-89": "i2c", "char-153": "spidev", "char-4": "ttyS", "char-166": "ttyACM", "char-188": "ttyUSB",
		"char-204": "ttyAMA", "char-ttySC": "ttySC",
	} {
		if !strings.Contains(string(unit), "\nDeviceAllow="+device+" rw\n") {
			t.Errorf("no %s, for %s", device, of)
		}
	}
}

// TestScripts: the shell that Debian has can read them.
func TestScripts(t *testing.T) {
	for _, name := range []string{"postinst", "prerm", "postrm", "build", "same", "version", "../debtest/run", "../arm", "../board/fetch", "../../.ci/run"} {
		if out, err := exec.Command("sh", "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestDefaultConfiguration: what a new machine gets is right, and listens on loopback alone.
func TestDefaultConfiguration(t *testing.T) {
	text, err := os.ReadFile("skerry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg := load(t, text)
	if cfg.Storage.Path != "/var/lib/skerry" || len(cfg.Broker.Listeners) != 1 || !cfg.Broker.Listeners[0].Local() {
		t.Errorf("%+v", cfg.Broker.Listeners)
	}
}

// load reads a configuration as if it were in /etc/skerry, with the file of users that the package makes.
func load(t *testing.T, text []byte) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "skerry.yaml")
	for name, b := range map[string][]byte{file: text, filepath.Join(filepath.Dir(file), "users"): nil} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestCloudInit: the file for the first boot is one that cloud-init takes for its own, its configuration is right and where the unit looks
// for it, its commands are ones that the shell can read, and it installs what is built.
func TestCloudInit(t *testing.T) {
	text, err := os.ReadFile("../../docs/examples/cloud-init/user-data")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("#cloud-config\n")) {
		t.Error("cloud-init knows its files by their first line")
	}
	var data struct {
		Hostname   string `yaml:"hostname"`
		WriteFiles []struct {
			Path, Permissions, Content string
		} `yaml:"write_files"`
		Runcmd [][]string `yaml:"runcmd"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&data); err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile("skerry.service")
	if err != nil {
		t.Fatal(err)
	}
	if len(data.WriteFiles) != 1 || !strings.Contains(string(unit), "ExecStart=/usr/bin/skerry run "+data.WriteFiles[0].Path+"\n") {
		t.Fatalf("files %+v", data.WriteFiles)
	}
	f := data.WriteFiles[0]
	if f.Permissions != "0644" { // the group is not there yet: the user of the gateway is one of the others
		t.Errorf("mode %s", f.Permissions)
	}
	if cfg := load(t, []byte(f.Content)); cfg.Gateway.ID != data.Hostname || len(cfg.Sensors) == 0 {
		t.Errorf("%+v", cfg.Gateway)
	}
	built, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(built), "deb=dist/skerry_${DEB_VERSION}_$ARCH.deb") {
		t.Error("the name of the package is another one")
	}
	installs := false
	for _, c := range data.Runcmd {
		if len(c) != 3 || c[0] != "sh" || c[1] != "-c" {
			t.Fatalf("%q", c)
		}
		if out, err := exec.Command("sh", "-n", "-c", c[2]).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", c[2], out)
		}
		installs = installs || strings.Contains(c[2], "dpkg -i $(ls /boot/firmware/skerry_*_$(dpkg --print-architecture).deb")
	}
	if !installs {
		t.Error("nothing is installed")
	}
}
