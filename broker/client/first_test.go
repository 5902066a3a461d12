package client_test

import (
	"sync"
	"testing"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// TestFirst: a message goes with CONNECT in one write, counts against Receive Maximum, and is acknowledged in the same bytes as CONNACK.
func TestFirst(t *testing.T) {
	p, ours := pipe(t, packet.V5)
	first := message("state", 1)
	first.PacketID = 7
	limits := packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 2)
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 4096) // a pipe gives one write at a time
		n, err := p.conn.Read(b)
		if err != nil {
			t.Error(err)
			return
		}
		p.buf = append(p.buf, b[:n]...)
		if h := p.next(); h.Type != packet.CONNECT {
			t.Errorf("first came %v", h.Type)
		}
		if len(p.buf) == 0 {
			t.Error("CONNECT was written alone")
		}
		if m := p.publish(); string(m.TopicName) != "state" || m.PacketID != 7 {
			t.Errorf("then came %+v", m)
		}
		p.send(&packet.Connack{Properties: limits}, ack(packet.PUBACK, 7))
	})
	conn, err := client.Open(t.Context(), ours, connect(packet.V5), client.ConnOptions{First: first})
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n := conn.Quota(); n != 1 {
		t.Errorf("quota %d before its acknowledgement", n)
	}
	acked := make(acknowledged, 1)
	wg.Go(func() { conn.Serve(t.Context(), acked) })
	if id := result(t, acked); id != 7 || conn.Quota() != 2 {
		t.Errorf("acknowledged %d, quota %d", id, conn.Quota())
	}
	conn.Close()
	wg.Wait()
}

// acknowledged is a Handler that gives the ids of PUBACK.
type acknowledged chan uint16

func (a acknowledged) Receive(in *client.Incoming) error { a <- in.Ack.PacketID; return nil }
func (a acknowledged) Flush()                            {}

// TestAliasOnTheWire: a topic that comes again leaves as its alias, and whole on the next connection; never in 3.1.1.
func TestAliasOnTheWire(t *testing.T) {
	aliases := client.NewAliases()
	granted := packet.Connack{Properties: packet.Properties(nil).AppendNumber(packet.TopicAliasMaximum, 1)}
	for _, tt := range []struct {
		name    string
		version packet.Version
		answer  packet.Connack
		topics  []string // as they come
	}{
		{"first connection", packet.V5, granted, []string{"site/one", "site/one", "", ""}},
		{"next connection", packet.V5, granted, []string{"site/one", "", "", ""}},
		{"none granted", packet.V5, packet.Connack{}, []string{"site/one", "site/one", "site/one", "site/one"}},
		{"3.1.1", packet.V311, packet.Connack{}, []string{"site/one", "site/one", "site/one", "site/one"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, conn := opened(t, tt.version, tt.answer, 60, client.ConnOptions{Aliases: aliases})
			sent := async(func() error {
				for i := range tt.topics {
					head := packet.PublishHead{TopicName: "site/one", QoS: 1, PacketID: uint16(i + 1), Dup: i == 3}
					if err := conn.Publish(&head, []byte("x")); err != nil {
						return err
					}
				}
				return conn.Flush()
			})
			for i, want := range tt.topics {
				if m := p.publish(); string(m.TopicName) != want {
					t.Errorf("message %d: topic %q, want %q", i, m.TopicName, want)
				}
			}
			if err := result(t, sent); err != nil {
				t.Fatal(err)
			}
		})
	}
}
