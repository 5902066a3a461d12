package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/loopback"
)

// TestKilledAtEveryPacket kills the daemon (SIGKILL) at every boundary of every exchange that promises something: after each
// packet that a client has sent or received. Then it runs again, the client goes on where it was, and what was promised holds:
// QoS 1 at least once, QoS 2 exactly once, a SUBACK, UNSUBACK or CONNACK that came means what it said.
func TestKilledAtEveryPacket(t *testing.T) {
	s := &victim{t: t, dir: t.TempDir(), address: loopback.Address(loopback.Port(t))}
	config := fmt.Sprintf("storage: {path: data}\nbroker: {listeners: {local: {tcp: %q, anonymous: true}}}\n", s.address)
	if err := os.WriteFile(filepath.Join(s.dir, "station.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	defer func() { s.kill() }()
	step := 1
	if testing.Short() {
		step = 3
	}
	for _, v := range []packet.Version{packet.V311, packet.V5} {
		for _, x := range exchanges {
			for cut := 0; ; cut += step {
				l := &life{victim: s, v: v, name: fmt.Sprintf("%v-%s-%d", v, x.name, cut), cut: cut, got: map[string]int{}, held: map[uint16]bool{}}
				complete := false
				t.Run(l.name, func(t *testing.T) {
					s.t = t
					complete = l.play(x)
				})
				if s.t = t; complete || t.Failed() {
					break
				}
			}
		}
	}
}

// victim is a daemon that is killed again and again.
type victim struct {
	t       *testing.T
	dir     string
	address string
	cmd     *exec.Cmd
}

func (s *victim) start() {
	s.t.Helper()
	s.cmd = exec.Command("skerry", "run", "station.yaml")
	s.cmd.Dir = s.dir
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if nc, err := net.Dial("tcp", s.address); err == nil {
			nc.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the daemon does not listen")
		}
	}
}

func (s *victim) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// exchange is one thing that a client does; it says at each boundary where it is. after is what must hold when it has gone on.
type exchange struct {
	name       string
	run, after func(l *life)
}

// life is one run of an exchange: up to a cut, and after it.
type life struct {
	*victim
	v    packet.Version
	name string
	cut  int

	reached []string
	c       *raw // of the exchange

	got  map[string]int  // messages that the receiver has taken over, by payload
	held map[uint16]bool // its QoS 2 packet ids
}

var errCut = errors.New("cut")

// at is a boundary.
func (l *life) at(where string) {
	l.reached = append(l.reached, where)
	if len(l.reached) == l.cut+1 {
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		l.kill()
		panic(errCut)
	}
}

// passed tells whether a boundary lies behind.
func (l *life) passed(where string) bool { return slices.Contains(l.reached, where) }

// play tells whether the exchange came to its end without a cut.
func (l *life) play(x exchange) (complete bool) {
	if complete = l.until(x.run); !complete {
		l.start()
	}
	l.cut = -1
	x.after(l)
	if l.t.Failed() {
		l.t.Logf("killed after: %q", l.reached)
	}
	return complete
}

func (l *life) until(run func(*life)) (complete bool) {
	defer func() {
		if r := recover(); r != nil && r != errCut {
			panic(r)
		}
	}()
	run(l)
	return true
}

// raw is a client made of bytes.
type raw struct {
	t    *testing.T
	nc   net.Conn
	v    packet.Version
	in   []byte
	here bool // Session Present
}

// connect connects a session that lasts.
func (l *life) connect(id string, clean bool) *raw {
	l.t.Helper()
	r := l.knock(id, clean)
	r.welcome()
	return r
}

// knock sends CONNECT. With clean the session ends with the connection in 3.1.1.
func (l *life) knock(id string, clean bool) *raw {
	l.t.Helper()
	nc, err := net.Dial("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	r := &raw{t: l.t, nc: nc, v: l.v}
	c := packet.Connect{Version: l.v, CleanStart: clean, ClientID: []byte(l.name + id)}
	if l.v == packet.V5 {
		c.Properties = c.Properties.AppendNumber(packet.SessionExpiryInterval, 3600)
	}
	r.send(c.Append(nil))
	return r
}

func (r *raw) welcome() {
	r.t.Helper()
	var a packet.Connack
	if err := a.Decode(r.v, r.expect(packet.CONNACK)); err != nil || a.ReasonCode != packet.Success {
		r.t.Fatalf("CONNACK: %v (%v)", a.ReasonCode, err)
	}
	r.here = a.SessionPresent
}

func (r *raw) send(b []byte) {
	r.t.Helper()
	if _, err := r.nc.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) read() packet.Header {
	r.t.Helper()
	for {
		n, _, err := packet.Next(r.in, 0)
		if err != nil {
			r.t.Fatal(err)
		}
		if n > 0 {
			h, err := packet.Split(bytes.Clone(r.in[:n]))
			if err != nil {
				r.t.Fatal(err)
			}
			r.in = r.in[n:]
			return h
		}
		b := make([]byte, 4096)
		m, err := r.nc.Read(b)
		if err != nil {
			r.t.Fatalf("read: %v", err)
		}
		r.in = append(r.in, b[:m]...)
	}
}

func (r *raw) expect(want packet.Type) packet.Header {
	r.t.Helper()
	h := r.read()
	if h.Type != want {
		r.t.Fatalf("%v instead of %v", h.Type, want)
	}
	return h
}

func (r *raw) publish(topic, payload string, qos byte, dup bool) {
	r.t.Helper()
	m := packet.Publish{QoS: qos, Dup: dup, TopicName: []byte(topic), Payload: []byte(payload), PacketID: 1}
	r.send(m.Append(nil, r.v))
}

func (r *raw) ack(t packet.Type, id uint16) {
	r.t.Helper()
	a := packet.Ack{Type: t, PacketID: id}
	r.send(a.Append(nil, r.v))
}

func (r *raw) subscribe(topic string) {
	r.t.Helper()
	s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte(topic), QoS: 2}}}
	r.send(s.Append(nil, r.v))
}

// topic is one that no other life uses.
func (l *life) topic() string { return "t/" + l.name }

// keep makes a session that will be sent what is published.
func (l *life) keep() {
	l.t.Helper()
	r := l.connect("keeper", false)
	r.subscribe(l.topic())
	r.expect(packet.SUBACK)
	r.nc.Close()
}

// say publishes a message from a client beside and waits for its acknowledgement.
func (l *life) say(payload string, qos byte) {
	l.t.Helper()
	r := l.connect("speaker", true)
	r.publish(l.topic(), payload, qos, false)
	if qos == 2 {
		r.expect(packet.PUBREC)
		r.ack(packet.PUBREL, 1)
		r.expect(packet.PUBCOMP)
	} else {
		r.expect(packet.PUBACK)
	}
	r.nc.Close()
}

// drain takes over what waits for a session, up to a message that is published now.
func (l *life) drain(r *raw) {
	l.t.Helper()
	l.say("last", 2)
	for l.got["last"] == 0 || len(l.held) > 0 {
		l.take(r, r.read())
	}
}

// take does what a receiver does with a packet (section 4.3).
func (l *life) take(r *raw, h packet.Header) {
	l.t.Helper()
	if h.Type == packet.PUBREL {
		var a packet.Ack
		if err := a.Decode(r.v, h); err != nil {
			l.t.Fatal(err)
		}
		delete(l.held, a.PacketID)
		r.ack(packet.PUBCOMP, a.PacketID)
		return
	}
	m := l.message(r, h)
	switch {
	case m.QoS == 1:
		l.got[string(m.Payload)]++
		r.ack(packet.PUBACK, m.PacketID)
	case m.QoS == 2:
		if !l.held[m.PacketID] {
			l.got[string(m.Payload)]++
		}
		l.held[m.PacketID] = true
		r.ack(packet.PUBREC, m.PacketID)
	}
}

func (l *life) message(r *raw, h packet.Header) packet.Publish {
	l.t.Helper()
	var m packet.Publish
	if err := m.Decode(r.v, h); err != nil {
		l.t.Fatal(err)
	}
	return m
}

// want checks how often a message came.
func (l *life) want(payload string, least, most int) {
	l.t.Helper()
	if n := l.got[payload]; n < least || n > most {
		l.t.Errorf("%q came %d times, want %d to %d", payload, n, least, most)
	}
}
