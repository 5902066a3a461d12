package main

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

// passTo starts `skerry run` with sockets, as systemd does. names are the value of LISTEN_FDNAMES.
func passTo(t *testing.T, config, names string, sockets ...*os.File) *daemon {
	t.Helper()
	dir := t.TempDir()
	file, log, program := filepath.Join(dir, "skerry.yaml"), filepath.Join(dir, "log"), filepath.Join(dir, "skerry")
	text := "storage: {path: data}\nbroker: {listeners: {" + strings.ReplaceAll(config, "$DIR", dir) + "}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, program); err != nil { // by this name the test binary is the program, see TestMain
		t.Fatal(err)
	}
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	// Only the child knows its own number.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" run "$1"`, program, file)
	cmd.Env = append(os.Environ(), "LISTEN_FDS="+string(rune('0'+len(sockets))), "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles, cmd.Stderr = sockets, out
	d := &daemon{Cmd: cmd, t: t, log: log, ended: make(chan error, 1)}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.Wait() }()
	t.Cleanup(func() { d.Process.Kill() })
	return d
}

// file gives the socket of a listener to pass on. The listener stays with the test, as it does with systemd.
func file(t *testing.T, l net.Listener) *os.File {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listenOpen makes a Unix socket as systemd does without SocketMode=.
func listenOpen(t *testing.T) net.Listener {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sock")
	l := listen(t, "unix", path)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return l
}

// greet says CONNECT, and waits for the answer.
func greet(t *testing.T, network, address string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	c.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01s"))
	if n, err := c.Read(make([]byte, 4)); n != 4 {
		t.Fatalf("%s: no CONNACK: %v", address, err)
	}
}

// Sockets are found by their names, and by their addresses. Who connects before the program runs is served as well.
func TestActivation(t *testing.T) {
	named, plain := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	sock := listen(t, "unix", path)
	early, err := net.Dial("tcp", named.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	early.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01e"))
	d := passTo(t, `lan: {tcp: "127.0.0.1:1", anonymous: true}, local: {tcp: "`+plain.Addr().String()+`", anonymous: true}, sock: {unix: `+path+`, anonymous: true}, own: {unix: $DIR/own.sock, anonymous: true}`,
		"lan:skerry.socket:skerry.socket", file(t, named), file(t, plain), file(t, sock))
	d.says("msg=listening")
	early.SetDeadline(time.Now().Add(patience))
	if n, err := early.Read(make([]byte, 4)); n != 4 {
		t.Fatalf("no CONNACK for who came early: %v", err)
	}
	greet(t, "tcp", named.Addr().String())
	greet(t, "tcp", plain.Addr().String())
	greet(t, "unix", path)
	greet(t, "unix", filepath.Join(filepath.Dir(d.log), "own.sock"))
	d.Process.Signal(syscall.SIGTERM)
	if err := d.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket of systemd after the end: %v", err)
	}
}

func TestActivationWrong(t *testing.T) {
	connected := func(t *testing.T) *os.File {
		l := listen(t, "tcp", "127.0.0.1:0")
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	log := func(t *testing.T) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	tests := []struct {
		name, config, names string
		socket              func(t *testing.T) *os.File
		says                string
	}{
		{"nobody takes it", `local: {tcp: "127.0.0.1:0", anonymous: true}`, "other", func(t *testing.T) *os.File { return file(t, listen(t, "tcp", "127.0.0.1:0")) },
			`systemd passed a socket that no listener takes: "other" at 127.0.0.1:`},
		{"no name", `local: {tcp: "127.0.0.1:0", anonymous: true}`, "", func(t *testing.T) *os.File { return file(t, listen(t, "tcp", "127.0.0.1:0")) }, `that no listener takes: ""`},
		{"another kind", `sock: {unix: $DIR/s, anonymous: true}`, "sock", func(t *testing.T) *os.File { return file(t, listen(t, "tcp", "127.0.0.1:0")) }, "is of another kind: tcp"},
		{"open to the network", `local: {tcp: "127.0.0.1:1883", anonymous: true}`, "local", func(t *testing.T) *os.File { return file(t, listen(t, "tcp", ":0")) }, "can be reached from other machines"},
		{"open to all users", `sock: {unix: /run/s, anonymous: true}`, "sock", func(t *testing.T) *os.File { return file(t, listenOpen(t)) }, "can be used by more users of this machine than its mode 0660 says"},
		{"of no file", `sock: {unix: /run/s, anonymous: true}`, "sock", func(t *testing.T) *os.File {
			return file(t, listen(t, "unix", fmt.Sprintf("@skerry-test-%d", os.Getpid())))
		}, "than its mode 0660 says"},
		{"a connection", `local: {tcp: "127.0.0.1:1883", anonymous: true}`, "local", connected, "it does not listen (hint: ListenStream= and Accept=no in the unit)"},
		{"a file", `local: {tcp: "127.0.0.1:1883", anonymous: true}`, "local", log, "file descriptor 3 is no socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := passTo(t, tt.config, tt.names, tt.socket(t))
			if err := d.end(); err == nil {
				t.Error("it ended well")
			}
			d.says(tt.says)
			d.says("hint")
		})
	}
}
