package client_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// asked gives the times at which the Client sends PINGREQ, each of which is answered after a second.
func asked(p *peer) <-chan time.Duration {
	began := time.Now()
	times := make(chan time.Duration, 1000)
	go func() {
		for {
			h, err := p.read()
			if err != nil {
				return
			}
			if h.Type == packet.PINGREQ {
				times <- time.Since(began)
				time.Sleep(time.Second)
				p.conn.Write(packet.Pingresp{}.Append(nil, p.version))
			}
		}
	}()
	return times
}

// TestSetKeepAlive: the interval changes while the connection stands, and what is silent for longer already is asked at once.
func TestSetKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := opened(t, packet.V5, packet.Connack{}, 1200, client.ConnOptions{})
		go conn.Serve(t.Context(), nothing{})
		times, began := asked(p), time.Now()
		for _, step := range []struct {
			at   time.Duration // when the interval is changed
			to   time.Duration
			want []time.Duration // when is asked until the next step
		}{
			{100 * time.Second, 300 * time.Second, []time.Duration{300 * time.Second, 601 * time.Second}},
			{700 * time.Second, 60 * time.Second, []time.Duration{700 * time.Second, 761 * time.Second}},
			{800 * time.Second, 900 * time.Second, []time.Duration{1662 * time.Second}},
			{1700 * time.Second, 0, []time.Duration{2862 * time.Second}}, // 1,200 s after the last one was sent
			{2900 * time.Second, time.Hour, []time.Duration{4062 * time.Second, 5262 * time.Second}},
			{5300 * time.Second, 0, nil},
		} {
			synctest.Wait()
			time.Sleep(step.at - time.Since(began))
			synctest.Wait()
			if len(times) > 0 {
				t.Fatalf("asked after %v", <-times)
			}
			conn.SetKeepAlive(client.KeepAlive{Ping: step.to})
			for _, want := range step.want {
				if got := <-times; got != want {
					t.Fatalf("with %v asked after %v, want %v", step.to, got, want)
				}
			}
		}
	})
}

// TestSpeak: what the path must hear of us it hears, whatever is received.
func TestSpeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := opened(t, packet.V311, packet.Connack{}, 1200, client.ConnOptions{})
		go conn.Serve(t.Context(), nothing{})
		conn.SetKeepAlive(client.KeepAlive{Ping: 300 * time.Second, Speak: 200 * time.Second})
		times := asked(p)
		for range 100 {
			time.Sleep(10 * time.Second)
			p.conn.Write((&packet.Publish{TopicName: []byte("t")}).Append(nil, packet.V311))
		}
		time.Sleep(2 * time.Second) // the last answer
		if n := len(times); n != 5 {
			t.Errorf("asked %d times in 1000 s, want every 200 s", n)
		}
	})
}

// TestAnswerTime: how long an answer is waited for changes, too.
func TestAnswerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := opened(t, packet.V5, packet.Connack{}, 60, client.ConnOptions{PingTimeout: 10 * time.Second})
		ended := async(func() error { return conn.Serve(t.Context(), nothing{}) })
		p.next()
		conn.SetKeepAlive(client.KeepAlive{Answer: 70 * time.Second})
		began := time.Now()
		if err := <-ended; !errors.Is(err, client.ErrTimeout) || time.Since(began) != 70*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestExchange: what is told of a silence, and of what the connection was lost with.
func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exchanges := make(chan client.Exchange, 10)
		p, conn := opened(t, packet.V5, packet.Connack{}, 1200, client.ConnOptions{Answered: func(e client.Exchange) { exchanges <- e }})
		ended := async(func() error { return conn.Serve(t.Context(), nothing{}) })
		publish := func() {
			if err := conn.Publish(&packet.PublishHead{TopicName: "t"}, nil); err != nil {
				t.Fatal(err)
			}
			go conn.Flush()
			p.publish()
		}
		connected := time.Now()
		check := func(what string, e client.Exchange, last, began, unsaid, unheard int) {
			t.Helper()
			at := func(s int) time.Time { return connected.Add(time.Duration(s) * time.Second) }
			got := []time.Duration{e.Last.Sub(at(last)), e.Began.Sub(at(began)), e.Idle - at(began).Sub(at(last)),
				e.Unsaid - time.Duration(unsaid)*time.Second, e.Unheard - time.Duration(unheard)*time.Second}
			for _, d := range got {
				if d != 0 {
					t.Errorf("%s: %+v, off by %v", what, e, got)
					break
				}
			}
		}
		time.Sleep(100 * time.Second) // 100
		publish()
		time.Sleep(50 * time.Second) // 150
		publish()
		time.Sleep(5 * time.Second) // 155
		p.send(&packet.Publish{TopicName: []byte("t")})
		check("two sent", <-exchanges, 0, 100, 100, 150)

		time.Sleep(20 * time.Second) // 175
		p.send(&packet.Publish{TopicName: []byte("t")})
		synctest.Wait()
		if len(exchanges) > 0 {
			t.Error("what the server says by itself is no answer")
		}
		time.Sleep(40 * time.Second) // 215
		publish()
		p.send(&packet.Publish{TopicName: []byte("t")})
		check("received before", <-exchanges, 175, 215, 65, 40)

		time.Sleep(4 * time.Second) // 219
		publish()
		p.send(&packet.Publish{TopicName: []byte("t")})
		synctest.Wait()
		if len(exchanges) > 0 {
			t.Error("4 s are no silence")
		}
		time.Sleep(5 * time.Second) // 224
		publish()
		p.send(&packet.Publish{TopicName: []byte("t")})
		check("the shortest", <-exchanges, 219, 224, 5, 5)
		if e := conn.Unanswered(); !e.Began.IsZero() || !e.Last.Equal(connected.Add(224*time.Second)) {
			t.Errorf("nothing is unanswered: %+v", e)
		}
		time.Sleep(76 * time.Second) // 300
		publish()
		p.conn.Close()
		<-ended
		check("lost with", conn.Unanswered(), 224, 300, 76, 76)
	})
}
