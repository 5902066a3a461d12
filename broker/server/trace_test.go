package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"skerry/broker/packet"
	"skerry/broker/server"
)

// watched are the packets that a trace has shown.
type watched struct {
	mu    sync.Mutex
	lines []string
}

func (w *watched) see(p server.Traced) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	arrow := "<-"
	if p.In {
		arrow = "->"
	}
	w.lines = append(w.lines, fmt.Sprintf("%s %s %d: %s", arrow, p.Type, p.Size, p.Text))
	return nil
}

func (w *watched) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// watch traces a client until the function that it gives is called. It returns when the trace is on.
func (st *station) watch(clientID string) (w *watched, connected bool, stop func()) {
	st.t.Helper()
	return traceOf(st.t, st.server, clientID)
}

func traceOf(t testing.TB, s *server.Server, clientID string) (w *watched, connected bool, stop func()) {
	t.Helper()
	w = &watched{}
	on := make(chan bool, 1)
	stop = running(t, func(ctx context.Context) error {
		return s.Trace(ctx, clientID, func(connected bool) error { on <- connected; return nil }, w.see)
	})
	return w, <-on, stop
}

// TestTrace shows a whole conversation, from a CONNECT to the end, and neither the payload nor the password.
func TestTrace(t *testing.T) {
	st, address := start(t, server.Limits{})
	w, connected, stop := st.watch("c")
	if connected {
		t.Error("it is not connected yet")
	}
	p, other := dial(t, address), dial(t, address)
	other.send((&packet.Connect{Version: packet.V311, CleanStart: true, ClientID: []byte("other")}).Append(nil))
	other.readPacket()
	p.send((&packet.Connect{Version: packet.V311, CleanStart: true, KeepAlive: 30, ClientID: []byte("c"),
		UserName: []byte("joe"), Password: []byte("SECRET"), WillFlag: true,
		Will: packet.Will{TopicName: []byte("w"), Payload: []byte("SECRET")}}).Append(nil))
	p.readPacket()
	p.send((&packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("a"), QoS: 1}}}).Append(nil, packet.V311))
	p.readPacket()
	p.send((&packet.Publish{TopicName: []byte("a"), QoS: 1, PacketID: 2, Payload: []byte("SECRET")}).Append(nil, packet.V311))
	p.readPacket()
	p.readPacket()
	p.send(append((&packet.Ack{Type: packet.PUBACK, PacketID: 1}).Append(nil, packet.V311), packet.Pingreq{}.Append(nil, packet.V311)...))
	p.readPacket()
	want := []string{
		`-> CONNECT 39: MQTT 3.1.1, client "c", clean start true, keep alive 30 s, user "joe", with a password, will to "w" QoS 0 retain false`,
		`<- CONNACK 4: Success (0x00), session present false`,
		`-> SUBSCRIBE 8: id 1, "a" QoS 1`,
		`<- SUBACK 5: id 1, Granted QoS 1 (0x01)`,
		`-> PUBLISH 13: "a", QoS 1, id 2, payload 6 bytes`,
		`<- PUBACK 4: id 2, Success (0x00)`,
		`<- PUBLISH 13: "a", QoS 1, id 1, payload 6 bytes`,
		`-> PUBACK 4: id 1, Success (0x00)`,
		`-> PINGREQ 2: `,
		`<- PINGRESP 2: `,
	}
	eventually(t, "all packets", func() bool { return len(w.all()) >= len(want) })
	if got := w.all(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err := st.server.Trace(t.Context(), "c", nil, nil); !errors.Is(err, server.ErrTraced) {
		t.Errorf("a second trace: %v", err)
	}
	stop()
	p.send(packet.Pingreq{}.Append(nil, packet.V311))
	p.readPacket()
	if got := w.all(); len(got) != len(want) {
		t.Errorf("after its end: %q", got[len(want):])
	}
	w, connected, stop = st.watch("c")
	defer stop()
	if !connected {
		t.Error("it is connected")
	}
	p.send(packet.Pingreq{}.Append(nil, packet.V311))
	p.readPacket()
	eventually(t, "a packet of a connection that was there", func() bool { return len(w.all()) == 2 })
}

// TestTraceRefusal shows why a client is not let in; nothing is kept of it.
func TestTraceRefusal(t *testing.T) {
	st, address := start(t, server.Limits{})
	w, _, stop := st.watch("c")
	defer stop()
	p := dial(t, address)
	p.send((&packet.Connect{Version: packet.V5, ClientID: []byte("c"), Properties: packet.Properties{}.AppendString(packet.AuthenticationMethod, "x")}).Append(nil))
	eventually(t, "both packets", func() bool { return len(w.all()) == 2 })
	if got := w.all()[1]; got != "<- CONNACK 5: Bad authentication method (0x8C), session present false" {
		t.Error(got)
	}
}

// TestTraceHoldsNobodyUp: who watches and does not look is told how much it has missed.
func TestTraceHoldsNobodyUp(t *testing.T) {
	st, address := start(t, server.Limits{})
	on, look := make(chan bool, 1), make(chan struct{})
	seen := errors.New("seen")
	ended := make(chan error, 1)
	go func() {
		ended <- st.server.Trace(t.Context(), "c", func(bool) error { on <- true; return nil }, func(p server.Traced) error {
			<-look
			if p.Left > 0 {
				return seen
			}
			return nil
		})
	}()
	<-on
	p := dial(t, address)
	p.send((&packet.Connect{Version: packet.V311, CleanStart: true, ClientID: []byte("c")}).Append(nil))
	p.readPacket()
	ping := func(n int) {
		p.send(bytes.Repeat(packet.Pingreq{}.Append(nil, packet.V311), n))
		for range n {
			p.readPacket()
		}
	}
	for range 10 {
		ping(100)
	}
	close(look)
	for {
		select {
		case err := <-ended:
			if !errors.Is(err, seen) {
				t.Error(err)
			}
			return
		default:
			ping(1)
		}
	}
}
