package server_test

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
)

// BenchmarkOneToOne forwards 64-byte messages from one Client to another over loopback, with 100 of them in
// flight: go test -run - -bench OneToOne -benchtime 200000x.
func BenchmarkOneToOne(b *testing.B) {
	for qos := range byte(3) {
		b.Run(fmt.Sprintf("qos%d", qos), func(b *testing.B) { forward(b, qos, 1, 1, true) })
	}
	b.Run("qos1-durable", func(b *testing.B) { forward(b, 1, 1, 1, false) })
}

// BenchmarkFan: 50 publishers, each with 100 messages in flight, and one subscriber; and the other way round.
func BenchmarkFan(b *testing.B) {
	for qos := range byte(2) {
		b.Run(fmt.Sprintf("in-qos%d", qos), func(b *testing.B) { forward(b, qos, 50, 1, true) })
		b.Run(fmt.Sprintf("out-qos%d", qos), func(b *testing.B) { forward(b, qos, 1, 50, true) })
	}
}

func forward(b *testing.B, qos byte, publishers, subscribers int, clean bool) {
	_, address := start(b, server.Limits{Inflight: 100})
	done := make(chan error, publishers+subscribers)
	total := b.N / publishers * publishers
	c := &credit{window: int64(100 * publishers), more: make(chan struct{}, 1)}
	for i := range subscribers {
		s := benchConnect(b, address, fmt.Sprintf("sub%d", i), clean)
		m := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("bench/#"), QoS: qos}}}
		s.send(m.Append(nil, packet.V311))
		if h := s.readPacket(); h.Type != packet.SUBACK {
			b.Fatal(h.Type)
		}
		s.nc.SetDeadline(time.Time{})
		r := &benchClient{nc: s.nc, want: total, credit: c, received: new(atomic.Int64)}
		c.subscribers = append(c.subscribers, r.received)
		go func() { done <- r.run() }()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range publishers {
		p := benchConnect(b, address, fmt.Sprintf("pub%d", i), true)
		p.nc.SetDeadline(time.Time{})
		w := &benchClient{nc: p.nc, topic: fmt.Sprintf("bench/%d", i), qos: qos, left: total / publishers, window: 100, credit: c}
		go func() { done <- w.run() }()
	}
	for range publishers + subscribers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(total*subscribers)/b.Elapsed().Seconds(), "msg/s")
}

func benchConnect(b *testing.B, address, id string, clean bool) *peer {
	p := dial(b, address)
	c := packet.Connect{Version: packet.V311, CleanStart: clean, ClientID: []byte(id)}
	p.send(c.Append(nil))
	if h := p.readPacket(); h.Type != packet.CONNACK {
		b.Fatal(h.Type)
	}
	return p
}

// benchClient is a Client that costs little: one read, all packets in it, one write.
type benchClient struct {
	nc         net.Conn
	topic      string
	qos        byte
	left, want int // to publish, to receive
	window     int // publish exchanges that may begin now
	id         uint16
	out        []byte
	unended    int // publish exchanges under way
	credit     *credit
	received   *atomic.Int64
}

// credit is how publishers know how many messages are in flight to subscribers: PUBACK does not tell, and a
// publisher that ran ahead would fill the queue of the subscriber.
type credit struct {
	window      int64
	sent        atomic.Int64
	subscribers []*atomic.Int64
	more        chan struct{}
}

// take asks for another message, and waits for it if there is nothing to write in the meantime.
func (c *credit) take(wait bool) bool {
	n := c.sent.Add(1)
	for _, received := range c.subscribers {
		for n-received.Load() > c.window {
			if !wait {
				c.sent.Add(-1)
				return false
			}
			<-c.more
		}
	}
	c.give() // another publisher may be waiting too
	return true
}

func (c *credit) give() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *benchClient) run() error {
	in, n := make([]byte, 64<<10), 0
	if err := c.flush(); err != nil {
		return err
	}
	for c.want > 0 || c.left > 0 || c.unended > 0 {
		if c.qos > 0 || c.topic == "" {
			got, err := c.nc.Read(in[n:])
			if err != nil {
				return err
			}
			n = c.consume(in, n+got)
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

// consume handles the packets in in[:n] and moves what is left to the front.
func (c *benchClient) consume(in []byte, n int) int {
	r := 0
	for {
		size, _, _ := packet.Next(in[r:n], 0)
		if size == 0 && r > 0 {
			c.credit.give()
		}
		if size == 0 {
			return copy(in, in[r:n])
		}
		c.handle(in[r : r+size])
		r += size
	}
}

func (c *benchClient) handle(p []byte) {
	switch packet.Type(p[0] >> 4) {
	case packet.PUBLISH:
		c.want--
		c.received.Add(1)
		at := 4 + int(p[2])<<8 + int(p[3])
		switch p[0] >> 1 & 3 {
		case 1:
			c.out = append(c.out, 0x40, 2, p[at], p[at+1])
		case 2:
			c.out = append(c.out, 0x50, 2, p[at], p[at+1])
		}
	case packet.PUBREC:
		c.out = append(c.out, 0x62, 2, p[2], p[3])
	case packet.PUBREL:
		c.out = append(c.out, 0x70, 2, p[2], p[3])
	case packet.PUBACK, packet.PUBCOMP:
		c.unended--
		c.window++
	}
}

func (c *benchClient) flush() error {
	for batch := c.window; batch > 0 && c.left > 0; batch-- {
		if !c.credit.take(len(c.out) == 0 && (c.qos == 0 || c.unended == 0)) {
			break
		}
		c.id = max(c.id+1, 1)
		m := packet.PublishHead{TopicName: c.topic, QoS: c.qos, PacketID: c.id, PayloadSize: 64}
		c.out = append(m.Append(c.out, packet.V311), benchPayload[:]...)
		c.left--
		if c.qos > 0 {
			c.window--
			c.unended++
		}
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

var benchPayload [64]byte
