package road_test

import (
	"testing"
	"time"

	"skerry/edge/uplink/road"
)

// silentPrimary plays an hour in which TCP and TLS stand on lte and no Server answers there, and all is well on sat. It says how often the
// session that works was left for it.
func silentPrimary(p *trip, stops time.Duration) (left int) {
	p.t.Helper()
	use, since := -1, p.now
	for end := p.now.Add(stops); p.now.Before(end); p.now = p.now.Add(time.Second) {
		for range 20 {
			s := p.road.Next(p.now)
			if s.Do == road.Wait {
				break
			}
			switch s.Do {
			case road.Dial:
				p.road.Dialled(p.now, s.Link)
			case road.Take:
				use, since = s.Link, p.now
				if s.Link == 1 {
					p.road.Connected(p.now, 1)
				}
			case road.HandOver:
				if s.Link == 1 {
					left++
				}
				p.road.Ended(p.now, s.Link, road.None, "", 0)
				use = -1
			}
		}
		if use == 0 && p.now.Sub(since) >= 30*time.Second {
			use = -1
			p.road.Ended(p.now, 0, road.Way, "no CONNACK", 5000)
		}
	}
	return left
}

// TestNoAnswerToConnect: somebody between opens the connection, and nobody answers. The link that works is not left for that again and again.
func TestNoAnswerToConnect(t *testing.T) {
	p := two(t)
	if left := silentPrimary(p, 24*time.Hour); left > 24*60/32+8 {
		t.Errorf("the session that works was left %d times in a day", left)
	}
}

// TestFrozenServer: the first Server of the list opens connections and answers nothing, on both links. The second one is come to.
func TestFrozenServer(t *testing.T) {
	link := func(name string) road.Link {
		return road.Link{Name: name, Servers: 2, RetryMin: 2 * time.Second, RetryMax: time.Minute, HeadStart: 5 * time.Second}
	}
	p := travel(t, link("lte"), link("sat"))
	asked := map[int]int{}
	for end := p.now.Add(time.Minute); p.now.Before(end); p.now = p.now.Add(time.Second) {
		for s := p.road.Next(p.now); s.Do != road.Wait; s = p.road.Next(p.now) {
			switch s.Do {
			case road.Dial:
				asked[s.Link] = s.Server
				p.road.Dialled(p.now, s.Link)
			case road.HandOver:
				p.road.Ended(p.now, s.Link, road.None, "", 0)
			case road.Take:
				if asked[s.Link] == 1 {
					p.road.Connected(p.now, s.Link)
					return
				}
			}
		}
	}
	t.Error("only the server that does not answer was asked, for a minute")
}

// TestReturnRefused: a return that the Server refuses did not last either.
func TestReturnRefused(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Way, "no answer", 400)
	p.says("dial sat")
	p.online(1)
	p.until(2 * time.Minute)
	for _, stable := range []time.Duration{4 * time.Minute, 8 * time.Minute} {
		p.says("dial lte")
		p.road.Dialled(p.now, 0)
		p.says("hand over sat")
		p.road.Ended(p.now, 1, road.None, "", 0)
		p.says("take lte")
		p.road.Ended(p.now, 0, road.Server, "refused", 400)
		p.says("dial sat")
		p.online(1)
		p.until(stable)
	}
}
