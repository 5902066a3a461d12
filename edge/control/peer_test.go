package control_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play another user: it asks a socket and prints what it hears.
func TestMain(m *testing.M) {
	if path := os.Getenv("ASK_AS_OTHER_USER"); path != "" {
		c, err := net.Dial("unix", path)
		if err != nil {
			fmt.Println(err)
			return
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintln(c, `{"version":1,"do":"sessions"}`)
		heard := make([]byte, 1000)
		n, _ := c.Read(heard)
		fmt.Printf("heard %q\n", heard[:n])
		return
	}
	os.Exit(m.Run())
}

// TestOtherUsers get nothing, even if somebody opens the directory and the socket to them.
func TestOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("SKERRY_NO_SKIP") == "1" {
			t.Fatal("not run as root")
		}
		t.Skip("needs root")
	}
	above, err := os.MkdirTemp("", "skerry")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(above) })
	s := start(t, filepath.Join(above, "data"))
	socket := filepath.Join(s.dir, "control")
	for _, path := range []string{above, s.dir, socket} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[uint32]string{0: `totals`, 65534: `heard ""`} {
		c := exec.Command("/proc/self/exe")
		c.Dir = "/"
		c.Env = append(os.Environ(), "ASK_AS_OTHER_USER="+socket)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("user %d: %s, %v", user, out, err)
		}
	}
}
