package server_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// toy is a method of one question: whoever says please is the user that the first data names. "now" needs no question.
type toy struct{}

func (toy) Name() string               { return "TOY" }
func (toy) Begin() server.AuthExchange { return new(toyExchange) }

type toyExchange struct{ user string }

func (x *toyExchange) Step(data []byte) (answer []byte, done bool, user string, err error) {
	switch {
	case x.user == "" && strings.HasPrefix(string(data), "now "):
		return []byte("hi"), true, string(data[4:]), nil
	case x.user == "" && len(data) > 0:
		x.user = string(data)
		return []byte("say"), false, "", nil
	case string(data) == "please":
		return nil, true, x.user, nil
	}
	return nil, false, "", errors.New("that is not the word")
}

// Section 4.12, step by step. Where a line begins a connection, a Client of that name is new.
func TestEnhancedAuthentication(t *testing.T) {
	const (
		connect  = "10: 'MQTT' 05 02 003c 0d 15 'TOY' 16 'anna' 'a'" // method TOY, data anna
		connack  = "20: 00 00 13 21 0040 27 00040000 22 0020 2a 01 15 'TOY'"
		question = "f0: 18 0c 15 'TOY' 16 'say'"
		please   = "f0: 18 0f 15 'TOY' 16 'please'"
		wrong    = "f0: 18 0e 15 'TOY' 16 'never'"
		again    = "f0: 19 0d 15 'TOY' 16 'anna'"
	)
	in := []string{"a> " + connect, "a< " + question, "a> " + please, "a< " + connack}
	tests := []struct {
		name  string
		lines []string
	}{
		{"MQTT-4.12.0-2, -5: question, answer, CONNACK with the method", append(in, "a> c0:", "a< d0:")},
		{"all in one write", []string{"a> " + connect + " | " + please + " | c0:", "a< " + question + " | " + connack + " | d0:"}},
		{"the last data stands in CONNACK", []string{"a> 10: 'MQTT' 05 02 003c 11 15 'TOY' 16 'now anna' 'a'",
			"a< 20: 00 00 18 21 0040 27 00040000 22 0020 2a 01 15 'TOY' 16 'hi'"}},
		{"MQTT-4.12.0-4: refused", []string{"a> " + connect, "a< " + question, "a> " + wrong, "a< 20: 00 87 00", "a< closed"}},
		{"no data at all", []string{"a> 10: 'MQTT' 05 02 003c 06 15 'TOY' 'a'", "a< 20: 00 87 00", "a< closed"}},
		{"MQTT-4.12.0-1: a method that is not known", []string{"a> 10: 'MQTT' 05 02 003c 05 15 'TO' 'a'", "a< 20: 00 8c 00", "a< closed"}},
		{"MQTT-4.12.0-3: not 0x18", []string{"a> " + connect, "a< " + question, "a> " + again, "a< 20: 00 82 00", "a< closed"}},
		{"MQTT-4.12.0-5: another method in AUTH", []string{"a> " + connect, "a< " + question, "a> f0: 18 0e 15 'TO' 16 'please'", "a< 20: 00 82 00", "a< closed"}},
		{"MQTT-3.1.2-30: PUBLISH before CONNACK", []string{"a> " + connect, "a< " + question, "a> 30: 't' 00", "a< 20: 00 82 00", "a< closed"}},
		{"DISCONNECT before CONNACK", []string{"a> " + connect, "a< " + question, "a> e0:", "a< closed"}},
		{"a malformed AUTH", []string{"a> " + connect, "a< " + question, "a> f0: 18 01", "a< 20: 00 81 00", "a< closed"}},
		{"MQTT-3.1.2-24: a question larger than the Client takes", []string{"a> 10: 'MQTT' 05 02 003c 12 27 0000000c 15 'TOY' 16 'anna' 'a'", "a< 20: 00 95 00", "a< closed"}},
		{"MQTT-4.12.0-6, -7: without a method no AUTH", []string{"a> 10: 'MQTT' 05 02 003c 00 'a'", "a< 20: 00 00 0d ??*13", "a> " + again, "a< e0: 82", "a< closed"}},
		{"what CONNECT said is still known at the end", []string{
			"a> 10: 'MQTT' 05 0e 003c 12 11 0000ffff 15 'TOY' 16 'anna' 'a' 00 'gone' 'will'", "a< " + question,
			"a> f0: 18 bc01 15 'TOY' 26 'x' '" + strings.Repeat("y", 167) + "' 16 'please'", "a< " + connack,
			"b> 10: 'MQTT' 05 02 003c 11 15 'TOY' 16 'now bert' 'b' | 82: 0001 00 'gone' 00", "b< 20: ??*27 | 90: 0001 00 00",
			"a> e0: 04", "a< closed", "b< 30: 'gone' 00 \"will\"",
			"a2> 10: 'MQTT' 05 00 003c 16 11 0000ffff 15 'TOY' 16 'now anna' 'a'", "a2< 20: 01 00 18 ??*24"}},
		{"the session belongs to who proved it", []string{
			"a> 10: 'MQTT' 05 02 003c 16 11 0000ffff 15 'TOY' 16 'now anna' 'a'", "a< 20: ??*27",
			"b> 10: 'MQTT' 05 02 003c 11 15 'TOY' 16 'now bert' 'a'", "b< 20: 00 87 00", "b< closed"}},
		{"MQTT-4.12.1-1: again, while messages flow", append(in, "a> 82: 0001 00 't' 00 | "+again+" | 30: 't' 00 \"x\"", "a< 90: 0001 00 00 | "+question+" | 30: 't' 00 \"x\"",
			"a> "+please+" | c0:", "a< f0: 00 06 15 'TOY' | d0:", "a> "+again, "a< "+question)},
		{"MQTT-4.12.1-2: not the second time", append(in, "a> "+again, "a< "+question, "a> "+wrong, "a< e0: 87", "a< closed")},
		{"again, as another user", append(in, "a> f0: 19 11 15 'TOY' 16 'now bert'", "a< e0: 87", "a< closed")},
		{"again, with another method", append(in, "a> f0: 19 0d 15 'TOX' 16 'anna'", "a< e0: 82", "a< closed")},
		{"again, within again", append(in, "a> "+again+" | "+again, "a< "+question+" | e0: 82", "a< closed")},
		{"an answer without a question", append(in, "a> "+please, "a< e0: 82", "a< closed")},
		{"success from a Client", append(in, "a> "+again, "a< "+question, "a> f0: 00 0f 15 'TOY' 16 'please'", "a< e0: 82", "a< closed")},
		{"an empty AUTH", append(in, "a> f0:", "a< e0: 82", "a< closed")},
		{"without a method a password still counts", []string{"a> 10: 'MQTT' 05 c2 003c 00 'a' 'anna' 'x'", "a< 20: 00 00 0d ??*13"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := openStation(t, vfs.NewDisk(), server.Options{})
			address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true, Methods: []server.AuthMethod{toy{}}})
			st.run()
			peers := map[string]*peer{}
			for _, line := range tt.lines {
				playLine(t, line, func(name string) *peer {
					if peers[name] == nil {
						peers[name] = dial(t, address)
					}
					return peers[name]
				})
			}
		})
	}
}

// Who does not answer the Server's question is gone when the time for CONNECT is over.
func TestAuthenticationTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, recovery, err := queue.Open(vfs.NewDisk(), "data", queue.Options{SlotSize: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		b, err := broker.New(store, recovery, broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, p := server.New(b, server.Options{}), newPipes()
		if err := s.Serve(p, server.ListenerConfig{Name: "pipe", Methods: []server.AuthMethod{toy{}}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{store.Run, b.Run, s.Run} {
			all.Go(func() { run(ctx) })
		}
		c, begin := p.dial(t), time.Now()
		c.script("> 10: 'MQTT' 05 02 003c 0d 15 'TOY' 16 'anna' 'a'", "< f0: 18 0c 15 'TOY' 16 'say'")
		if last, d := c.endsAfter(begin); d != 10*time.Second || len(last) > 0 {
			t.Errorf("closed after %v with %x, want 10 s with nothing", d, last)
		}
		cancel()
		all.Wait()
		store.Close()
	})
}

// The exchange goes over a WebSocket like everything else.
func TestWebSocketAuthentication(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{Methods: []server.AuthMethod{toy{}}})
	c, _ := dialWebSocket(t, address)
	c.script("> 10: 'MQTT' 05 02 003c 0d 15 'TOY' 16 'anna' 'a'", "< f0: 18 0c 15 'TOY' 16 'say'")
	c.script("> f0: 18 0f 15 'TOY' 16 'please'", "< 20: 00 00 13 ??*19")
	c.script("> f0: 19 11 15 'TOY' 16 'now anna'", "< f0: 00 0b 15 'TOY' 16 'hi'", "> c0:", "< d0:")
}
