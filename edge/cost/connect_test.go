package cost

import (
	"testing"

	"skerry/edge/config"
	"skerry/edge/uplink/kind"
)

// TestLaboratory: a connection costs what was measured with mosquitto (docs/connection.md), with the identity that the laboratory has.
func TestLaboratory(t *testing.T) {
	for _, c := range []struct {
		name    string
		tls     config.ClientTLS
		resumed bool
		at      Machine
		want    float64
	}{
		{"full, TLS 1.3", config.ClientTLS{}, false, Machine{}, 3477},
		{"resumed, TLS 1.3", config.ClientTLS{}, true, Machine{}, 1863},
		{"full, server of TLS 1.2", config.ClientTLS{Max: "1.2"}, false, Machine{}, 3009},
		{"resumed, TLS 1.2", config.ClientTLS{Max: "1.2"}, true, Machine{}, 1317},
		{"full, post-quantum", config.ClientTLS{PostQuantum: true}, false, Machine{}, 4793},
		{"full, no time stamps of TCP", config.ClientTLS{}, false, Machine{NoTimeStamps: true}, 3343},
		{"resumed, no time stamps of TCP", config.ClientTLS{}, true, Machine{NoTimeStamps: true}, 1743},
	} {
		u := config.Uplink{Name: "cloud", Servers: config.Servers{{TLS: true, Host: "10.99.0.2", Port: 8883}}, Profile: "generic", Version: config.V5, ClientID: "gw01", TLS: c.tls}
		l := config.Link{Name: "link1", Kind: kind.Ethernet, Session: config.Always}
		conn := newConnection(u, l, config.Gateway{ID: "gw01", Site: "site"}, c.at)
		if got := conn.begin(c.resumed); got < 0.99*c.want || got > 1.01*c.want {
			t.Errorf("%s: %.0f B, measured were %.0f B; of TLS %.0f B, CONNECT has %.0f B, the state %.0f B", c.name, got, c.want, conn.handshake(c.resumed), conn.hello, conn.state)
		}
	}
}
