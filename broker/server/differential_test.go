package server_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/broker/access"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
	"skerry/scripts/loopback"
)

// sameRules is an ACL file of mosquitto's, with all that it has words for. Everybody may read "marker".
const sameRules = `# for those who name no user
topic read open/#
topic deny open/closed
topic read marker
topic write in/+
topic $x/any

user admin
topic #
topic $x/#

user ada
topic readwrite ada/#
topic deny ada/secret/#
topic read shared/+/state
topic write   with spaces/a b
topic read $SYS/broker/version
topic read marker
topic deny both/denied

user wild+name
topic read own/wild
topic read marker

user a/b
topic read marker

# for everybody
pattern read marker
pattern readwrite u/%u/#
pattern write c/%c
pattern read x-%c-%u
pattern read both/#
pattern deny both/no
pattern read ada/secret/by/pattern
pattern read %u/first
pattern read $x/%u
`

// sameNames are the Topic Names that both servers are asked about.
var sameNames = []string{
	"open", "open/a", "open/closed", "open/a/b", "in/1", "in/1/2", "in", "$x/any", "$x/ada", "$x/other",
	"ada/a", "ada", "ada/secret", "ada/secret/a", "ada/secret/by/pattern", "shared/1/state", "shared/state", "shared//state",
	"with spaces/a b", "with spaces/a", "both/denied", "both/no", "both/yes", "u/ada", "u/ada/x/y", "u/bob/x", "u//x", "u/a/b/x",
	"c/one", "c/two", "c/%c", "x-one-ada", "x-one-", "ada/first", "bob/first", "a/b/first", "own/wild", "/", "a//b", "$SYS/mine",
}

// sameClients are those who ask.
var sameClients = []identity{
	{"", "one"}, {"", "two"}, {"ada", "one"}, {"ada", "x#y"}, {"ada", "d/e"}, {"bob", "one"}, {"wild+name", "one"}, {"a/b", "one"}, {"admin", "one"},
}

type identity struct{ user, client string }

func (i identity) String() string { return i.user + "@" + i.client }

// Debian's mosquitto and we, with the same files of users and rules, let everybody do the same.
func TestSameAsMosquitto(t *testing.T) {
	dir := t.TempDir()
	acl, passwords := filepath.Join(dir, "acl"), filepath.Join(dir, "passwd")
	if err := os.WriteFile(acl, []byte(sameRules), 0o600); err != nil {
		t.Fatal(err)
	}
	makePasswords(t, passwords)
	theirs := startMosquitto(t, "allow_anonymous true", "password_file "+passwords, "acl_file "+acl)
	ours := startWithFiles(t, passwords, acl)
	for _, who := range sameClients {
		t.Run(who.String(), func(t *testing.T) {
			if got, want := publishToAll(t, ours, who), publishToAll(t, theirs, who); !slices.Equal(got, want) {
				t.Errorf("refused to publish %q, by mosquitto %q", got, want)
			}
			if got, want := subscribeToAll(t, ours, who), subscribeToAll(t, theirs, who); !slices.Equal(got, want) {
				t.Errorf("SUBACK %v, that of mosquitto %v", got, want)
			}
			want := hear(t, theirs, who, nil)
			if got := hear(t, ours, who, want); !maps.Equal(got, want) {
				t.Errorf("received %q, from mosquitto %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

// Files that are read again mean the same to both: what somebody has retained who may not write there any more is kept back, and who is
// not among the users any more is disconnected.
func TestSameAsMosquittoReloaded(t *testing.T) {
	dir := t.TempDir()
	acl, passwords := filepath.Join(dir, "acl"), filepath.Join(dir, "passwd")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	makePasswords(t, passwords)
	all, err := os.ReadFile(passwords)
	if err != nil {
		t.Fatal(err)
	}
	const before, after = "user admin\ntopic #\nuser ada\ntopic write a/#\n", "user admin\ntopic #\nuser ada\ntopic write a/b\n"
	write(acl, before)
	// By its manual that is so by default; 2.0.11 has to be told.
	theirs, process := runMosquitto(t, "allow_anonymous true", "password_file "+passwords, "acl_file "+acl, "check_retain_source true")
	users, errUsers := access.OpenUsers(passwords, nil)
	rules, errRules := access.OpenRules(acl, nil)
	if errUsers != nil || errRules != nil {
		t.Fatal(errUsers, errRules)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	ours := st.listen(server.ListenerConfig{Name: "same", Anonymous: true, Authenticate: users, Rules: rules})
	st.run()
	reload := map[string]func(){
		theirs: func() { process.Signal(syscall.SIGHUP) },
		ours: func() {
			users.Reload()
			rules.Reload()
			st.server.Revoke()
		},
	}
	play := func(address string) (got []string) {
		write(acl, before)
		write(passwords, string(all))
		reload[address]()
		admin, bob := enter(t, address, packet.V5, identity{"admin", "admin"}), enter(t, address, packet.V5, identity{"bob", "bob"})
		ada := enter(t, address, packet.V5, identity{"ada", "ada"})
		for _, name := range []string{"a/b", "a/c", "a/d"} {
			m := packet.Publish{QoS: 1, PacketID: 1, TopicName: []byte(name), Payload: []byte("by ada"), Retain: true}
			ada.send(m.Append(nil, packet.V5))
			ada.readPacket()
		}
		m := packet.Publish{QoS: 1, PacketID: 1, TopicName: []byte("a/d"), Payload: []byte("by admin"), Retain: true}
		admin.send(m.Append(nil, packet.V5))
		admin.readPacket()
		write(acl, after)
		write(passwords, strings.Join(slices.DeleteFunc(strings.SplitAfter(string(all), "\n"), func(l string) bool { return strings.HasPrefix(l, "bob:") }), ""))
		reload[address]()
		bob.awaitEnd()
		subscribeTo(t, admin, packet.V5, "a/+")
		for range 2 {
			name, _ := admin.next(t, patience)
			got = append(got, name)
		}
		admin.send([]byte{0xc0, 0})
		got = append(got, fmt.Sprint(admin.readPacket().Type)) // nothing more came before
		slices.Sort(got)
		admin.leave()
		ada.leave()
		return got
	}
	if got, want := play(ours), play(theirs); !slices.Equal(got, want) {
		t.Errorf("%q, with mosquitto %q", got, want)
	}
}

// makePasswords makes a file with both of mosquitto's hashes; each password is the name.
func makePasswords(t *testing.T, path string) {
	t.Helper()
	args := []string{"-c"}
	for i, user := range []string{"admin", "ada", "bob", "wild+name", "a/b", "$x", "$", "/", "%u"} {
		args = append(args, "-H", []string{"sha512-pbkdf2", "sha512"}[i%2], "-b", path, user, user)
		if out, err := exec.Command(program(t, "mosquitto_passwd"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		args = nil
	}
}

// startMosquitto runs Debian's mosquitto on a port of its own.
func startMosquitto(t *testing.T, lines ...string) (address string) {
	t.Helper()
	address, _ = runMosquitto(t, lines...)
	return address
}

// runMosquitto is startMosquitto for those who need its process.
func runMosquitto(t *testing.T, lines ...string) (address string, process *os.Process) {
	t.Helper()
	path := "/usr/sbin/mosquitto" // not in the PATH of everybody
	if _, err := os.Stat(path); err != nil {
		path = program(t, "mosquitto")
	}
	port := strconv.Itoa(loopback.Port(t))
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := "listener " + port + " 127.0.0.1\nuser root\nmax_inflight_messages 1000\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, "mosquitto listens", func() bool {
		return exec.Command(program(t, "mosquitto_pub"), "-h", "127.0.0.1", "-p", port, "-t", "in/x", "-m", "x").Run() == nil
	})
	return "127.0.0.1:" + port, cmd.Process
}

// startWithFiles runs our server with the same files.
func startWithFiles(t *testing.T, passwords, acl string) (address string) {
	t.Helper()
	users, err := access.OpenUsers(passwords, nil)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := access.OpenRules(acl, nil)
	if err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address = st.listen(server.ListenerConfig{Name: "same", Anonymous: true, Authenticate: users, Rules: rules})
	st.run()
	return address
}

// enter connects somebody; the password is the name.
func enter(t testing.TB, address string, v packet.Version, who identity) *peer {
	t.Helper()
	p := dial(t, address)
	c := packet.Connect{Version: v, CleanStart: true, ClientID: []byte(who.client)}
	if who.user != "" {
		c.UserName, c.Password = []byte(who.user), []byte(who.user)
	}
	p.send(c.Append(nil))
	var answer packet.Connack
	if err := answer.Decode(v, p.readPacket()); err != nil || answer.ReasonCode != packet.Success {
		t.Fatalf("%v: CONNACK %v (%v)", who, answer.ReasonCode, err)
	}
	return p
}

// publishToAll publishes to every name, and returns those that were refused. With 3.1.1 nothing is: it has no word for it.
func publishToAll(t *testing.T, address string, who identity) (refused []string) {
	t.Helper()
	for _, v := range []packet.Version{packet.V311, packet.V5} {
		p := enter(t, address, v, who)
		for i, name := range sameNames {
			m := packet.Publish{QoS: 1, PacketID: uint16(i + 1), TopicName: []byte(name), Payload: []byte("by " + who.String())}
			p.send(m.Append(nil, v))
			var a packet.Ack
			if err := a.Decode(v, p.readPacket()); err != nil || a.Type != packet.PUBACK {
				t.Fatalf("%s: %+v (%v)", name, a, err)
			}
			if a.ReasonCode.IsError() {
				refused = append(refused, fmt.Sprintf("%v %s: %v", v, name, a.ReasonCode))
			}
		}
		p.leave()
	}
	return refused
}

var sameFilters = []string{"#", "$x/#", "$SYS/#", "open/+", "ada/secret/#", "nothing", "+/+", "c/two"}

// subscribeToAll subscribes to some filters, and returns the codes.
func subscribeToAll(t *testing.T, address string, who identity) (codes []packet.ReasonCode) {
	t.Helper()
	for _, v := range []packet.Version{packet.V311, packet.V5} {
		p := enter(t, address, v, who)
		codes = append(codes, subscribeTo(t, p, v, sameFilters...)...)
		p.nc.Close()
	}
	return codes
}

// subscribeTo subscribes and returns the codes of SUBACK. Messages that come before it, it passes over.
func subscribeTo(t testing.TB, p *peer, v packet.Version, filters ...string) []packet.ReasonCode {
	t.Helper()
	s := packet.Subscribe{PacketID: 1}
	for _, filter := range filters {
		s.Subscriptions = append(s.Subscriptions, packet.Subscription{TopicFilter: []byte(filter), QoS: 1})
	}
	p.send(s.Append(nil, v))
	for {
		h := p.readPacket()
		if h.Type != packet.SUBACK {
			continue
		}
		var a packet.Suback
		if err := a.Decode(v, h); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(a.ReasonCodes)
	}
}

// hear subscribes to everything and returns the names under which it is sent something: retained messages, then those that an
// administrator publishes. It listens until it has heard as much as is wanted, and then until there is silence.
func hear(t *testing.T, address string, who identity, want map[string]bool) map[string]bool {
	t.Helper()
	admin := enter(t, address, packet.V5, identity{"admin", "publisher"})
	say := func(name, payload string, retain bool) {
		m := packet.Publish{QoS: 1, PacketID: 1, TopicName: []byte(name), Payload: []byte(payload), Retain: retain}
		admin.send(m.Append(nil, packet.V5))
		admin.readPacket()
	}
	for _, name := range sameNames {
		say(name, "retained", true)
	}
	p := enter(t, address, packet.V5, who)
	subscribeTo(t, p, packet.V5, "#", "$x/#")
	for _, name := range sameNames {
		say(name, "live", false)
	}
	say("marker", "end", false)
	heard := map[string]bool{}
	for {
		silence := patience
		if heard["marker: end"] && len(heard) >= len(want) {
			silence = 300 * time.Millisecond // all there is; or does more come?
		}
		name, ok := p.next(t, silence)
		if !ok {
			break
		}
		heard[name] = true
	}
	for _, name := range sameNames {
		say(name, "", true)
	}
	p.leave()
	admin.leave()
	return heard
}

// next gives the next message as "name: payload", acknowledged; false: there is none.
func (p *peer) next(t *testing.T, wait time.Duration) (string, bool) {
	t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(wait))
	first := make([]byte, 1)
	if _, err := p.nc.Read(first); err != nil {
		return "", false
	}
	h := p.readRest(first)
	var m packet.Publish
	if err := m.Decode(packet.V5, h); err != nil {
		t.Fatalf("%v: %v", h.Type, err)
	}
	if m.QoS > 0 {
		a := packet.Ack{Type: packet.PUBACK, PacketID: m.PacketID}
		p.send(a.Append(nil, packet.V5))
	}
	return string(m.TopicName) + ": " + string(m.Payload), true
}

// leave says good-bye and waits for the end.
func (p *peer) leave() {
	p.t.Helper()
	p.send([]byte{0xe0, 0})
	p.awaitEnd()
}

// awaitEnd reads until the connection ends.
func (p *peer) awaitEnd() {
	p.t.Helper()
	for {
		p.nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := p.nc.Read(make([]byte, 4096)); errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatal("the connection does not end")
		} else if err != nil {
			return
		}
	}
}
