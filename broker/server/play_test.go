package server_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// A play is a row of bytes that says what a few Clients do to one server, in turn: connect in any version, over a socket or
// a pipe, under ClientIDs that they take from each other; send packets that are right, or have a byte changed, in pieces;
// go with or without a word. Whatever the bytes are, they are a play.
type play struct {
	rest []byte
}

func (p *play) next(n int) int {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return int(b) % n
}

var (
	playTopics  = []string{"a", "a/b", "a/b/c", "b", "$SYS/x", "a//", "longer/topic/that/is/worth/an/alias", ""}
	playFilters = []string{"#", "a/#", "+", "a/+/c", "b", "$share/g/a/#", "$SYS/#", "a/#/b", "longer/topic/that/is/worth/an/alias", ""}
	playIDs     = []string{"one", "two", "three", ""}
)

// connect gives a CONNECT, and the version that it speaks.
func (p *play) connect() ([]byte, packet.Version) {
	c := packet.Connect{
		Version: []packet.Version{packet.V5, packet.V311, packet.V31, packet.V5}[p.next(4)], CleanStart: p.next(3) == 0,
		KeepAlive: uint16(p.next(3) * 30), ClientID: []byte(playIDs[p.next(4)]), WillFlag: p.next(3) == 0,
	}
	if c.WillFlag {
		c.Will = packet.Will{QoS: byte(p.next(3)), Retain: p.next(2) == 0, TopicName: []byte("a/b"), Payload: []byte("will")}
	}
	if c.Version != packet.V5 {
		return c.Append(nil), c.Version
	}
	for _, o := range []struct {
		id    packet.PropertyID
		value uint32
	}{
		{packet.SessionExpiryInterval, 100}, {packet.ReceiveMaximum, 1 + uint32(p.next(5))}, {packet.MaximumPacketSize, 30 + uint32(p.next(100))},
		{packet.TopicAliasMaximum, uint32(p.next(4))}, {packet.RequestProblemInformation, 0}, {packet.RequestResponseInformation, 1},
	} {
		if p.next(2) == 0 {
			c.Properties = c.Properties.AppendNumber(o.id, o.value)
		}
	}
	if p.next(5) == 0 {
		c.Properties = c.Properties.AppendString(packet.AuthenticationMethod, "TOY").AppendString(packet.AuthenticationData, []string{"anna", "now anna"}[p.next(2)])
	}
	return c.Append(nil), c.Version
}

// packet gives any other packet.
func (p *play) packet(v packet.Version) []byte {
	id := uint16(1 + p.next(4))
	switch p.next(10) {
	case 0, 1, 2:
		return p.publish(v, id)
	case 3, 4:
		s := packet.Subscribe{PacketID: id}
		for range 1 + p.next(3) {
			s.Subscriptions = append(s.Subscriptions, packet.Subscription{TopicFilter: []byte(playFilters[p.next(len(playFilters))]),
				QoS: byte(p.next(3)), NoLocal: v == packet.V5 && p.next(3) == 0, RetainHandling: byte(p.next(3)) * byte(v/packet.V5)})
		}
		if v == packet.V5 && p.next(2) == 0 {
			s.Properties = s.Properties.AppendNumber(packet.SubscriptionIdentifier, uint32(1+p.next(200)))
		}
		return s.Append(nil, v)
	case 5:
		u := packet.Unsubscribe{PacketID: id, TopicFilters: [][]byte{[]byte(playFilters[p.next(len(playFilters))])}}
		return u.Append(nil, v)
	case 6, 7:
		a := packet.Ack{Type: packet.PUBACK + packet.Type(p.next(4)), PacketID: id}
		if v == packet.V5 && p.next(3) == 0 && packet.QuotaExceeded.AllowedIn(a.Type) {
			a.ReasonCode = packet.QuotaExceeded
		}
		return a.Append(nil, v)
	case 8:
		a := packet.Auth{ReasonCode: packet.ContinueAuthentication + packet.ReasonCode(p.next(2)), Properties: packet.Properties{}.
			AppendString(packet.AuthenticationMethod, "TOY").AppendString(packet.AuthenticationData, []string{"please", "anna", "no"}[p.next(3)])}
		return a.Append(nil, v)
	}
	return []byte{byte(packet.PINGREQ) << 4, 0}
}

func (p *play) publish(v packet.Version, id uint16) []byte {
	m := packet.Publish{QoS: byte(p.next(3)), Retain: p.next(3) == 0, Payload: make([]byte, p.next(256)), TopicName: []byte(playTopics[p.next(len(playTopics))])}
	if m.QoS > 0 {
		m.PacketID, m.Dup = id, p.next(4) == 0
	}
	if v == packet.V5 {
		if p.next(2) == 0 || len(m.TopicName) == 0 {
			m.Properties = m.Properties.AppendNumber(packet.TopicAlias, uint32(1+p.next(3)))
		}
		if p.next(3) == 0 {
			m.Properties = m.Properties.AppendUserProperty("k", "v").AppendNumber(packet.MessageExpiryInterval, uint32(p.next(2)))
		}
	}
	return m.Append(nil, v)
}

// spoil changes a byte now and then.
func (p *play) spoil(b []byte) []byte {
	if p.next(8) == 7 && len(b) > 0 {
		b[p.next(len(b))] ^= byte(1 << p.next(8))
	}
	return b
}

// stage is where plays are performed: one server with a socket and a pipe, and a Client that minds its own business.
type stage struct {
	st      *station
	address string
	pipes   *pipes
	witness *peer
	n       int
}

func newStage(t testing.TB) *stage {
	st := openStationOf(t, vfs.NewDisk(), server.Options{
		Limits:        server.Limits{Packet: 4096, Inflight: 10, Shutdown: 20 * time.Millisecond, Connections: 100, MessageRate: 10_000},
		ReasonStrings: true, ResponseInformation: "answer/%c/",
	}, queue.Options{SlotSize: 1 << 20}, broker.Options{MaxSessionExpiry: 1, Limits: broker.Limits{RetainedMessages: 100, Sessions: 100, Subscriptions: 20}})
	l := server.ListenerConfig{Name: "test", Anonymous: true, Methods: []server.AuthMethod{toy{}}}
	s := &stage{st: st, pipes: newPipes()}
	s.address = st.listen(l)
	if err := st.server.Serve(s.pipes, l); err != nil {
		t.Fatal(err)
	}
	st.run()
	s.witness = dial(t, s.address)
	s.witness.script("> 10: 'MQTT' 05 02 0000 00 'witness' | 82: 0001 00 'witness/+' 01", "< 20: ??*16 | 90: 0001 00 01")
	return s
}

// actor is one connection of a play.
type actor struct {
	nc      net.Conn
	version packet.Version
	over    chan struct{} // the server has closed it
}

func (s *stage) enter(p *play, reading *sync.WaitGroup) *actor {
	var nc net.Conn
	if p.next(2) == 0 {
		var err error
		if nc, err = net.Dial("tcp", s.address); err != nil {
			return nil
		}
	} else {
		ours, theirs := net.Pipe()
		s.pipes.conns <- theirs
		nc = ours
	}
	a := &actor{nc: nc, over: make(chan struct{})}
	nc.SetDeadline(time.Now().Add(patience))
	reading.Go(func() {
		defer close(a.over)
		io.Copy(io.Discard, nc)
	})
	b, version := p.connect()
	a.version = version
	nc.Write(p.spoil(b))
	return a
}

// perform runs a play, ends all that is left of it, and sees that the server and the witness are as before.
func (s *stage) perform(t testing.TB, code []byte) {
	p := &play{code}
	var actors [3]*actor
	var reading sync.WaitGroup
	for range 200 {
		if len(p.rest) == 0 {
			break
		}
		a := &actors[p.next(3)]
		switch what := p.next(16); {
		case *a == nil:
			*a = s.enter(p, &reading)
		case what == 0:
			(*a).nc.Close()
			*a = nil
		case what == 1:
			(*a).nc.Write([]byte{byte(packet.DISCONNECT) << 4, 0})
		default:
			b := p.spoil(p.packet((*a).version))
			at := p.next(len(b) + 1)
			(*a).nc.Write(b[:at])
			(*a).nc.Write(b[at:])
		}
	}
	for _, a := range actors {
		if a != nil {
			a.nc.Close()
		}
	}
	reading.Wait()
	s.check(t)
}

func (s *stage) check(t testing.TB) {
	t.Helper()
	eventually(t, "all connections but one have ended", func() bool { return s.st.server.Stats().Connections == 1 })
	s.n++
	s.witness.t = t
	text := fmt.Sprintf("'witness/%d'", s.n)
	s.witness.script("> 30: " + text + " 00 \"x\"")
	want := encode(t, "30: "+text+" 00 \"x\"")
	if got, err := s.witness.read(len(want)); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the other client gets %x (%v), want %x", got, err, want)
	}
}

// FuzzSessions lets the fuzzer write plays.
func FuzzSessions(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		f.Add(randomPlay(r))
	}
	s := newStage(f)
	f.Fuzz(func(t *testing.T, code []byte) { s.perform(t, code) })
}

func randomPlay(r *rand.Rand) []byte {
	code := make([]byte, 50+r.IntN(1500))
	for i := range code {
		code[i] = byte(r.Uint32())
	}
	return code
}

// Random plays, others each time; the seed of one that fails is told.
func TestRandomSessions(t *testing.T) {
	s := newStage(t)
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline) && !t.Failed(); {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { s.perform(t, randomPlay(rand.New(rand.NewPCG(seed, 0)))) })
	}
	if s.n < 5 {
		t.Errorf("only %d sessions were played", s.n)
	}
}
