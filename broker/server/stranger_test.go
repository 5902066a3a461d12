package server_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// Who has not said CONNECT takes a bounded memory, also on listeners where something comes before MQTT.
func TestHostileStrangers(t *testing.T) {
	const strangers = 40
	cert, _ := selfSigned(t)
	record := func(body []byte) []byte { // of a TLS handshake
		return append([]byte{22, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	var hello []byte // a ClientHello of almost 64 KiB, less its end
	hello = append(hello, record(append([]byte{1, 0, 0xff, 0xf0}, make([]byte, 16_000)...))...)
	for range 3 {
		hello = append(hello, record(make([]byte, 16_000))...)
	}
	headers := bytes.NewBufferString("GET /mqtt HTTP/1.1\r\n")
	for i := range 1200 {
		fmt.Fprintf(headers, "%x:\r\n", i)
	}
	for _, c := range []struct {
		name  string
		most  int // bytes of the heap each
		l     server.ListenerConfig
		bytes []byte
	}{
		{"nothing", 8 << 10, server.ListenerConfig{}, nil},
		{"half a CONNECT", 2*64<<10 + 8<<10, server.ListenerConfig{}, append([]byte{0x10, 0xf0, 0xff, 0x03}, make([]byte, 0xfff0-1)...)},
		{"TLS: nothing", 16 << 10, server.ListenerConfig{TLS: tlsConfig(cert)}, nil},
		{"TLS: half a ClientHello", 200 << 10, server.ListenerConfig{TLS: tlsConfig(cert)}, hello},
		{"WebSocket: nothing", 16 << 10, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, nil},
		{"WebSocket: many headers", 256 << 10, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, headers.Bytes()},
		{"WebSocket: half a request", 48 << 10, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}},
			[]byte("GET /mqtt HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("y", 13)+"\r\n", 440))},
		{"secure WebSocket: half a ClientHello", 200 << 10, server.ListenerConfig{TLS: tlsConfig(cert), WebSocket: &server.WebSocket{Path: "/mqtt"}}, hello},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Packet: 64 << 10, Shutdown: 50 * time.Millisecond}})
			c.l.Name, c.l.Anonymous = "strange", true
			address := st.listen(c.l)
			st.run()
			before := heap()
			var all []net.Conn
			for range strangers {
				p := dial(t, address)
				p.send(bytes.Clone(c.bytes))
				all = append(all, p.nc)
			}
			eventually(t, "all are there", func() bool { return st.server.Stats().Connections == strangers })
			time.Sleep(50 * time.Millisecond) // what was sent is to be read
			most := int64(strangers*c.most) + 1<<20
			grown := heapOver(before, most)
			t.Log(fmt.Sprint(grown/strangers>>10, " KiB each"))
			if grown > most {
				t.Errorf("%d strangers took %d bytes of the heap, the bound is %d each", strangers, grown, c.most)
			}
			for _, nc := range all {
				nc.Close()
			}
			eventually(t, "they have gone", func() bool { return st.server.Stats().Connections == 0 })
		})
	}
}
