package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// site is a server that may move: after each restart it has another address.
type site struct{ address atomic.Value }

// connect dials until it gets through, and gives a running Client whose connection ends in a while.
func (s *site) connect(ctx context.Context, c *packet.Connect, o client.Options, life time.Duration) (*client.Client, *sync.WaitGroup, error) {
	for ctx.Err() == nil {
		nc, err := net.Dial("tcp", s.address.Load().(string))
		if err != nil {
			time.Sleep(time.Millisecond) // between two addresses
			continue
		}
		cut := time.AfterFunc(life, func() { nc.Close() })
		connected, err := client.Connect(ctx, nc, c, o)
		if err != nil {
			cut.Stop()
			nc.Close()
			continue
		}
		var running sync.WaitGroup
		running.Go(func() { connected.Run(ctx); cut.Stop() })
		return connected, &running, nil
	}
	return nil, nil, ctx.Err()
}

// Connections break all the time on both sides, and the server is restarted or loses power now and then: each QoS 2
// message arrives once, each QoS 1 message at least once, and both in order (a message of QoS 1 that comes again does
// not count).
func TestBrokenLinks(t *testing.T) {
	for _, version := range []packet.Version{packet.V311, packet.V5} {
		t.Run(version.String()+" restart", func(t *testing.T) { breakLinks(t, version, restart) })
		t.Run(version.String()+" power cut", func(t *testing.T) { breakLinks(t, version, cutPower) })
	}
}

// restart ends the station in order.
func restart(st *station) *vfs.Disk {
	st.stop()
	return st.disk
}

// cutPower takes the power away in the middle of one of the next writes, and gives the disk as it is found afterwards.
func cutPower(st *station) *vfs.Disk {
	st.storeMayFail.Store(true)
	st.disk.CutAt(st.disk.Ops() + 1 + rand.IntN(5))
	for deadline := time.Now().Add(50 * time.Millisecond); st.broker.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	st.stop()
	return st.disk.Crash(rand.New(rand.NewPCG(rand.Uint64(), 0)), vfs.Garbling)
}

func breakLinks(t *testing.T, version packet.Version, end func(*station) *vfs.Disk) {
	const messages = 2000
	var s site
	open := func(disk *vfs.Disk) *station {
		st := openStation(t, disk, server.Options{Limits: server.Limits{Shutdown: 20 * time.Millisecond}})
		s.address.Store(st.listen(server.ListenerConfig{Name: "test", Anonymous: true}))
		return st.run()
	}
	st := open(vfs.NewDisk())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // it takes three seconds, and more than thirty on a busy machine
	defer cancel()
	got := newReceived(messages)
	subscribed := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { got.subscribe(ctx, t, &s, version, subscribed) })
	all.Go(func() {
		<-subscribed
		publishAll(ctx, t, &s, version, messages)
	})
	for done := false; !done; {
		select {
		case <-got.complete:
			done = true
		case <-ctx.Done():
			t.Errorf("not complete: QoS 1 %d, QoS 2 %d of %d each", got.next[1].Load(), got.next[2].Load(), messages)
			done = true
		case <-time.After(150 * time.Millisecond):
			st = open(end(st))
		}
	}
	cancel()
	all.Wait()
}

// durableConnect is a CONNECT of a session that outlives its connections. Before the first one there is nothing to resume.
func durableConnect(id string, v packet.Version) *packet.Connect {
	c := &packet.Connect{Version: v, ClientID: []byte(id), KeepAlive: 60}
	if v == packet.V5 {
		c.Properties = packet.Properties{}.AppendNumber(packet.SessionExpiryInterval, 3600)
	}
	return c
}

func life() time.Duration { return time.Duration(2+rand.IntN(30)) * time.Millisecond }

// publishAll publishes messages of QoS 1 and 2, each to a topic of its own, through as many connections as it takes.
func publishAll(ctx context.Context, t *testing.T, s *site, v packet.Version, messages int) {
	session := client.NewSession()
	n := 0
	for ctx.Err() == nil {
		c, running, err := s.connect(ctx, durableConnect("publisher", v), client.Options{Session: session}, life())
		if err != nil {
			return
		}
		for n < 2*messages {
			qos := byte(1 + n%2)
			number := n / 2
			m := &packet.Publish{TopicName: fmt.Appendf(nil, "t/%d", qos), QoS: qos, Payload: fmt.Append(nil, number)}
			if err := c.Send(ctx, m, func(err error) {
				var refused *client.Refused
				if errors.As(err, &refused) { // else the session keeps it
					t.Errorf("message %d of QoS %d: %v", number, qos, err)
				}
			}); err != nil {
				break
			}
			if n++; n%8 == 0 {
				time.Sleep(time.Millisecond) // let there be many connections
			}
		}
		running.Wait()
	}
}

// received is what has arrived, per QoS.
type received struct {
	messages int64
	next     [3]atomic.Int64 // the message that is to come next
	wrong    atomic.Int64
	complete chan struct{}
	once     sync.Once
}

func newReceived(messages int64) *received {
	return &received{messages: messages, complete: make(chan struct{})}
}

func (r *received) subscribe(ctx context.Context, t *testing.T, s *site, v packet.Version, subscribed chan struct{}) {
	session := client.NewSession()
	first := sync.OnceFunc(func() { close(subscribed) })
	defer first()
	for asked := false; ctx.Err() == nil; {
		o := client.Options{Session: session, OnMessage: func(m *packet.Publish) { r.take(t, m) }}
		c, running, err := s.connect(ctx, durableConnect("subscriber", v), o, life())
		if err != nil {
			return
		}
		if !asked {
			_, err := c.Subscribe(ctx, packet.Subscription{TopicFilter: []byte("t/+"), QoS: 2})
			if asked = err == nil; asked {
				first()
			}
		}
		running.Wait()
	}
}

func (r *received) take(t *testing.T, m *packet.Publish) {
	var number int64
	fmt.Sscan(string(m.Payload), &number)
	qos := m.TopicName[len(m.TopicName)-1] - '0'
	switch want := r.next[qos].Load(); {
	case m.QoS != qos || !strings.HasPrefix(string(m.TopicName), "t/"):
		t.Errorf("%s at QoS %d", m.TopicName, m.QoS)
	case number == want:
		r.next[qos].Add(1)
	case number > want || qos == 2:
		if r.wrong.Add(1) > 5 {
			return // the first tell enough
		}
		t.Errorf("QoS %d: message %d, want %d (DUP %v)", qos, number, want, m.Dup)
	}
	if r.next[1].Load() == r.messages && r.next[2].Load() == r.messages {
		r.once.Do(func() { close(r.complete) })
	}
}
