package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// someUser is not root.
const someUser = 65534

// asRoot skips a test that needs root, or fails it where nothing may be skipped.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("not run as root")
	}
	t.Skip("needs root")
}

// TestRootLeavesNothing: what root does to a store of another user, that user can go on with: there is not a file that belongs to
// root.
func TestRootLeavesNothing(t *testing.T) {
	asRoot(t)
	above, err := os.MkdirTemp("", "skerry")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(above) })
	dir := filepath.Join(above, "data")
	secret := filepath.Join(t.TempDir(), "export") // where only root may read and write
	if err := errors.Join(os.Chmod(above, 0o755), os.Mkdir(dir, 0o750), os.Chown(dir, someUser, someUser)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, exported(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"queue import --store " + dir + " " + secret,
		"queue ls --store " + dir,
		"queue peek #1 --store " + dir,
		"queue verify --store " + dir,
		"queue export --store " + dir + " " + secret + ".again",
		"queue purge #1 --yes --store " + dir,
		"queue stats --store " + dir,
	} {
		if out, err := asUser(strings.Fields(line), 0).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != someUser {
			t.Errorf("%s belongs to %d", path, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// And others get nothing.
	if out, err := asUser([]string{"queue", "ls", "--store", dir}, someUser-1).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "permission denied (hint: only root and the user that skerry runs as may look into it)") {
		t.Errorf("another user: %v\n%s", err, out)
	}
}

// asUser is this program as a user.
func asUser(args []string, user uint32) *exec.Cmd {
	c := exec.Command("/proc/self/exe", args...) // by this name another user may run it too
	c.Args[0] = "skerry"
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return c
}

// exported is the export of a store with one message.
func exported(t *testing.T) []byte {
	t.Helper()
	s, _, err := queue.Open(vfs.NewDisk(), "q", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := s.NewBatch()
	x := b.Create(queue.SessionOptions{})
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(&queue.Message{TopicName: "a", QoS: 1}, []queue.Target{{Session: x, QoS: 1}}); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	if _, err := s.Export(t.Context(), true, func(line []byte) error {
		lines.Write(line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return lines.Bytes()
}
