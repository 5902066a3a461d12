package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// door is a station behind a listener that is not plain TCP.
type door struct {
	url  string      // as paho.mqtt.golang wants it
	tls  *tls.Config // nil: none
	dial func(t *testing.T) net.Conn
}

// doors opens a listener of each kind.
func doors(t *testing.T) map[string]door {
	cert, pool := selfSigned(t)
	client := &tls.Config{RootCAs: pool}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	if err := st.listenUnix(path, 0); err != nil {
		t.Fatal(err)
	}
	web := &server.WebSocket{Path: "/mqtt"}
	ws := "ws://" + st.listen(server.ListenerConfig{Name: "web", WebSocket: web, Anonymous: true}) + "/mqtt"
	wss := "wss://" + st.listen(server.ListenerConfig{Name: "secure", WebSocket: web, TLS: tlsConfig(cert), Anonymous: true}) + "/mqtt"
	st.run()
	return map[string]door{
		"ws":   {ws, nil, func(t *testing.T) net.Conn { return dialLibrary(t, ws, nil) }},
		"wss":  {wss, client, func(t *testing.T) net.Conn { return dialLibrary(t, wss, client) }},
		"unix": {"unix://" + path, nil, func(t *testing.T) net.Conn { return dialUnix(t, path).nc }},
	}
}

// dialLibrary makes a WebSocket by the library.
func dialLibrary(t *testing.T, url string, c *tls.Config) net.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{
		Subprotocols: []string{"mqtt"}, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: c}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The client writes a packet in pieces, from several goroutines: only on a TCP connection they stay together.
	return packets.NewThreadSafeConn(websocket.NetConn(t.Context(), ws, websocket.MessageBinary))
}

// paho.mqtt.golang, MQTT 3.1.1, through every door: small messages and some that are larger than any buffer.
func TestDoorsPaho311(t *testing.T) {
	for name, d := range doors(t) {
		t.Run(name, func(t *testing.T) {
			options := func(id string) *paho3.ClientOptions {
				o := pahoOptions("", id)
				o.Servers = nil
				return o.AddBroker(d.url).SetTLSConfig(d.tls)
			}
			got := make(chan paho3.Message, 100)
			sub := pahoConnect(t, options("sub"))
			wait(t, "subscribe", sub.Subscribe("t", 2, func(_ paho3.Client, m paho3.Message) { got <- m }))
			pub := pahoConnect(t, options("pub"))
			for qos := range byte(3) {
				for i := range 10 {
					text := strings.Repeat(fmt.Sprint(qos, i), 1+20_000*(i%2))
					wait(t, "publish", pub.Publish("t", qos, false, text))
					if m := receive(t, got); string(m.Payload()) != text || m.Qos() != qos {
						t.Fatalf("got %d bytes at QoS %d, want %d at QoS %d", len(m.Payload()), m.Qos(), len(text), qos)
					}
				}
			}
			// Many at once, so that frames and packets do not go together.
			var tokens []paho3.Token
			for i := range 100 {
				tokens = append(tokens, pub.Publish("t", byte(i%3), false, fmt.Sprint(i)))
			}
			for i := range 100 {
				receive(t, got)
				wait(t, "publish", tokens[i])
			}
		})
	}
}

// paho.golang, MQTT 5.0, through every door.
func TestDoorsPaho5(t *testing.T) {
	for name, d := range doors(t) {
		t.Run(name, func(t *testing.T) {
			got := make(chan *paho.Publish, 100)
			sub, _ := paho5On(t, d.dial(t), &paho.Connect{ClientID: "sub", CleanStart: true, KeepAlive: 30}, func(p *paho.Publish) { got <- p })
			if _, err := sub.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "t", QoS: 2}}}); err != nil {
				t.Fatal(err)
			}
			pub, _ := paho5On(t, d.dial(t), &paho.Connect{ClientID: "pub", CleanStart: true, KeepAlive: 30}, func(*paho.Publish) {})
			for qos := range byte(3) {
				for i := range 10 {
					text := strings.Repeat(fmt.Sprint(qos, i), 1+20_000*(i%2))
					if _, err := pub.Publish(t.Context(), &paho.Publish{Topic: "t", QoS: qos, Payload: []byte(text)}); err != nil {
						t.Fatal(err)
					}
					if m := receive(t, got); string(m.Payload) != text || m.QoS != qos {
						t.Fatalf("got %d bytes at QoS %d, want %d at QoS %d", len(m.Payload), m.QoS, len(text), qos)
					}
				}
			}
		})
	}
}

// Debian's clients by a Unix socket, and with a certificate of their own.
func TestDoorsMosquitto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	p := startPKI(t, server.CommonName, server.ListenerConfig{}, func(st *station) {
		if err := st.listenUnix(path, 0); err != nil {
			t.Fatal(err)
		}
	})
	cert, key := filepath.Join(t.TempDir(), "meter.crt"), filepath.Join(t.TempDir(), "meter.key")
	write(t, p.ca.client("meter"), cert, key)
	for _, version := range []string{"mqttv311", "mqttv5"} {
		unix := &mosquitto{t, []string{"-V", version, "--unix", path}}
		mutual := newMosquitto(t, p.address, "-V", version, "--cafile", p.files.ClientCA, "--cert", cert, "--key", key)
		unix.mustPub("-q", "2", "-r", "-t", "kept", "-m", "here")
		if got := mutual.sub("-t", "kept", "-q", "1", "-C", "1")(); got != "kept 1 1 here\n" {
			t.Errorf("%s: %q", version, got)
		}
		mutual.mustPub("-q", "1", "-r", "-t", "kept", "-m", "there")
		if got := unix.sub("-t", "kept", "-q", "2", "-C", "1")(); got != "kept 1 1 there\n" {
			t.Errorf("%s: %q", version, got)
		}
	}
	without := newMosquitto(t, p.address, "--cafile", p.files.ClientCA)
	if out, err := without.pub("-q", "1", "-t", "t", "-m", "x"); err == nil {
		t.Errorf("without a certificate: %s", out)
	}
}
