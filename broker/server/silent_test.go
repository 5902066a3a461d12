package server_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// A connection on which nothing comes, or not enough, ends in bounded time at every stage of its life; each line says after how
// many seconds.
func TestSilentConnections(t *testing.T) {
	const connect = "10: 'MQTT' 04 02 000a 'a'"
	tests := []struct {
		name   string
		limits server.Limits
		sent   []string // each after a second
		ends   time.Duration
	}{
		{"nothing", server.Limits{}, nil, 10},
		{"one byte", server.Limits{}, []string{"10"}, 10},
		{"a CONNECT byte by byte", server.Limits{}, []string{"10", "0d", "00", "04", `"M"`, `"Q"`, `"T"`, `"T"`, "04", "02", "00", "0a"}, 10},
		{"another limit", server.Limits{Connect: 3 * time.Second}, []string{"10"}, 3},
		{"after CONNECT", server.Limits{}, []string{connect}, 1 + 15},
		{"half a PUBLISH", server.Limits{}, []string{connect, "30 7f 00"}, 1 + 15},
		{"half a PUBLISH, while it is slowed down", server.Limits{ByteRate: 100}, []string{connect, "30: 't' \"" + strings.Repeat("x", 500) + "\" | 30 7f"}, 2 + 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.limits, func(t *testing.T, p *pipes) {
				c, begin := p.dial(t), time.Now()
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, s := range tt.sent {
						time.Sleep(time.Second)
						b := encode(t, s)
						c.nc.SetWriteDeadline(time.Now().Add(time.Hour))
						if _, err := c.nc.Write(b); err != nil {
							return
						}
					}
				})
				defer sending.Wait()
				if _, d := c.endsAfter(begin); d < tt.ends*time.Second || d > (tt.ends+5)*time.Second {
					t.Errorf("ends after %v, want %d s", d, tt.ends)
				}
			})
		})
	}
}

// The same holds before TLS has been negotiated, and for one that stops in the middle of that.
func TestSilentTLS(t *testing.T) {
	for name, sent := range map[string]string{"nothing": "", "half a ClientHello": "16 0301 0100 01"} {
		t.Run(name, func(t *testing.T) {
			st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Connect: 50 * time.Millisecond}})
			certificate, _ := selfSigned(t)
			address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true, TLS: tlsConfig(certificate)})
			st.run()
			p := dial(t, address)
			if sent != "" {
				b := encode(t, sent)
				p.send(b)
			}
			p.script("< closed")
			eventually(t, "it is forgotten", func() bool { return st.server.Stats().Connections == 0 })
		})
	}
}
