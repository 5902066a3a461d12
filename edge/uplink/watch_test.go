package uplink_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/watch"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// TestWatch: what passes between the station and the Server upstream is counted, and shown to who asks: without payloads, and
// without the password.
func TestWatch(t *testing.T) {
	for _, version := range []config.Version{config.V311, config.V5} {
		t.Run(packet.Version(version).String(), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				secret := filepath.Join(t.TempDir(), "pw")
				if err := os.WriteFile(secret, []byte("SECRET\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				at.config.User, at.config.PasswordFile, at.config.Version = "wx", secret, version
				at.config.Receive = []config.Receive{{Filter: "cmd/#", Local: "cmd/#"}}
				at.server.with(func() { at.server.down = true })
				at.start()
				var mu sync.Mutex
				var lines []string
				ctx, end := context.WithCancel(t.Context())
				over := make(chan error, 1)
				go func() {
					over <- at.uplink.Trace(ctx, func(online bool) error {
						if online {
							t.Error("it is online already")
						}
						return nil
					}, func(p watch.Packet) error {
						mu.Lock()
						defer mu.Unlock()
						arrow := "<- "
						if p.In {
							arrow = "-> "
						}
						lines = append(lines, arrow+p.Type.String()+" "+p.Text)
						return nil
					})
				}()
				synctest.Wait()
				if err := at.uplink.Trace(ctx, nil, nil); !errors.Is(err, uplink.ErrTraced) {
					t.Errorf("a second trace: %v", err)
				}
				at.server.with(func() { at.server.down = false })
				at.online()
				before := at.uplink.Status()
				at.publish(&broker.Message{TopicName: "t/x", Payload: []byte("SECRET"), QoS: 1})
				at.server.send(&packet.Publish{TopicName: []byte("cmd/a"), Payload: []byte("SECRET")})
				synctest.Wait()
				end()
				if err := <-over; err != nil {
					t.Error(err)
				}
				text := strings.Join(lines, "\n")
				for _, want := range []string{`<- CONNECT MQTT ` + packet.Version(version).String() + `, client "wx-042"`, `user "wx", with a password`, "-> CONNACK Success",
					`<- SUBSCRIBE`, "-> SUBACK", `<- PUBLISH "farm/t/x", QoS 1`, "-> PUBACK", `-> PUBLISH "cmd/a", QoS 0, payload 6 bytes`} {
					if !strings.Contains(text, want) {
						t.Errorf("%q is missing in\n%s", want, text)
					}
				}
				if strings.Contains(text, "SECRET") || strings.Contains(text, "cannot be read") {
					t.Errorf("trace\n%s", text)
				}
				s := at.uplink.Status()
				s.Out.Publishes, s.In.Publishes = s.Out.Publishes-before.Out.Publishes, s.In.Publishes-before.In.Publishes
				if s.Version != packet.Version(version).String() || s.KeepAlive != at.config.KeepAlive.Min || s.Out.Publishes != 1 || s.In.Publishes != 1 ||
					s.In.Payload != 6 || s.Out.Payload < 6 || s.Out.Bytes < 20 || s.In.Packets < 4 {
					t.Errorf("%+v", s)
				}
				n := len(lines)
				at.publish(&broker.Message{TopicName: "t/x", Payload: []byte("SECRET"), QoS: 1})
				if synctest.Wait(); len(lines) != n {
					t.Errorf("after its end: %q", slices.Collect(slices.Values(lines[n:])))
				}
				at.server.with(func() { at.server.down = true })
				at.server.cut()
				at.publish(&broker.Message{TopicName: "t/x", Payload: []byte("12345"), QoS: 1})
				if q := at.uplink.Queue(); q.Messages != 1 || q.Bytes != 3+5 {
					t.Errorf("%+v", q)
				}
			})
		})
	}
}
