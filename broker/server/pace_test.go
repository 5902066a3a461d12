package server_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
)

// A Client that is faster than its rate is slowed down: all it sends arrives, in order, at that rate, and it is neither
// disconnected nor taken for silent.
func TestRates(t *testing.T) {
	tests := []struct {
		name    string
		limits  server.Limits
		payload int
		took    time.Duration // for 101 messages, after the second that comes at once
	}{
		{"no limit", server.Limits{}, 1, 0},
		{"messages", server.Limits{MessageRate: 10}, 1, 9 * time.Second},
		{"bytes", server.Limits{ByteRate: 1000}, 95, 9 * time.Second}, // packets of 100 bytes
		{"both, the lower one counts", server.Limits{MessageRate: 5, ByteRate: 1000}, 95, 19 * time.Second},
		{"a rate below one per second", server.Limits{MessageRate: 0.1}, 1, 1000 * time.Second},
		{"one packet is more than a second's bytes", server.Limits{ByteRate: 10}, 95, 1000 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.limits, func(t *testing.T, p *pipes) {
				s := p.dial(t)
				s.script("> 10: 'MQTT' 04 02 0000 's' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
				c := p.dial(t)
				c.script("> 10: 'MQTT' 04 02 000a 'c'", "< 20: 00 00") // Keep Alive 10 s
				time.Sleep(5 * time.Second)                            // what CONNECT cost is forgotten
				var all []byte
				for i := range 101 {
					m := packet.Publish{TopicName: []byte("t"), Payload: fmt.Appendf(nil, "%0*d", tt.payload, i%10)}
					all = m.Append(all, packet.V311)
				}
				all = append(all, 0xC0, 0)
				begin := time.Now()
				go func() {
					c.nc.SetWriteDeadline(time.Time{})
					c.nc.Write(all)
				}()
				s.nc.SetReadDeadline(time.Time{})
				for i := range 101 {
					var m packet.Publish
					if err := m.Decode(packet.V311, s.readForever()); err != nil || m.Payload[tt.payload-1] != byte('0'+i%10) {
						t.Fatalf("message %d: %q (%v)", i, m.Payload, err)
					}
				}
				if took := time.Since(begin); took < tt.took-time.Second || took > tt.took+2*time.Second {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				c.nc.SetReadDeadline(time.Time{})
				if h := c.readForever(); h.Type != packet.PINGRESP {
					t.Errorf("%v instead of PINGRESP", h.Type)
				}
			})
		})
	}
}

// A Client that was held up with half a packet, for longer than its Keep Alive, and has sent the rest and more meanwhile, is
// not taken for silent.
func TestRateAndKeepAlive(t *testing.T) {
	inBubble(t, server.Limits{ByteRate: 100}, func(t *testing.T, p *pipes) {
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 0002 'c'", "< 20: 00 00")            // Keep Alive 2 s
		b := encode(t, "30: 't' \""+strings.Repeat("x", 2000)+"\" | c0:") // is waited for 20 s
		c.nc.SetWriteDeadline(time.Time{})
		if _, err := c.nc.Write(b[:len(b)-1]); err != nil {
			t.Fatal(err)
		}
		go c.nc.Write(b[len(b)-1:])
		c.nc.SetReadDeadline(time.Time{})
		if h := c.readForever(); h.Type != packet.PINGRESP {
			t.Errorf("%v instead of PINGRESP", h.Type)
		}
	})
}

// readForever reads a packet of less than 128 bytes, without a deadline.
func (p *peer) readForever() packet.Header {
	p.t.Helper()
	frame := make([]byte, 2, 130)
	for at := 0; at < 2; {
		n, err := p.nc.Read(frame[at:2])
		if err != nil {
			p.t.Fatal(err)
		}
		at += n
	}
	frame = frame[:2+int(frame[1])]
	for at := 2; at < len(frame); {
		n, err := p.nc.Read(frame[at:])
		if err != nil {
			p.t.Fatal(err)
		}
		at += n
	}
	h, err := packet.Split(frame)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

// What is held back of a Client that floods is what one read takes; nobody else waits for it, and it can be ended.
func TestFloodedRate(t *testing.T) {
	inBubble(t, server.Limits{MessageRate: 1}, func(t *testing.T, p *pipes) {
		flood, other := p.dial(t), p.dial(t)
		flood.script("> 10: 'MQTT' 04 02 0000 'flood'", "< 20: 00 00")
		other.script("> 10: 'MQTT' 04 02 0000 'other'", "< 20: 00 00")
		written := make(chan int, 1)
		go func() {
			total := 0
			defer func() { written <- total }()
			flood.nc.SetWriteDeadline(time.Time{})
			for {
				n, err := flood.nc.Write([]byte(strings.Repeat("\x30\x04\x00\x01tx", 100)))
				total += n
				if err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		time.Sleep(time.Minute)
		other.script("> c0:", "< d0:")
		p.dial(t).script("> 10: 'MQTT' 04 02 0000 'flood'", "< 20: 00 00") // takes it over
		if total := <-written; total > 128<<10 {
			t.Errorf("%d bytes were taken from a Client that may publish one message per second", total)
		}
	})
}
