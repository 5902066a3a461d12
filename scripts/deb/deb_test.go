package deb_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

// repository is a history with the script that knows versions, and a file CHANGELOG.md.
type repository struct {
	t       *testing.T
	dir     string
	commits int
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	for _, program := range []string{"dpkg", "git", "tar"} {
		skip(t, program)
	}
	r := &repository{t: t, dir: filepath.Join(t.TempDir(), "whole")}
	if err := os.MkdirAll(filepath.Join(r.dir, "scripts/deb"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"version", ".gitattributes"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir, "scripts/deb", name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.changelog("Unreleased")
	sh(t, r.dir, "git init -q .")
	return r
}

func (r *repository) changelog(heads ...string) {
	if err := os.WriteFile(filepath.Join(r.dir, "CHANGELOG.md"), []byte("# Changes\n\n## "+strings.Join(heads, "\n\n## ")+"\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit makes one, a second after the one before, and gives its version.
func (r *repository) commit(tag string) string {
	r.commits++
	sh(r.t, r.dir, fmt.Sprintf("echo >>file && git add . && GIT_COMMITTER_DATE='%d +0300' git commit -q -m %[1]d", 1_790_000_000+r.commits))
	if tag != "" {
		sh(r.t, r.dir, "git tag "+tag)
	}
	return r.version()
}

func (r *repository) version() string { return sh(r.t, r.dir, "scripts/deb/version") }

// ascending tells whether Debian takes each version for a later one than that before it.
func ascending(t *testing.T, all []string) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if err := exec.Command("dpkg", "--compare-versions", all[i-1], "lt", all[i]).Run(); err != nil {
			t.Errorf("%s is not before %s", all[i-1], all[i])
		}
		if out, err := exec.Command("dpkg", "--validate-version", all[i]).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	}
}

// TestVersion: every commit has a version that Debian takes for a later one than that of the commit before; and than those that counted
// commits, as versions did once.
func TestVersion(t *testing.T) {
	r := newRepository(t)
	all := []string{"0.0.0+1.gffffffff", "0.0.0+607.g1b8d11eb", r.commit("")}
	for _, tag := range []string{"", "v0.1.0-rc1", "", "v0.1.0-rc2", "v0.1.0", "", "", "v0.1.1", "v0.2.0-rc1", "v0.2.0", ""} {
		all = append(all, r.commit(tag))
	}
	for range 12 { // digits of seconds
		all = append(all, r.commit(""))
	}
	sh(t, r.dir, "echo >>file")
	all = append(all, r.version()) // what is not committed
	ascending(t, all)
	if !slices.Contains(all, "0.1.0~rc1") || !slices.Contains(all, "0.1.1") {
		t.Errorf("%q", all)
	}
}

// TestVersionWithoutHistory: a clone of the last commit alone, and an archive of it, have the version and the date of a whole clone; after a
// release, one that only the changes name, they do not go back before it. A mere copy of the files has none, and says what to do.
func TestVersionWithoutHistory(t *testing.T) {
	r := newRepository(t)
	r.commit("")
	places := func() (shallow, archive string) {
		dir := t.TempDir()
		sh(t, dir, "git clone -q --depth 1 --no-tags file://"+r.dir+" shallow && mkdir archive copy && git -C "+r.dir+" archive HEAD | tar -x -C archive")
		if date := sh(t, dir, "archive/scripts/deb/version date"); date != sh(t, dir, "shallow/scripts/deb/version date") || date != sh(t, r.dir, "scripts/deb/version date") {
			t.Errorf("the archive is of %s", date)
		}
		return sh(t, dir, "shallow/scripts/deb/version"), sh(t, dir, "archive/scripts/deb/version")
	}
	before := r.commit("")
	if shallow, archive := places(); shallow != before || archive != before {
		t.Errorf("%s, shallow %s, archive %s", before, shallow, archive)
	}
	r.changelog("Unreleased", "0.1.0", "0.0.9")
	if release := r.commit("v0.1.0"); release != "0.1.0" {
		t.Error(release)
	}
	if _, archive := places(); archive != "0.1.0" {
		t.Errorf("the archive of a release is %s", archive)
	}
	after := r.commit("")
	shallow, archive := places()
	if shallow != after || archive != after {
		t.Errorf("%s, shallow %s, archive %s", after, shallow, archive)
	}
	ascending(t, []string{before, "0.1.0", shallow})

	copied := t.TempDir()
	sh(t, copied, "cp -R "+r.dir+"/scripts "+r.dir+"/CHANGELOG.md .")
	if out, err := exec.Command(filepath.Join(copied, "scripts/deb/version")).CombinedOutput(); err == nil || !strings.Contains(string(out), "hint: ") {
		t.Errorf("%v: %s", err, out)
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

// TestStartedAnew: after any crash the next start comes within a minute, without end: a watchdog that bites once a month would else make a
// station wait for minutes by the end of the year.
func TestStartedAnew(t *testing.T) {
	text, err := os.ReadFile("skerry.service")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			set[name] = value
		}
	}
	if set["Restart"] != "always" || set["StartLimitIntervalSec"] != "0" {
		t.Errorf("Restart %s, StartLimitIntervalSec %s", set["Restart"], set["StartLimitIntervalSec"])
	}
	for _, name := range []string{"RestartSec", "RestartMaxDelaySec"} {
		if d, err := time.ParseDuration(set[name]); err != nil || d < time.Second || d > time.Minute {
			t.Errorf("%s %s: %v", name, set[name], err)
		}
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
	for _, name := range []string{"postinst", "prerm", "postrm", "build", "same", "version", "../debtest/run", "../debtest/previous", "../arm", "../board/fetch", "../../.ci/run"} {
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

// load reads a configuration as if it were in /etc/skerry, with the file of users that the package makes, and a certificate.
func load(t *testing.T, text []byte) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "skerry.yaml")
	dir := filepath.Dir(file)
	cert, key := certificate(t)
	for name, b := range map[string][]byte{file: text, filepath.Join(dir, "users"): nil, filepath.Join(dir, "lan.crt"): cert, filepath.Join(dir, "lan.key"): key} {
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

// certificate is one that has signed itself, and its key (PEM).
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
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
		Bootcmd [][]string `yaml:"bootcmd"`
		Runcmd  [][]string `yaml:"runcmd"`
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
	if len(data.WriteFiles) != 2 || !strings.Contains(string(unit), "ExecStart=/usr/bin/skerry run "+data.WriteFiles[0].Path+"\n") {
		t.Fatalf("files %+v", data.WriteFiles)
	}
	f := data.WriteFiles[0]
	if users := data.WriteFiles[1]; users.Path != filepath.Join(filepath.Dir(f.Path), "users") || users.Permissions != "0600" || !strings.HasPrefix(users.Content, "# ") || strings.Count(users.Content, "\n") != 1 {
		t.Errorf("who may come in is %+v, and the file knows nobody", users)
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
	for _, c := range slices.Concat(data.Bootcmd, data.Runcmd) {
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
