package road_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/road"
)

// trip is a road with a clock. The clock stands where wait has put it.
type trip struct {
	t    *testing.T
	road *road.Road
	now  time.Time
}

// two links: lte, which is preferred, and sat, which are both there and wanted.
func two(t *testing.T) *trip {
	t.Helper()
	return travel(t, road.Link{Name: "lte", RetryMin: 2 * time.Second, RetryMax: time.Minute, HeadStart: 5 * time.Second},
		road.Link{Name: "sat", RetryMin: 10 * time.Second, RetryMax: time.Minute, HeadStart: 7 * time.Second})
}

func travel(t *testing.T, links ...road.Link) *trip {
	t.Helper()
	p := &trip{t: t, now: time.Unix(1_800_000_000, 0)}
	p.road = road.New(links, p.now)
	p.road.Fix()
	for i := range links {
		p.road.Physical(p.now, i, road.Addressed)
		p.road.Want(p.now, i, true)
	}
	return p
}

var words = map[road.Do]string{road.Dial: "dial", road.Take: "take", road.HandOver: "hand over", road.Leave: "leave", road.Cut: "cut", road.Drop: "drop"}

// says demands what is to be done now, "dial lte, drop sat"; nothing may be left out.
func (p *trip) says(want string) {
	p.t.Helper()
	var all []string
	for {
		s := p.road.Next(p.now)
		if s.Do == road.Wait {
			break
		}
		text := words[s.Do] + " " + p.road.Status()[s.Link].Name
		if s.Server > 0 {
			text += fmt.Sprintf(" %d", s.Server)
		}
		if all = append(all, text); len(all) > 10 {
			break
		}
	}
	if got := strings.Join(all, ", "); got != want {
		p.t.Fatalf("at %v: %q, want %q", p.now.Sub(time.Unix(1_800_000_000, 0)), got, want)
	}
}

func (p *trip) wait(d time.Duration) { p.now = p.now.Add(d) }

// until waits as long as the road says, and demands that this is so long.
func (p *trip) until(want time.Duration) {
	p.t.Helper()
	s := p.road.Next(p.now)
	if got := s.At.Sub(p.now); s.Do != road.Wait || got != want {
		p.t.Fatalf("%v for %v, want %v", s.Do, got, want)
	}
	p.now = s.At
}

// online has a link dialled, taken and accepted.
func (p *trip) online(i int) {
	p.t.Helper()
	name := p.road.Status()[i].Name
	p.road.Dialled(p.now, i)
	p.says("take " + name)
	p.road.Connected(p.now, i)
	p.says("")
}

func (p *trip) state(i int, want road.State) {
	p.t.Helper()
	if s := p.road.Status()[i]; s.State != want {
		p.t.Fatalf("%+v, want %v", s, want)
	}
}

func TestPreferred(t *testing.T) {
	p := two(t)
	p.state(0, road.Addressed)
	p.says("dial lte")
	p.state(0, road.Connecting)
	p.online(0)
	p.state(0, road.Online)
	p.wait(24 * time.Hour)
	p.says("") // sat is left alone
}

// TestHeadStart: a link that does not get on is no reason to wait for its time-out.
func TestHeadStart(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.until(5 * time.Second)
	p.says("dial sat")
	p.road.Dialled(p.now, 1)
	p.says("take sat, drop lte")
	p.road.Connected(p.now, 1)
	p.says("")
}

// TestHeadStartWon: and one that gets on at last ends the attempt on the other.
func TestHeadStartWon(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.wait(6 * time.Second)
	p.says("dial sat")
	p.road.Dialled(p.now, 0)
	p.says("take lte, drop sat")
}

// TestConnackLate: TLS stands, but the Server says nothing.
func TestConnackLate(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.road.Dialled(p.now, 0)
	p.says("take lte")
	p.until(5 * time.Second)
	p.says("dial sat")
	p.road.Dialled(p.now, 1)
	p.says("hand over lte")
	p.says("")
	p.road.Ended(p.now, 0, road.Way, "nothing", 0)
	p.says("take sat")
}

// TestDead: the session ends because nothing is acknowledged. The other link is dialled in the same moment.
func TestDead(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.online(0)
	p.wait(time.Hour)
	p.road.Ended(p.now, 0, road.Way, "dead", 0)
	p.says("dial sat")
	p.wait(500 * time.Millisecond)
	p.online(1)
}

// TestFailBack: the better link is tried while the session stands, and returned to when it has stood for two minutes.
func TestFailBack(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.online(0)
	p.wait(time.Hour)
	p.road.Physical(p.now, 0, road.Absent)
	p.says("cut lte, dial sat")
	p.road.Ended(p.now, 0, road.Gone, "the interface is gone", 0)
	p.state(0, road.Absent)
	p.online(1)

	p.wait(time.Minute)
	p.road.Physical(p.now, 0, road.Addressed)
	p.says("")
	if next := p.road.Status()[0].Next; next.Sub(p.now) != 2*time.Minute {
		t.Errorf("the status says that it is returned to at %v, and it is %v", next, p.now)
	}
	p.until(2 * time.Minute)
	p.says("dial lte")
	p.state(1, road.Online) // still
	p.road.Dialled(p.now, 0)
	p.says("hand over sat")
	p.says("") // nothing before the old session has ended
	p.road.Ended(p.now, 1, road.None, "", 0)
	p.says("take lte")
	p.road.Connected(p.now, 0)
	p.wait(time.Hour)
	p.says("")
}

// TestFailBackFails: the session does not suffer from an attempt that fails, and the next comes after as long a time.
func TestFailBackFails(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Way, "no answer", 400)
	p.says("dial sat")
	p.online(1)
	p.until(2 * time.Minute)
	p.says("dial lte")
	p.wait(30 * time.Second)
	p.road.Failed(p.now, 0, road.Way, "no answer", 400)
	p.says("")
	p.state(1, road.Online)
	p.until(2 * time.Minute)
	p.says("dial lte")
}

// TestFlapping: each return that does not last makes the next one come later.
func TestFlapping(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.online(0)
	for i, stable := range []time.Duration{4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 32 * time.Minute} {
		p.wait(20 * time.Second)
		p.road.Ended(p.now, 0, road.Way, "dead", 0)
		p.says("dial sat")
		p.online(1)
		p.until(stable)
		p.says("dial lte")
		p.road.Dialled(p.now, 0)
		p.says("hand over sat")
		p.road.Ended(p.now, 1, road.None, "", 0)
		p.says("take lte")
		p.road.Connected(p.now, 0)
		if d := p.road.Status()[0].Doubt; d != min(i+1, 4) {
			t.Fatalf("doubt %d after %d returns", d, i+1)
		}
	}
	p.wait(time.Hour)
	p.road.Ended(p.now, 0, road.Way, "dead", 0)
	if d := p.road.Status()[0].Doubt; d != 0 {
		t.Errorf("doubt %d after an hour", d)
	}
}

// TestServerSaysNo: it would say the same over the satellite. But not for ever: somebody else may be answering.
func TestServerSaysNo(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Server, "refused", 400)
	p.says("")
	p.until(2 * time.Second)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Server, "refused", 400)
	p.says("")
	p.until(6 * time.Second)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Server, "refused", 400)
	p.says("dial sat")
}

// TestServerSaysNoHere: it has accepted the session over the satellite a moment ago, and so it is asked there again.
func TestServerSaysNoHere(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.road.Failed(p.now, 0, road.Way, "no answer", 400)
	p.says("dial sat")
	p.online(1)
	p.until(2 * time.Minute)
	p.says("dial lte")
	p.road.Dialled(p.now, 0)
	p.says("hand over sat")
	p.road.Ended(p.now, 1, road.None, "", 0)
	p.says("take lte")
	p.road.Ended(p.now, 0, road.Server, "refused", 400)
	p.says("dial sat")
}

// TestServers: all of the list are tried on a link before it waits, and before another link is.
func TestServers(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", Servers: 3, RetryMin: 2 * time.Second, RetryMax: time.Minute, HeadStart: 5 * time.Second},
		road.Link{Name: "sat", Servers: 3, RetryMin: 10 * time.Second, RetryMax: time.Minute, HeadStart: 7 * time.Second})
	p.says("dial lte")
	for _, next := range []string{"dial lte 1", "dial lte 2", "dial sat"} {
		p.road.Failed(p.now, 0, road.Way, "no answer", 0)
		p.says(next)
	}
	p.road.Dialled(p.now, 1)
	p.says("take sat")
	p.road.Ended(p.now, 1, road.Server, "refused", 0)
	p.says("dial sat 1")
	p.road.Dialled(p.now, 1)
	p.says("take sat")
	p.road.Connected(p.now, 1)
	p.wait(90 * time.Second)
	p.road.Ended(p.now, 1, road.Server, "hung up", 0)
	p.says("dial lte")
}

// TestShortSessionsCost: a session that the Server ends at once is an attempt that came to nothing, and is paid from the same budget.
func TestShortSessionsCost(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", RetryMin: time.Second, RetryMax: time.Second, AttemptBytes: 1000, BudgetBytes: 12_000})
	attempts := 0
	for end := p.now.Add(24 * time.Hour); p.now.Before(end); attempts++ {
		p.says("dial lte")
		p.online(0)
		p.road.Ended(p.now, 0, road.Server, "another client has this id", 1000)
		p.now = p.road.Next(p.now).At
	}
	if attempts < 22 || attempts > 25 {
		t.Errorf("%d attempts in a day", attempts)
	}
	p.says("dial lte")
	p.online(0)
	p.wait(time.Hour)
	p.road.Ended(p.now, 0, road.Server, "restarted", 50_000) // what it has carried is no attempt
	p.until(time.Second)
}

// TestBudgetOfAnOutage: what an outage has used up does not keep the link offline when a session ends that has stood for days.
func TestBudgetOfAnOutage(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", RetryMin: time.Second, RetryMax: time.Second, AttemptBytes: 1000, BudgetBytes: 12_000})
	for range 20 {
		p.says("dial lte")
		p.road.Failed(p.now, 0, road.Way, "no answer", 1000)
		p.now = p.road.Next(p.now).At
	}
	p.says("dial lte")
	p.online(0)
	p.wait(3 * 24 * time.Hour)
	p.road.Ended(p.now, 0, road.Way, "dead", 0)
	p.until(time.Second)
}

// TestMute: a Server that has accepted a session, and served nothing in it, is left for the next of the list, and waited for if it is the only one.
func TestMute(t *testing.T) {
	for _, servers := range []int{1, 2} {
		p := travel(t, road.Link{Name: "lte", Servers: servers, RetryMin: 2 * time.Second, RetryMax: time.Minute, HeadStart: 5 * time.Second})
		p.says("dial lte")
		for _, wait := range []time.Duration{2 * time.Second, 6 * time.Second, 18 * time.Second} {
			p.online(0)
			p.wait(90 * time.Second)
			p.road.Ended(p.now, 0, road.Mute, "served nothing", 0)
			if servers == 2 {
				p.says("dial lte 1")
				p.online(0)
				p.wait(90 * time.Second)
				p.road.Ended(p.now, 0, road.Mute, "served nothing", 0)
			}
			p.says("")
			p.until(wait)
			p.says("dial lte")
		}
	}
}

// TestWaits: attempts on one link spread, and begin anew after a session that lasted.
func TestWaits(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", RetryMin: 2 * time.Second, RetryMax: 30 * time.Second, HeadStart: time.Second})
	for _, wait := range []time.Duration{2 * time.Second, 6 * time.Second, 18 * time.Second, 30 * time.Second, 30 * time.Second} {
		p.says("dial lte")
		p.road.Failed(p.now, 0, road.Way, "no answer", 0)
		p.until(wait)
	}
	p.says("dial lte")
	p.online(0)
	p.wait(30 * time.Second)
	p.road.Ended(p.now, 0, road.Server, "hung up", 0)
	p.until(30 * time.Second)
	p.says("dial lte")
	p.online(0)
	p.wait(time.Minute)
	p.road.Ended(p.now, 0, road.Server, "hung up", 0)
	p.until(2 * time.Second)
}

// TestSkip: an alarm, and an address that comes back, do not wait; but no more than once a minute.
func TestSkip(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", RetryMin: time.Minute, RetryMax: time.Hour})
	fail := func() {
		t.Helper()
		p.says("dial lte")
		p.road.Failed(p.now, 0, road.Way, "no answer", 0)
		p.says("")
	}
	fail()
	p.wait(time.Second)
	p.road.Hurry(p.now, 0)
	fail()
	p.wait(30 * time.Second)
	p.road.Hurry(p.now, 0)
	p.road.Physical(p.now, 0, road.Carrier)
	p.road.Physical(p.now, 0, road.Addressed)
	p.road.Moved(p.now, 0, false)
	p.says("")
	p.wait(30 * time.Second)
	p.road.Physical(p.now, 0, road.Carrier)
	p.road.Physical(p.now, 0, road.Addressed)
	fail()
	p.wait(time.Minute)
	p.road.Moved(p.now, 0, false)
	fail()
}

// TestAttemptBudget: when the bytes for attempts are spent, they come as the budget gives them back.
func TestAttemptBudget(t *testing.T) {
	p := travel(t, road.Link{Name: "lte", RetryMin: time.Second, RetryMax: time.Second, AttemptBytes: 1000, BudgetBytes: 12_000})
	attempts := 0
	for end := p.now.Add(24 * time.Hour); p.now.Before(end); attempts++ {
		p.says("dial lte")
		p.road.Failed(p.now, 0, road.Way, "no answer", 1000)
		p.now = p.road.Next(p.now).At
	}
	if attempts < 22 || attempts > 25 { // those of a day, and the twelve that were there at the start
		t.Errorf("%d attempts in a day", attempts)
	}
}

// TestMoved: the same interface with another address. The session is dead, and nobody has told it.
func TestMoved(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.online(0)
	p.wait(time.Hour)
	p.road.Moved(p.now, 0, true)
	p.says("cut lte, dial sat")
	p.road.Ended(p.now, 0, road.Gone, "another address", 0)
	p.wait(200 * time.Millisecond)
	p.says("dial lte")
	p.road.Dialled(p.now, 0)
	p.says("take lte, drop sat")
}

// TestOnDemand: a link that is not wanted is not dialled.
func TestOnDemand(t *testing.T) {
	p := two(t)
	p.road.Want(p.now, 0, false)
	p.road.Want(p.now, 1, false)
	p.says("")
	if s := p.road.Next(p.now); !s.At.IsZero() {
		t.Errorf("waits until %v for nothing", s.At)
	}
	p.road.Want(p.now, 1, true)
	p.says("dial sat")
}

// TestLeave: one that is wanted no more is left, and taken again at once when it is.
func TestLeave(t *testing.T) {
	p := travel(t, road.Link{Name: "sat", RetryMin: 10 * time.Second, RetryMax: time.Minute})
	p.says("dial sat")
	p.online(0)
	p.wait(time.Minute)
	p.road.Want(p.now, 0, false)
	p.says("leave sat")
	p.road.Ended(p.now, 0, road.None, "", 0)
	p.says("")
	p.wait(time.Second)
	p.road.Want(p.now, 0, true)
	p.says("dial sat")
	p.road.Want(p.now, 0, false)
	p.says("drop sat")
}

// TestDegraded: a link is left when it has been bad for two minutes and another is there, and not for that one's sake returned to.
func TestDegraded(t *testing.T) {
	p := two(t)
	p.says("dial lte")
	p.online(0)
	p.road.Degraded(p.now, 0, true)
	p.state(0, road.Degraded)
	p.until(2 * time.Minute)
	p.says("dial sat")
	p.road.Dialled(p.now, 1)
	p.says("hand over lte")
	p.road.Ended(p.now, 0, road.None, "", 0)
	p.says("take sat")
	p.road.Connected(p.now, 1)
	p.wait(time.Hour)
	p.says("")
	p.road.Degraded(p.now, 0, false)
	p.until(2 * time.Minute)
	p.says("dial lte")
}

// TestAllGone: no link, no attempt; the first that comes is taken.
func TestAllGone(t *testing.T) {
	p := two(t)
	p.road.Physical(p.now, 0, road.Down)
	p.road.Physical(p.now, 1, road.Absent)
	p.says("")
	p.state(0, road.Down)
	p.wait(time.Hour)
	p.road.Physical(p.now, 1, road.Addressed)
	p.says("dial sat")
}
