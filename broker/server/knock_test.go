package server_test

import (
	"path/filepath"
	"testing"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// How often an address connects is counted over all listeners, before TLS or HTTP cost anything; a Unix socket has no address.
// What a listener has as limits of its own counts besides.
func TestKnocksOnAllListeners(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{AddressRate: 0.001}})
	plain := st.listen(server.ListenerConfig{Name: "plain", Anonymous: true})
	web := st.listen(server.ListenerConfig{Name: "web", Anonymous: true, WebSocket: &server.WebSocket{Path: "/mqtt"}})
	path := filepath.Join(t.TempDir(), "mqtt.sock")
	if _, err := st.server.Listen(server.ListenerConfig{
		Name: "sock", Network: "unix", Address: path, Anonymous: true, Limits: server.ListenerLimits{Connections: 2},
	}); err != nil {
		t.Fatal(err)
	}
	st.run()
	first, _ := dialWebSocket(t, web)
	first.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
	dial(t, web).script("< closed")
	dial(t, plain).script("< closed")
	for _, id := range []string{"b", "c"} {
		dialUnix(t, path).script("> 10: 'MQTT' 04 02 003c '"+id+"'", "< 20: 00 00")
	}
	dialUnix(t, path).script("< closed")
	first.script("> c0:", "< d0:")
	if s := st.server.Stats(); s.TooOften != 2 || s.TurnedAway != 1 || s.Connections != 3 {
		t.Errorf("%d too often, %d turned away, %d connected; want 2, 1, 3", s.TooOften, s.TurnedAway, s.Connections)
	}
}
