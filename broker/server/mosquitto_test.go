package server_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
	"skerry/scripts/loopback"
)

// program finds Debian's client, or skips the test where that is allowed.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal(err)
	}
	t.Skipf("needs %s (Debian package mosquitto-clients)", name)
	return ""
}

// mosquitto is how the programs are called for one server.
type mosquitto struct {
	t    *testing.T
	args []string
}

func newMosquitto(t *testing.T, address string, more ...string) *mosquitto {
	host, port, _ := strings.Cut(address, ":")
	return &mosquitto{t, append([]string{"-h", host, "-p", port}, more...)}
}

// pub publishes and waits for the end of the exchange.
func (m *mosquitto) pub(args ...string) (string, error) {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), program(m.t, "mosquitto_pub"), append(m.args, args...)...).CombinedOutput()
	return string(out), err
}

// sub starts a subscriber that prints "topic qos retain payload" and ends by itself.
func (m *mosquitto) sub(args ...string) (result func() string) {
	m.t.Helper()
	var out bytes.Buffer
	args = append(append(m.args, "-F", "%t %q %r %p", "-W", "30"), args...)
	cmd := exec.CommandContext(m.t.Context(), program(m.t, "mosquitto_sub"), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	return func() string {
		m.t.Helper()
		if err := cmd.Wait(); err != nil {
			m.t.Errorf("mosquitto_sub %q: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
}

func (m *mosquitto) mustPub(args ...string) {
	m.t.Helper()
	if out, err := m.pub(args...); err != nil {
		m.t.Fatalf("mosquitto_pub %q: %v\n%s", args, err, out)
	}
}

func TestMosquitto(t *testing.T) {
	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			st, address := start(t, server.Limits{})
			m := newMosquitto(t, address, "-V", version)
			result := m.sub("-i", "sub", "-q", "2", "-t", "$probe/#", "-T", "$probe/#", "-t", "t/#", "-C", "6")
			subscribed(t, address)
			want := ""
			for qos := range 3 {
				for _, text := range []string{"a", "b"} {
					m.mustPub("-i", "pub", "-q", fmt.Sprint(qos), "-t", "t/x", "-m", text)
					want += fmt.Sprintf("t/x %d 0 %s\n", qos, text)
					// Nobody waits for QoS 0: the next one, of the same name, could end this connection before it is read.
					eventually(t, "the publisher has gone", func() bool { return st.server.Stats().Connections <= 1 })
				}
			}
			if got := result(); got != want {
				t.Errorf("received:\n%swant:\n%s", got, want)
			}
		})
	}
}

// subscribed waits until somebody has subscribed to $probe/#: PUBACK of 5.0 tells. The subscriber leaves those
// messages out of what it prints (-T).
func subscribed(t *testing.T, address string) {
	t.Helper()
	subscribedTo(t, address, "$probe/t")
}

func subscribedTo(t *testing.T, address, topic string) {
	t.Helper()
	p := dial(t, address)
	p.script("> 10: 'MQTT' 05 02 003c 00 'probe'", "< 20: ??*16")
	eventually(t, "somebody has subscribed", func() bool {
		p.script("> 32: '" + topic + "' 0001 00")
		return len(p.readPacket().Body) == 2 // else: no matching subscribers
	})
	p.script("> e0:", "< closed")
}

func TestMosquittoRetainedAndOffline(t *testing.T) {
	_, address := start(t, server.Limits{})
	m := newMosquitto(t, address)
	m.mustPub("-q", "1", "-r", "-t", "kept", "-m", "here")
	if got := m.sub("-t", "kept", "-C", "1")(); got != "kept 0 1 here\n" {
		t.Errorf("retained: %q", got)
	}
	m.mustPub("-q", "1", "-r", "-n", "-t", "kept")

	m.sub("-i", "away", "-c", "-q", "2", "-t", "t", "-E")() // subscribes and leaves
	m.mustPub("-q", "0", "-t", "t", "-m", "zero")
	m.mustPub("-q", "1", "-t", "t", "-m", "one")
	m.mustPub("-q", "2", "-t", "t", "-m", "two")
	if got, want := m.sub("-i", "away", "-c", "-q", "2", "-t", "t", "-C", "2")(), "t 1 0 one\nt 2 0 two\n"; got != want {
		t.Errorf("offline: %q, want %q", got, want)
	}
}

func TestMosquittoWill(t *testing.T) {
	st, address := start(t, server.Limits{})
	m := newMosquitto(t, address)
	result := m.sub("-t", "will", "-t", "$probe/#", "-T", "$probe/#", "-q", "1", "-C", "1")
	subscribed(t, address)
	cmd := exec.CommandContext(t.Context(), program(t, "mosquitto_sub"), append(m.args, "-i", "w", "-t", "x",
		"--will-topic", "will", "--will-payload", "gone", "--will-qos", "1")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the client with the Will is there", func() bool { return st.server.Stats().Accepted == 3 })
	cmd.Process.Kill()
	cmd.Wait()
	if got := result(); got != "will 1 0 gone\n" {
		t.Errorf("got %q", got)
	}
}

// TLS with a user and a password, and with a wrong one.
func TestMosquittoTLS(t *testing.T) {
	cert, _ := selfSigned(t)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "tls", TLS: tlsConfig(cert), Authenticate: users(t, "ada:"+hash(t, "engine"))})
	st.run()
	for _, version := range []string{"mqttv311", "mqttv5"} {
		m := newMosquitto(t, address, "-V", version, "--cafile", ca, "-u", "ada", "-P", "engine")
		m.mustPub("-q", "1", "-r", "-t", "kept", "-m", "here")
		if got := m.sub("-t", "kept", "-C", "1")(); got != "kept 0 1 here\n" {
			t.Errorf("%s: %q", version, got)
		}
		wrong := newMosquitto(t, address, "-V", version, "--cafile", ca, "-u", "ada", "-P", "lamp")
		if out, err := wrong.pub("-q", "1", "-t", "t", "-m", "x"); err == nil || !strings.Contains(strings.ToLower(out), "bad user name") && !strings.Contains(out, "not authorised") {
			t.Errorf("%s: a wrong password: %v, %s", version, err, out)
		}
	}
}

// Debian's mosquitto as a bridge to us: it asks with a level of its own, is refused, and comes again with 3.1.1.
func TestMosquittoBridge(t *testing.T) {
	path := "/usr/sbin/mosquitto" // not in the PATH of everybody
	if _, err := os.Stat(path); err != nil {
		path = program(t, "mosquitto")
	}
	_, address := start(t, server.Limits{})
	near := strconv.Itoa(loopback.Port(t))
	conf := filepath.Join(t.TempDir(), "bridge.conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nconnection up\naddress %s\nrestart_timeout 1\ntopic t/# both 2\n", near, address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })

	us, it := newMosquitto(t, address), newMosquitto(t, "127.0.0.1:"+near)
	eventually(t, "the bridge is up", func() bool {
		_, err := it.pub("-q", "2", "-t", "t/up", "-r", "-m", "from mosquitto")
		return err == nil
	})
	if got := us.sub("-t", "t/up", "-q", "2", "-C", "1")(); !strings.Contains(got, "from mosquitto") {
		t.Errorf("up: %q", got)
	}
	down, heard := it.sub("-t", "t/down", "-q", "2", "-C", "1"), make(chan string, 1)
	go func() { heard <- down() }()
	eventually(t, "a message comes down", func() bool { // what comes over a bridge's subscription is not retained there
		us.mustPub("-q", "2", "-t", "t/down", "-m", "from us")
		select {
		case got := <-heard:
			return strings.Contains(got, "from us")
		case <-time.After(200 * time.Millisecond):
			return false
		}
	})
}

// Two of Debian's clients share a subscription: both get some, and when the first has left, with or without having
// acknowledged the last, the other gets all the rest.
func TestMosquittoShared(t *testing.T) {
	for _, version := range []string{"mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			_, address := start(t, server.Limits{})
			m := newMosquitto(t, address, "-V", version)
			share := []string{"-c", "-q", "2", "-t", "$share/g/t/#", "-T", "$probe/#"}
			first := m.sub(append(share, "-i", "first", "-t", "$probe/1", "-C", "10")...)
			subscribedTo(t, address, "$probe/1")
			second := m.sub(append(share, "-i", "second", "-t", "$probe/2", "-C", "60")...)
			subscribedTo(t, address, "$probe/2")
			for i := range 60 {
				m.mustPub("-q", fmt.Sprint(1+i%2), "-t", "t/x", "-m", fmt.Sprint(i))
			}
			all := first()
			rest := make(chan string)
			go func() { rest <- second() }()
			for {
				select {
				case got := <-rest:
					all += got
					seen := map[string]bool{}
					for line := range strings.Lines(all) {
						if !strings.HasSuffix(line, "more\n") {
							seen[line] = true
						}
					}
					if len(seen) != 60 {
						t.Errorf("%d different messages of 60:\n%s", len(seen), all)
					}
					return
				default:
					m.mustPub("-q", "0", "-t", "t/x", "-m", "more")
				}
			}
		})
	}
}
