package main

import (
	"crypto/x509"
	"encoding/pem"
	"math"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"skerry/edge/config"
	"skerry/scripts/link/emulate"
)

func TestReadings(t *testing.T) {
	for _, hard := range []bool{false, true} {
		a, b := newReadings(3, hard), newReadings(3, hard)
		topics, payloads := 0, 0
		for n := range 1000 {
			topic, payload := a.next()
			again, same := b.next()
			if topic != again || string(payload) != string(same) {
				t.Fatalf("the same seed gives %s %s and %s %s", topic, payload, again, same)
			}
			if numberOf(payload) != n {
				t.Fatalf("%s has number %d, want %d", payload, numberOf(payload), n)
			}
			topics, payloads = topics+len(topic), payloads+len(payload)
		}
		if topics < 22_000 || topics > 26_000 || payloads < 58_000 || payloads > 65_000 {
			t.Errorf("hard %v: topics of %d bytes, payloads of %d", hard, topics, payloads)
		}
	}
	for _, other := range []string{"online", `{"n":12}`, `{"n":x}`, ""} {
		if n := numberOf([]byte(other)); n != -1 {
			t.Errorf("%q has number %d", other, n)
		}
	}
}

// TestChain: what the server shows is trusted by who knows the root, and as long as what is shown by others.
func TestChain(t *testing.T) {
	c, err := newChain(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile(c.certificates)
	if err != nil {
		t.Fatal(err)
	}
	first, rest := pem.Decode(shown)
	leaf, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(c.root)
	if err != nil {
		t.Fatal(err)
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) || !middle.AppendCertsFromPEM(rest) {
		t.Fatal("no certificates")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: emulate.Server, Roots: roots, Intermediates: middle}); err != nil {
		t.Error(err)
	}
	if c.leaf < 700 || c.leaf > 770 || c.intermediate < 630 || c.intermediate > 700 {
		t.Errorf("leaf %d bytes, intermediate %d", c.leaf, c.intermediate)
	}
}

func TestTable(t *testing.T) {
	var table table
	table.atMost(9, 9, " s", "a", "%d", 9)
	table.atMost(9, 9.1, " s", "b", "%.1f", 9.1)
	table.note("c", "%d", 1)
	table.planned(9, 9, " s", "d", "%d", 9)
	table.planned(9, 10, " s", "e", "%d", 10)
	if table.met != 1 || table.missed != 1 || table.early != 1 || table.later != 1 {
		t.Errorf("%+v", table)
	}
	if m := median([]float64{5, 1, 3}); m != 3 {
		t.Errorf("median %v", m)
	}
}

// lab makes settings for scenes of this test.
func lab(t *testing.T) *settings {
	t.Helper()
	s := &settings{skerry: "/bin/false", mosquitto: "/usr/sbin/mosquitto", peer: "/usr/sbin/mosquitto", dir: t.TempDir(), seed: 1, repeat: 1}
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDaemonConfig: the daemon would take the configuration that it is given.
func TestDaemonConfig(t *testing.T) {
	s, second := lab(t), geo()
	for i, o := range []setting{
		{terrain: lte(), keepAlive: longKeep},
		{terrain: geo(), keepAlive: longKeep},
		{terrain: certus(), keepAlive: longKeep},
		{terrain: quiet(), keepAlive: pingEvery, upTo: time.Minute},
		{terrain: lte(), keepAlive: longKeep, spare: &second, budget: "[50MB/day, 1GB/month]"},
	} {
		c := &scene{setting: o, settings: s, folder: t.TempDir()}
		_, args, err := c.daemonCommand([]string{"5", "3.1.1"}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(args[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		u := cfg.Uplinks[0]
		if !slices.Equal(u.Carry, []string{"alarms", "readings", "backlog"}) || len(u.Links) != len(o.terrains()) || cfg.Storage.Path != c.store() {
			t.Fatalf("%+v", u)
		}
		for n, terrain := range o.terrains() {
			l := u.Links[n]
			if l.Kind != terrain.kind || l.Interface != interfaceNames[n] || l.OnDemand() || (l.Budget != nil) != (o.budget != "") {
				t.Errorf("%+v", l)
			}
			if k := l.KeepAlive; k.Min != o.keepAlive || k.Max != max(o.keepAlive, o.upTo) {
				t.Errorf("keep-alive %+v", k)
			}
		}
	}
}

// TestStations: the daemon would take the configurations of the stations that are foretold, and each has a forecast.
func TestStations(t *testing.T) {
	s := lab(t)
	for _, one := range stations() {
		c := &scene{settings: s, folder: t.TempDir()}
		if _, _, err := c.stationCommand(one); err != nil {
			t.Fatal(err)
		}
		perDay, err := c.explained(one)
		if err != nil || perDay < 1e6 || perDay > 1e8 {
			t.Errorf("%s: %.0f B a day, %v", one.name, perDay, err)
		}
	}
	if f := (foreseen{foretold: 90, counted: 100}); math.Abs(f.off()+0.1) > 1e-9 {
		t.Errorf("90 of 100 is off by %v", f.off())
	}
}

// TestScene is a run in small, with the peer as its own subject: readings that waited arrive, and a link that dies is seen to be left.
func TestScene(t *testing.T) {
	if err := emulate.Able(); err != nil {
		t.Skip(err)
	}
	s := lab(t)
	if _, err := exec.LookPath(s.mosquitto); err != nil {
		t.Skip("mosquitto is not installed")
	}
	fast := terrain{"fast", "cellular", emulate.Conditions{Delay: 10 * time.Millisecond}, emulate.Conditions{Delay: 10 * time.Millisecond}}
	err := s.each([]setting{{subject: peer(), terrain: fast, keepAlive: time.Minute, seed: 1}}, func(_ int, c *scene) error {
		if _, err := c.costs(t.Context(), func() error { return c.meet(t.Context()) }); err != nil {
			return err
		}
		up, down := c.link.Counts()
		from := c.readings.made
		if err := c.publish(50); err != nil {
			return err
		}
		if err := c.observer.untilCount(t.Context(), from+50, 20*time.Second); err != nil {
			return err
		}
		if _, _, have := c.observer.span(from, from+50); have != 50 || c.observer.repeated() != 0 {
			t.Errorf("%d of 50 readings arrived, %d twice", have, c.observer.repeated())
		}
		if u, d := c.bytes(up, down); u.Payload < 50*80 || d.Bytes == 0 {
			t.Errorf("%+v up, %+v down", u, d)
		}
		began := time.Now()
		c.link.Cut()
		if err := until(t.Context(), 20*time.Second, "a new connection", func() bool { return c.accepted(began) > 0 }); err != nil {
			return err
		}
		if c.newConnection(began).IsZero() || c.accepted(time.Now()) != 0 {
			t.Error("the server has accepted what nobody has tried")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
