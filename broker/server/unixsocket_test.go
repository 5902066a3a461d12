package server_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// listenUnix opens a Unix socket that lets in everybody.
func (st *station) listenUnix(path string, mode fs.FileMode) error {
	_, err := st.server.Listen(server.ListenerConfig{Name: "sock", Network: "unix", Address: path, Mode: mode, Anonymous: true})
	return err
}

func dialUnix(t testing.TB, path string) *peer {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	st := openStation(t, vfs.NewDisk(), server.Options{})
	if err := st.listenUnix(path, 0); err != nil {
		t.Fatal(err)
	}
	st.run()
	a, b := dialUnix(t, path), dialUnix(t, path)
	a.script("> 10: 'MQTT' 05 02 003c 00 'a' | 82: 0001 00 't' 01", "< 20: ??*16 | 90: 0001 00 01")
	b.script("> 10: 'MQTT' 04 02 003c 'b'", "< 20: 00 00")
	b.script("> 32: 't' 0001 \"x\"", "< 40: 0001")
	a.script("< 32: 't' 0001 00 \"x\"", "> 40: 0001", "> c0:", "< d0:")
	st.stop()
	a.script("< e0: 8b", "< closed")
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket after the end: %v", err)
	}
}

// The mode is what was asked for, whatever the umask, and never more than that.
func TestUnixSocketMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for mode, want := range map[fs.FileMode]fs.FileMode{0: 0o660, 0o600: 0o600, 0o666: 0o666} {
		path := filepath.Join(t.TempDir(), "mqtt.sock")
		st := openStation(t, vfs.NewDisk(), server.Options{})
		if err := st.listenUnix(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("mode %v (%v), want %v", info.Mode(), err, want)
		}
		st.server.Close()
	}
}

// leaveSocket makes a socket at which nobody listens any more, as a program does that is killed.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	nl, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	nl.SetUnlinkOnClose(false)
	nl.Close()
}

func TestUnixSocketThatWasLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	leaveSocket(t, path)
	st := openStation(t, vfs.NewDisk(), server.Options{})
	if err := st.listenUnix(path, 0); err != nil {
		t.Fatal(err)
	}
	st.run()
	dialUnix(t, path).script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
}

// What belongs to somebody else stays, and the error says what to do.
func TestUnixSocketErrors(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	other, err := net.Listen("unix", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, hint := range map[string]string{
		taken: "hint: another program listens there",
		file:  "hint: what stands there is not a socket",
		filepath.Join(dir, "absent", "mqtt.sock"):                  "hint: make the folder " + dir + "/absent",
		filepath.Join(file, "mqtt.sock"):                           "hint: " + file + " is not a folder",
		filepath.Join(dir, strings.Repeat("long", 30)+"mqtt.sock"): "hint: the path of a socket has at most 107 bytes",
	} {
		st := openStation(t, vfs.NewDisk(), server.Options{})
		if err := st.listenUnix(path, 0); err == nil || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), "listener sock") {
			t.Errorf("%s: error %v, want %q", path, err, hint)
		}
	}
	if _, err := net.Dial("unix", taken); err != nil {
		t.Errorf("the other program's socket: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file: %q, %v", text, err)
	}
}
