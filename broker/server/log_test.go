package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// The log tells who came, went and was refused. It holds no passwords and no payloads, and no line per packet.
func TestLog(t *testing.T) {
	var log lines
	st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	address := st.listen(server.ListenerConfig{Name: "lan", Authenticate: users(t, "ada:"+hash(t, "engine"))})
	st.run()
	wrong := dial(t, address)
	wrong.script("> 10: 'MQTT' 04 c2 003c 'intruder' 'ada' 'lamplight'", "< 20: 00 04", "< closed")
	dial(t, address).nc.Close() // somebody looks whether the port is open
	p := dial(t, address)
	p.script("> 10: 'MQTT' 04 c6 003c 'probe' 'will' 'farewell' 'ada' 'engine'", "< 20: 00 00")
	p.script("> 82: 0001 't' 00", "< 90: 0001 00")
	for range 100 {
		p.script("> 30: 't' \"payload\"", "< 30: 't' \"payload\"")
	}
	p.script("> e0:", "< closed")
	st.stop()
	got := log.String()
	for _, want := range []string{
		"listening", "listener=lan", "client refused", "client=intruder", "Bad User Name or Password",
		"client connected", "client=probe", "user=ada", "client disconnected", "the client disconnected",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for _, secret := range []string{"lamplight", "engine", "payload", "farewell", "$2a$"} {
		if strings.Contains(got, secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
	if t.Failed() {
		t.Log(got)
	}
}

// A stranger who knocks all day does not fill the log.
func TestLogFlood(t *testing.T) {
	var log lines
	st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	address := st.listen(server.ListenerConfig{Name: "lan"})
	st.run()
	for range 50 {
		dial(t, address).script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 05", "< closed")
	}
	st.stop()
	if n := strings.Count(log.String(), "client refused"); n == 0 || n > 5 {
		t.Errorf("%d lines about 50 refusals", n)
	}
	if got := st.server.Stats().Refused; got != 50 {
		t.Errorf("%d refusals counted, want 50", got)
	}
}

// Names are as long as a stranger likes; lines are not.
func TestLogOfLongNames(t *testing.T) {
	var log lines
	st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	refusing := st.listen(server.ListenerConfig{Name: "lan", Authenticate: users(t)})
	open := st.listen(server.ListenerConfig{Name: "local", Anonymous: true, Rules: rules(t)})
	st.run()
	long := strings.Repeat("é", 20_000)
	connect := "> 10: 'MQTT' 05 c2 003c 00 '" + long + "' '" + long + "' 'x'"
	dial(t, refusing).script(connect, "< 20: ??*3", "< closed")
	p := dial(t, open)
	p.script(connect, "< 20: ??*16", "> 32: '"+long+"' 0001 00 \"x\"", "< 40: 0001 87", "> e0:", "< closed")
	st.stop()
	got := log.String()
	for _, want := range []string{"client refused", "client connected", "not allowed", "client disconnected"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for line := range strings.Lines(got) {
		if len(line) > 1000 || strings.ContainsRune(line, '\uFFFD') || strings.Contains(line, `\x`) {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}
