package deb_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ownScript is a script of the package for a folder in the place of the root directory; the programs that speak to systemd are left out.
func ownScript(t *testing.T, name, root string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer("/var/lib/skerry", root+"/var/lib/skerry", "/etc/skerry", root+"/etc/skerry", "/run/systemd", root+"/run/systemd", "/usr/bin/deb-", root+"/deb-").Replace(string(text))
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(moved), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func files(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPurge says what it deletes, and a second time finds nothing to do.
func TestPurge(t *testing.T) {
	root := t.TempDir()
	files(t, root, "var/lib/skerry/log/1", "var/lib/skerry/id", "etc/skerry/skerry.yaml")
	purge := ownScript(t, "postrm", root) + " purge"
	if out := sh(t, root, purge); !strings.Contains(out, "/var/lib/skerry: 2 files, ") || !strings.Contains(out, "/etc/skerry: 1 files, ") {
		t.Error(out)
	}
	for _, name := range []string{"var/lib/skerry", "etc/skerry"} {
		if _, err := os.Lstat(filepath.Join(root, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out := sh(t, root, purge); out != "" {
		t.Error(out)
	}
}

// TestPurgeLink: what a link leads to is left alone, and not counted as deleted.
func TestPurgeLink(t *testing.T) {
	root := t.TempDir()
	files(t, root, "mnt/usb/log/1", "var/lib/other")
	if err := os.Symlink(filepath.Join(root, "mnt/usb"), filepath.Join(root, "var/lib/skerry")); err != nil {
		t.Fatal(err)
	}
	out := sh(t, root, ownScript(t, "postrm", root)+" purge")
	if !strings.Contains(out, "is a link: what it leads to, "+root+"/mnt/usb, is left alone.") || strings.Contains(out, "Deleting") {
		t.Error(out)
	}
	if _, err := os.Stat(filepath.Join(root, "mnt/usb/log/1")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(root, "var/lib/skerry")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestPurgeMountBelow: a disk that is mounted below is left alone, and does not break the purge in the midst of it.
func TestPurgeMountBelow(t *testing.T) {
	skip(t, "unshare")
	root := t.TempDir()
	files(t, root, "var/lib/skerry/log/1", "etc/skerry/skerry.yaml")
	below := filepath.Join(root, "var/lib/skerry/old")
	script := "mkdir " + below + " && mount -t tmpfs disk " + below + " && echo >" + below + "/kept && " + ownScript(t, "postrm", root) + " purge && ls " + below
	own := []string{"--mount", "sh", "-ec", script}
	if os.Geteuid() != 0 {
		own = append([]string{"--map-root-user"}, own...)
	}
	out, err := exec.Command("unshare", own...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if text := string(out); !strings.Contains(text, "/var/lib/skerry: 1 files, ") || !strings.Contains(text, "a disk that is mounted below it is left alone.") || !strings.HasSuffix(text, "\nkept\n") {
		t.Error(text)
	}
	if _, err := os.Lstat(filepath.Join(root, "etc/skerry")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestInstalledOverLink: a link in the place of the data directory breaks no installation, also when its disk is not there; it is told.
func TestInstalledOverLink(t *testing.T) {
	root := t.TempDir()
	files(t, root, "var/lib/other", "etc/skerry/skerry.yaml", "etc/skerry/users")
	if err := os.Symlink(filepath.Join(root, "mnt/not/there"), filepath.Join(root, "var/lib/skerry")); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"systemd-sysusers", "chgrp", "udevadm", "deb-systemd-helper", "deb-systemd-invoke", "systemctl"} { // what would change this machine
		files(t, root, "bin/"+program)
		if err := os.WriteFile(filepath.Join(root, "bin", program), []byte("#!/bin/sh\n"), 0o755); err != nil || os.Chmod(filepath.Join(root, "bin", program), 0o755) != nil {
			t.Fatal(err)
		}
	}
	out := sh(t, root, "PATH="+root+"/bin:$PATH "+ownScript(t, "postinst", root)+" configure")
	if !strings.Contains(out, root+"/var/lib/skerry is a link, which systemd does not take") || !strings.Contains(out, "Skerry is installed.") {
		t.Error(out)
	}
}
