package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/access"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// byName lets everybody in whose password is his name.
type byName struct{ asked atomic.Int32 }

func (b *byName) Authenticate(user string, password []byte) bool {
	b.asked.Add(1)
	return user == string(password)
}

// startRules runs a server whose listener has these rules.
func startRules(t testing.TB, o server.Options, lines ...string) (st *station, address string) {
	t.Helper()
	st = openStation(t, vfs.NewDisk(), o)
	address = st.listen(server.ListenerConfig{Name: "lan", Anonymous: true, Authenticate: &byName{}, Rules: rules(t, lines...)})
	return st.run(), address
}

var observerRules = []string{"user observer", "topic #", "user ada", "topic write out/#", "topic read in/#", "topic subscribe in/#", "topic subscribe out/mine"}

// Each version is refused in its own words, and nothing of what is refused reaches anybody.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
	}{
		{"3.1.1", []string{
			"> 10: 'MQTT' 04 c2 0000 'c' 'ada' 'ada'", "< 20: 00 00",
			"> 32: 'no' 0001 \"x\"", "< 40: 0001", // silence would make it try again for ever
			"> 34: 'no' 0002 \"x\"", "< 50: 0002", "> 62: 0002", "< 70: 0002",
			"> 30: 'no' \"x\" | c0:", "< d0:",
			"> 82: 0003 'in/#' 01 '#' 01 'out/mine' 00", "< 90: 0003 01 80 00",
		}},
		{"5.0", []string{
			"> 10: 'MQTT' 05 c2 0000 00 'c' 'ada' 'ada'", "< 20: ??*16",
			"> 32: 'no' 0001 00 \"x\"", "< 40: 0001 87",
			"> 34: 'no' 0002 00 \"x\"", "< 50: 0002 87",
			"> 30: 'no' 00 \"x\" | c0:", "< d0:", // QoS 0 has no answer that could say so
			"> 32: '$SYS/x' 0004 00 \"x\"", "< 40: 0004 87",
			"> 82: 0003 00 'in/#' 01 '#' 01 'out/mine' 00", "< 90: 0003 00 01 87 00",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log lines
			st, address := startRules(t, server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, observerRules...)
			o := dial(t, address)
			o.script("> 10: 'MQTT' 04 c2 0000 'o' 'observer' 'observer' | 82: 0001 '#' 00", "< 20: 00 00 | 90: 0001 00")
			p := dial(t, address)
			p.script(tt.lines...)
			for range 100 {
				p.script(tt.lines[len(tt.lines)-2 : len(tt.lines)]...) // SUBSCRIBE once more
			}
			o.script("> 30: 'end' \"x\"", "< 30: 'end' \"x\"")
			stats := st.server.Stats()
			if stats.PublishDenied != 3 || stats.SubscribeDenied != 101 {
				t.Errorf("counted %+v, want 3 and 101 refusals", stats)
			}
			if n := strings.Count(log.String(), "not allowed"); n != 2 {
				t.Errorf("%d lines in the log, want one for each kind:\n%s", n, log.String())
			}
			for _, want := range []string{"client=c user=ada", "what=publish topic=no", "what=subscribe topic=#"} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, log.String())
				}
			}
		})
	}
}

// A Will that may not be published is refused where it can be told: at CONNECT.
func TestRefusedWill(t *testing.T) {
	var log lines
	_, address := startRules(t, server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, "topic write good/#", "pattern write will/%c")
	dial(t, address).script("> 10: 'MQTT' 04 06 0000 'c' 'bad' 'x'", "< 20: 00 05", "< closed")
	dial(t, address).script("> 10: 'MQTT' 05 06 0000 00 'c' 00 'bad' 'x'", "< 20: 00 87 00", "< closed")
	dial(t, address).script("> 10: 'MQTT' 04 06 0000 'c' 'good/will' 'x'", "< 20: 00 00")
	dial(t, address).script("> 10: 'MQTT' 04 06 0000 'd' 'will/d' 'x'", "< 20: 00 00")
	dial(t, address).script("> 10: 'MQTT' 04 06 0000 '' 'will/' 'x'", "< 20: 00 05") // it has been given a ClientID
	if !strings.Contains(log.String(), `the Will's topic \"bad\"`) {
		t.Errorf("the log does not say why:\n%s", log.String())
	}
}

// What a Client may not read is not sent, live or retained, whatever it subscribes to; and takes no place in its queue.
func TestReadIsChecked(t *testing.T) {
	st, address := startRules(t, server.Options{}, "topic read a/#", "topic deny a/secret/#", "user ada", "topic #")
	p := dial(t, address)
	p.script("> 10: 'MQTT' 04 c2 0000 'p' 'ada' 'ada'", "< 20: 00 00")
	for _, name := range []string{"b", "a/kept", "a/secret/kept"} {
		p.script("> 33: '"+name+"' 0001 \"old\"", "< 40: 0001")
	}
	s := dial(t, address)
	s.script("> 10: 'MQTT' 04 00 0000 's' | 82: 0001 '#' 01", "< 20: 00 00 | 90: 0001 01", "< 33: 'a/kept' 0001 \"old\"", "> 40: 0001")
	for _, name := range []string{"b", "a/secret/x", "a/x"} {
		p.script("> 32: '"+name+"' 0001 \"new\"", "< 40: 0001")
	}
	s.script("< 32: 'a/x' 0002 \"new\"", "> 40: 0002", "> c0:", "< d0:")
	if n := st.server.Stats().ReadDenied; n != 4 {
		t.Errorf("%d refusals to read, want 4", n)
	}
	for x := range st.store.Sessions() {
		if n := x.Stats().Messages; n != 0 {
			t.Errorf("%d messages wait for a session that may not read them", n)
		}
	}
}

// New rules count at once for those who are in: for what they publish, for what they are sent, for what was kept for them,
// and for their Will.
func TestRulesChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acl")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("topic #")
	f, err := access.OpenRules(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "lan", Anonymous: true, Rules: f})
	free := st.listen(server.ListenerConfig{Name: "free", Anonymous: true})
	st.run()

	a, p := dial(t, address), dial(t, free)
	a.script("> 10: 'MQTT' 05 06 0000 00 'a' 00 'will' 'x' | 82: 0001 00 '#' 01", "< 20: ??*16 | 90: 0001 00 01")
	p.script("> 10: 'MQTT' 04 02 0000 'p' | 82: 0001 'will' 00", "< 20: 00 00 | 90: 0001 00")
	away := dial(t, address)
	away.script("> 10: 'MQTT' 04 00 0000 'away' | 82: 0001 'x/#' 01", "< 20: 00 00 | 90: 0001 01", "> e0:", "< closed")

	p.script("> 32: 'x/1' 0001 \"1\"", "< 40: 0001")
	a.script("< 32: 'x/1' 0001 00 \"1\"", "> 40: 0001")
	a.script("> 32: 'y' 0001 00 \"1\"", "< 40: 0001 | 32: 'y' 0002 00 \"1\"", "> 40: 0002")
	write("topic read y\n")
	f.Reload()
	p.script("> 32: 'x/2' 0001 \"2\" | 32: 'y' 0002 \"2\"", "< 40: 0001 | 40: 0002")
	a.script("< 32: 'y' 0003 00 \"2\"", "> 40: 0003", "> 32: 'y' 0001 00 \"x\"", "< 40: 0001 87")
	away = dial(t, address)
	away.script("> 10: 'MQTT' 04 00 0000 'away'", "< 20: 01 00", "> c0:", "< d0:") // x/1 was kept for it
	a.nc.Close()
	eventually(t, "a has gone", func() bool { return st.server.Stats().Connections == 2 })
	p.script("> c0:", "< d0:") // and its Will was not published
}

// After a restart the rules hold for sessions whose Clients are not back yet: what they may not read takes no place in their queues,
// and their Wills are not published where they may not publish any more.
func TestRulesHoldAfterRestart(t *testing.T) {
	disk := vfs.NewDisk()
	run := func(rule string) (st *station, lan, free string) {
		st = openStation(t, disk, server.Options{})
		users := func(l server.ListenerConfig) server.ListenerConfig {
			l.Anonymous, l.Authenticate = true, &byName{}
			return l
		}
		lan = st.listen(users(server.ListenerConfig{Name: "lan", Rules: rules(t, "user ada", "topic read a", rule)}))
		free = st.listen(users(server.ListenerConfig{Name: "free"}))
		return st.run(), lan, free
	}
	waiting := func(st *station) (all []uint64) {
		for x := range st.store.Sessions() {
			all = append(all, x.Stats().Messages)
		}
		slices.Sort(all)
		return all
	}
	st, lan, free := run("topic write gone/#")
	dial(t, lan).script("> 10: 'MQTT' 04 c0 0000 's' 'ada' 'ada' | 82: 0001 '#' 01", "< 20: 00 00 | 90: 0001 01", "> e0:", "< closed")
	dial(t, free).script("> 10: 'MQTT' 04 c0 0000 'f' 'ada' 'ada' | 82: 0001 'b' 01", "< 20: 00 00 | 90: 0001 01", "> e0:", "< closed")
	dial(t, lan).script("> 10: 'MQTT' 04 c4 0001 'w' 'gone/1' 'x' 'ada' 'ada'", "< 20: 00 00") // kept
	dial(t, lan).script("> 10: 'MQTT' 04 c6 0001 'v' 'gone/2' 'x' 'ada' 'ada'", "< 20: 00 00") // not kept
	st.stop()
	st, _, free = run("topic write gone/2")
	p := dial(t, free)
	p.script("> 10: 'MQTT' 04 02 0000 'p' | 82: 0001 'gone/+' 00", "< 20: 00 00 | 90: 0001 00")
	for _, name := range []string{"b", "a", "c"} {
		p.script("> 32: '"+name+"' 0001 \"x\"", "< 40: 0001")
	}
	if got := waiting(st); !slices.Equal(got, []uint64{0, 1, 1}) {
		t.Errorf("waiting for the sessions: %v, want 0 for w, 1 for f, 1 for s", got)
	}
	p.script("< 30: 'gone/2' \"x\"") // when its Client has not come back in time
	time.Sleep(100 * time.Millisecond)
	p.script("> c0:", "< d0:") // gone/1 does not come
}

// After a restart what was routed to a session before its Client is back is looked at again.
func TestReadIsCheckedAfterRestart(t *testing.T) {
	disk := vfs.NewDisk()
	run := func() (*station, string, string) {
		st := openStation(t, disk, server.Options{})
		lan := st.listen(server.ListenerConfig{Name: "lan", Anonymous: true, Rules: rules(t, "topic read a")})
		free := st.listen(server.ListenerConfig{Name: "free", Anonymous: true})
		return st.run(), lan, free
	}
	st, lan, _ := run()
	dial(t, lan).script("> 10: 'MQTT' 04 00 0000 's' | 82: 0001 '#' 02", "< 20: 00 00 | 90: 0001 02", "> e0:", "< closed")
	st.stop()
	st, lan, free := run()
	p := dial(t, free)
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	for _, name := range []string{"b", "a"} {
		p.script("> 32: '"+name+"' 0001 \"x\"", "< 40: 0001")
	}
	s := dial(t, lan)
	s.script("> 10: 'MQTT' 04 00 0000 's'", "< 20: 01 00", "< 32: 'a' ??*2 \"x\"")
	if n := st.server.Stats().ReadDenied; n != 1 {
		t.Errorf("%d refusals to read, want 1", n)
	}
}

// Two listeners, each with its own users and rules.
func TestListenersApart(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	one := st.listen(server.ListenerConfig{Name: "one", Authenticate: users(t, "ada:"+hash(t, "one")), Rules: rules(t, "user ada", "topic one")})
	two := st.listen(server.ListenerConfig{Name: "two", Authenticate: users(t, "ada:"+hash(t, "two")), Rules: rules(t, "user ada", "topic two")})
	st.run()
	dial(t, two).script("> 10: 'MQTT' 05 c2 0000 00 'a' 'ada' 'one'", "< 20: 00 86 00")
	for address, name := range map[string]string{one: "one", two: "two"} {
		p := dial(t, address)
		p.script("> 10: 'MQTT' 05 c2 0000 00 'a' 'ada' '"+name+"'", "< 20: ??*16")
		p.script("> 32: 'one' 0001 00 | 32: 'two' 0002 00")
		want := map[string]string{"one": "< 40: 0001 10 | 40: 0002 87", "two": "< 40: 0001 87 | 40: 0002 10"}
		p.script(want[name])
		p.script("> e0:", "< closed")
	}
}

// Rules cost no allocation per message, whether they allow or refuse.
func TestRulesCostNoAllocation(t *testing.T) {
	allocations := func(refused bool, rule ...string) float64 {
		st := openStation(t, vfs.NewDisk(), server.Options{})
		l := server.ListenerConfig{Name: "lan", Anonymous: true}
		if len(rule) > 0 {
			l.Rules = rules(t, rule...)
		}
		address := st.listen(l)
		st.run()
		p := dial(t, address)
		p.script("> 10: 'MQTT' 04 02 0000 'p' | 82: 0001 't/#' 00", "< 20: 00 00 | 90: 0001 00")
		const batch = 100
		var out []byte
		for i := range batch {
			m := packet.Publish{TopicName: fmt.Appendf(nil, "t/%d/state", i), Payload: []byte("payload")}
			out = m.Append(out, packet.V311)
		}
		out = append(out, 0xc0, 0) // PINGREQ, for where nothing else comes back
		in := make([]byte, len(out))
		if refused {
			in = in[:2]
		}
		round := func() {
			p.send(out)
			if _, err := io.ReadFull(p.nc, in); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			round()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const rounds = 50
		for range rounds {
			round()
		}
		runtime.ReadMemStats(&after)
		p.script("> e0:", "< closed")
		st.stop()
		return float64(after.Mallocs-before.Mallocs) / (rounds * batch)
	}
	free := allocations(false)
	for _, rule := range []string{"topic t/#", "topic t/+/state", "pattern read t/+/state\npattern write t/#", "topic read t/#"} {
		if ruled := allocations(rule == "topic read t/#", rule); ruled > free+0.2 {
			t.Errorf("%q: %.2f allocations per message, %.2f without rules", rule, ruled, free)
		}
	}
}

// Who guesses is refused for a while, without a look at the password; with the right one he gets in when the time is up.
func TestLoginThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who := &byName{}
		p, stop := bubbleServer(t, server.ListenerConfig{Name: "pipe", Authenticate: who})
		defer stop()
		login := func(id, user, password, answer string) {
			t.Helper()
			c := p.dial(t)
			c.script("> 10: 'MQTT' "+id+" '"+user+"' '"+password+"'", "< 20: "+answer)
			c.nc.Close()
			synctest.Wait()
		}
		const v5, v311 = "05 c2 0000 00 'c'", "04 c2 0000 'c'"
		for range 6 {
			login(v5, "ada", "x", "00 86 00")
		}
		asked := who.asked.Load()
		login(v5, "ada", "ada", "00 9f 00")
		login(v311, "ada", "ada", "00 03")
		if n := who.asked.Load(); n != asked {
			t.Errorf("%d passwords were looked at while they should not", n-asked)
		}
		login(v311, "bob", "bob", "00 00") // another user of the same address
		time.Sleep(time.Second)
		login(v311, "ada", "ada", "00 00")
		for range 5 {
			login(v311, "ada", "x", "00 04") // what was before is forgotten
		}
		login(v311, "ada", "ada", "00 00")
	})
}

// bubbleServer runs a server with one listener in memory, by the clock of a bubble.
func bubbleServer(t *testing.T, l server.ListenerConfig) (p *pipes, stop func()) {
	begin := time.Now()
	store, recovery, err := queue.Open(vfs.NewDisk(), "data", queue.Options{
		SlotSize: 1 << 20, Boot: queue.Boot{Clock: func() time.Duration { return time.Since(begin) }}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(b, server.Options{})
	p = newPipes()
	if err := s.Serve(p, l); err != nil {
		t.Fatal(err)
	}
	stops := []func(){running(t, store.Run), running(t, b.Run), running(t, s.Run)}
	return p, func() {
		for i := range stops {
			stops[len(stops)-1-i]()
		}
		store.Close()
	}
}

// Nobody who has not sent a CONNECT costs much, or for long: see docs/access.md for the numbers.
func TestBeforeConnect(t *testing.T) {
	const clients, most = 500, 10 << 10
	st, address := start(t, server.Limits{Connections: clients})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := heap()
	for i := range clients {
		p := dial(t, address)
		if i%2 == 0 {
			p.send([]byte{0x10, 0xff, 0xff, 0x03, 0, 4, 'M', 'Q'}) // the beginning of a packet of 64 KiB
		}
	}
	eventually(t, "all are there", func() bool { return st.server.Stats().Connections == clients })
	time.Sleep(50 * time.Millisecond) // let them read
	each := int64(heap()-before) / clients
	t.Logf("%d bytes for each connection without CONNECT, both ends", each)
	if each > most {
		t.Errorf("%d bytes for each connection without CONNECT, want at most %d", each, most)
	}
}

// A random file of rules means the same to mosquitto.
func TestSameAsMosquittoByChance(t *testing.T) {
	random := rand.New(rand.NewPCG(1883, 8883))
	words := []string{"a", "b", "", "%c", "%u", "one", "ada", "a%c", "$x", "$", "%", "%%u", "%uc", "%c%u", "%u%c", "a%u%cb", "%c-", "$%u", "%u%", "%C"}
	level := func(more ...string) string { return append(words, more...)[random.IntN(len(words)+len(more))] }
	levels := func(more ...string) string {
		all := []string{level(more...)}
		for range random.IntN(3) {
			all = append(all, level(more...))
		}
		return strings.Join(all, "/")
	}
	var file strings.Builder
	for range 200 {
		filter := levels("+", "+")
		switch {
		case random.IntN(4) == 0:
			filter += "/#"
		case filter == "":
			filter = "/"
		}
		fmt.Fprintln(&file, [...]string{"topic", "pattern", "topic", "pattern"}[random.IntN(4)],
			[...]string{"read", "write", "write", "readwrite", "deny"}[random.IntN(5)], filter)
		if random.IntN(20) == 0 {
			fmt.Fprintln(&file, "user", [...]string{"ada", "bob"}[random.IntN(2)])
		}
	}
	dir := t.TempDir()
	acl, passwords := filepath.Join(dir, "acl"), filepath.Join(dir, "passwd")
	if err := os.WriteFile(acl, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	makePasswords(t, passwords)
	theirs := startMosquitto(t, "allow_anonymous true", "password_file "+passwords, "acl_file "+acl)
	ours := startWithFiles(t, passwords, acl)
	allowed, asked := 0, 0
	for _, who := range []identity{{"", "one"}, {"ada", "a"}, {"bob", "one"}, {"a/b", "b/a"}, {"bob", "$x"}, {"$x", "a/b"}, {"$", "%c"}, {"", "$x"}, {"", "/"}, {"/", "a/"}, {"%u", "%u"}, {"", "a b"}} {
		mine, other := enter(t, ours, packet.V5, who), enter(t, theirs, packet.V5, who)
		for range 300 {
			name := levels("c", "d", "aone", "bob", "$x$", "%u%u", "b/a", "one-", "$ada", "onebob", "%c-", "ab/a")
			if name == "" {
				continue
			}
			asked++
			got, want := mine.mayPublish(name), other.mayPublish(name)
			if got != want {
				t.Errorf("%v may write %q: %v, says mosquitto: %v\n%s", who, name, got, want, file.String())
			}
			if want {
				allowed++
			}
		}
		mine.leave()
		other.leave()
	}
	if allowed < asked/20 || allowed > asked*19/20 {
		t.Errorf("%d of %d allowed: this tests little", allowed, asked)
	}
}

// mayPublish publishes, and tells whether it was let.
func (p *peer) mayPublish(name string) bool {
	p.t.Helper()
	m := packet.Publish{QoS: 1, PacketID: 1, TopicName: []byte(name)}
	p.send(m.Append(nil, packet.V5))
	var a packet.Ack
	if err := a.Decode(packet.V5, p.readPacket()); err != nil {
		p.t.Fatal(err)
	}
	return !a.ReasonCode.IsError()
}
