package edge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"skerry/edge"
	"skerry/edge/control"
)

// TestOwnSessions: what the station itself has connected to its broker can be seen beside the clients, and what passes between
// it and a server upstream.
func TestOwnSessions(t *testing.T) {
	leavesNothing(t)
	up := start(t, configure(t, strings.Replace(plainBroker, "ID", "shore", 1)), edge.Options{})
	ground := up.hear("local", "farm/#")
	c := configure(t, strings.Replace(plainBroker, "id: ID", "id: wx, board: sim", 1)+fmt.Sprintf(`
streams: {all: {match: ["#"]}}
sensors: {air: {driver: bme280, every: 100ms, qos: 1}}

uplinks:
  cloud: {mqtt: "tcp://%s", prefix: farm/, keep_alive: 10min}
  gone: {mqtt: "tcp://127.0.0.1:1", client_id: other, receive: {"x": "y"}}
`, up.Address("local")))
	s := start(t, c, edge.Options{})
	ear := s.hear("local", "none")
	d, err := control.Open(c.Storage.Path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ground.wait("a reading", func(topic, _ string) bool { return strings.Contains(topic, "air/temperature") })
	var rows []control.Client
	until(t, "all are as they will be", func() bool {
		rows = nil
		if err := control.Rows(t.Context(), d, control.Request{Do: control.Clients}, func(c control.Client) error { rows = append(rows, c); return nil }); err != nil {
			t.Fatal(err)
		}
		return len(rows) == 4 && rows[1].Offline == "" && rows[1].Sent.Payload > 0 && rows[1].Received.Packets > 0 &&
			rows[2].Messages > 1 && strings.Contains(rows[2].Offline, "refused") && rows[3].Received.Messages >= 3
	})
	client, cloud, gone, sensors := rows[0], rows[1], rows[2], rows[3]
	if client.Own != "" || client.Listener != "local" {
		t.Errorf("the client: %+v", client)
	}
	if cloud.Own != "uplink" || cloud.ClientID != "uplink/cloud" || cloud.Offline != "" || cloud.Version != "5.0" || cloud.KeepAlive != 600 ||
		cloud.Address != "tcp://"+up.Address("local").String() || cloud.Sent.Messages == 0 || cloud.Sent.Payload == 0 || cloud.Received.Packets == 0 {
		t.Errorf("the uplink: %+v", cloud)
	}
	if gone.Own != "uplink" || gone.ClientID != "uplink/gone" || gone.Bytes == 0 || gone.Oldest == 0 {
		t.Errorf("the uplink that is offline: %+v", gone)
	}
	if sensors.Own != "sensors" || sensors.Received.Messages < 3 || sensors.Received.Payload == 0 || sensors.Connected <= 0 {
		t.Errorf("the sensors: %+v", sensors)
	}

	ctx, end := context.WithCancel(t.Context())
	defer end()
	var mu sync.Mutex
	seen, over := map[string]bool{}, make(chan error, 1)
	go func() {
		over <- control.Rows(ctx, d, control.Request{Do: control.Trace, Uplink: "cloud"}, func(l control.TraceLine) error {
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(l.Direction, " ", l.Type)] = true
			if l.Started && !l.Connected {
				t.Error("it is online")
			}
			if strings.Contains(l.Text, `"value"`) {
				t.Errorf("a payload is shown: %s", l.Text)
			}
			return nil
		})
	}()
	until(t, "packets are shown", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen["out PUBLISH"] && seen["in PUBACK"]
	})
	end()
	<-over
	err = control.Rows(t.Context(), d, control.Request{Do: control.Trace, Uplink: "none"}, func(control.TraceLine) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "skerry clients") {
		t.Errorf("an uplink that is not there: %v", err)
	}
	ear.close()
}
