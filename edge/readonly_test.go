package edge_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"skerry/edge"
	"skerry/edge/control"
)

// TestCardGoesReadOnly lets ext4 believe in an error of the device, as a card that dies does: it makes itself read-only under the
// station, which goes on with what needs no card, and says what happened when it is stopped.
func TestCardGoesReadOnly(t *testing.T) {
	dir, fail := card(t)
	cfg := configure(t, threeSensors)
	cfg.Storage.Path = filepath.Join(dir, "data")
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "lake/#")
	live.wait(on("lake/wx/rain/total", `"value":`))
	fail()
	until(t, "storage to fail", func() bool { return s.Store().Err() != nil })
	for range 3 {
		live.wait(on("lake/wx/air/temperature", `"value":`))
	}
	s.end()
	<-s.ended
	s.end = nil
	if !errors.Is(s.err, syscall.EROFS) || !strings.Contains(s.err.Error(), "(hint: the file system is read-only. If it became so by itself, `dmesg`") {
		t.Errorf("Run returned %v", s.err)
	}
	if n := strings.Count(s.log.String(), "storage has failed"); n != 1 {
		t.Errorf("%d lines say that storage has failed\n%s", n, s.log)
	}
	if err := runsInto(t, cfg); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "(hint: the file system is read-only.") {
		t.Errorf("the next start: %v", err)
	}
	if _, err := control.Open(cfg.Storage.Path, true); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "(hint: the file system is read-only") {
		t.Errorf("a purge: %v", err)
	}
}

// card mounts an ext4 of its own, and gives what has it find an error.
func card(t *testing.T) (dir string, fail func()) {
	t.Helper()
	cannot := func(why string) {
		t.Helper()
		if os.Getenv("SKERRY_NO_SKIP") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil || os.Geteuid() != 0 {
		cannot("needs root and loop devices")
	}
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		cannot("needs mkfs.ext4 (Debian: apt install e2fsprogs): " + err.Error() + string(out))
	}
	if out, err := exec.Command("mount", "-o", "loop,errors=remount-ro", image, dir).CombinedOutput(); err != nil {
		cannot("needs to mount: " + err.Error() + string(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	source, err := exec.Command("findmnt", "-n", "-o", "SOURCE", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(source))), "trigger_fs_error")
	if _, err := os.Stat(trigger); err != nil {
		cannot("needs an ext4 that errors can be played on: " + err.Error())
	}
	return dir, func() {
		if err := os.WriteFile(trigger, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
	}
}
