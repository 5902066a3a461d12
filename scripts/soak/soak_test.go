package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build makes the gateway, with what the go command has compiled for the other tests.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skerry")
	c := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/skerry")
	c.Dir = filepath.Join("..", "..")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, out)
	}
	return path
}

// TestSoak is what make soak does, shortened.
func TestSoak(t *testing.T) {
	if _, err := exec.LookPath(mosquitto); err != nil {
		if os.Getenv("SKERRY_NO_SKIP") == "1" {
			t.Fatal(err)
		}
		t.Skip("mosquitto is not installed")
	}
	t.Parallel()
	skerry := build(t)
	for _, test := range []struct {
		name   string
		s      settings
		events [kinds]int
	}{
		{"one by one", settings{readings: 4000, cuts: 6, kills: 2, restarts: 1, lost: 1, ahead: 1500, seed: 11}, [kinds]int{5, 1, 2, 1, 1}},
		{"blocks", settings{readings: 20000, cuts: 6, kills: 2, restarts: 1, lost: 1, grounds: 2, pack: true, ahead: 8000, seed: 12}, [kinds]int{5, 1, 2, 1, 1, 2}},
		{"alarms", settings{readings: 5000, cuts: 6, kills: 2, restarts: 1, lost: 1, grounds: 2, pack: true, alarms: true, ahead: 1000, seed: 13}, [kinds]int{5, 1, 2, 1, 1, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.s
			s.skerry, s.dir = skerry, t.TempDir()
			r, err := try(t.Context(), &s)
			if r != nil {
				r.print(t.Output())
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := r.verdict(); err != nil {
				t.Error(err)
			}
			if r.events != test.events {
				t.Errorf("%v events happened, want %v", r.events, test.events)
			}
			if test.s.alarms && r.primed == 0 {
				t.Error("no block goes on from a primer")
			}
			if test.s.pack && !test.s.alarms && (r.blocks == 0 || r.blocks > r.sent[2]/10) {
				t.Errorf("%d blocks for %d readings", r.blocks, r.sent[1]+r.sent[2])
			}
		})
	}
}

func TestPlan(t *testing.T) {
	s := &settings{readings: 1000, cuts: 10, kills: 3, restarts: 2, lost: 1, seed: 5}
	all, again := plan(s), plan(s)
	if len(all) != 16 {
		t.Fatalf("%d events", len(all))
	}
	for i, e := range all {
		if e != again[i] {
			t.Errorf("the same seed gives %v and %v", e, again[i])
		}
		if e.at < 20 || e.at >= 950 || i > 0 && e.at < all[i-1].at || e.long > 3*time.Second {
			t.Errorf("event %d: %v", i, e)
		}
	}
}

// TestLedger: what is lost, twice or out of order is found, and what was on its way when the server lost its sessions is not blamed.
func TestLedger(t *testing.T) {
	come := func(l *ledger, qos int, numbers ...int) {
		for _, n := range numbers {
			x := name{qos, 0, n}
			l.note(x.topicName(), x.payload())
		}
	}
	one := func(numbers []int, doubt ...int) tally {
		l := newLedger()
		for topic := 1; topic < topics; topic++ { // the others get all
			for n := range 4 {
				x := name{2, topic, n}
				l.note(x.topicName(), x.payload())
			}
		}
		var all []name
		for _, n := range doubt {
			all = append(all, name{2, 0, n})
		}
		l.suspect(all, nil)
		come(l, 2, numbers...)
		got := l.judge(2, 4*topics)
		got.examples = nil
		return got
	}
	tests := []struct {
		numbers, doubt []int
		lost, twice    int
		spared, both   int
		late           int
	}{
		{numbers: []int{0, 1, 2, 3}},
		{numbers: []int{0, 2, 3}, lost: 1},
		{numbers: []int{0, 2, 3}, doubt: []int{1}, spared: 1},
		{numbers: []int{0, 1, 1, 2, 3, 3}, doubt: []int{3}, twice: 1, both: 1},
		{numbers: []int{0, 2, 1, 3}, late: 1},
		{numbers: []int{0, 1, 2, 0, 1, 2, 3}, twice: 3},
	}
	for _, test := range tests {
		got := one(test.numbers, test.doubt...)
		if got.lost != test.lost || got.twice != test.twice || got.spared != test.spared || got.both != test.both || got.late != test.late {
			t.Errorf("%v, doubt %v: %+v", test.numbers, test.doubt, got)
		}
	}
	l := newLedger()
	l.note("soak/q2/0", "7")
	l.note("soak/q3/0", `{"value":7}`)
	l.note("soak/q2/99", `{"value":7}`)
	if l.strange != 3 || l.count() != 0 {
		t.Errorf("%d strange messages, %d readings", l.strange, l.count())
	}
}

// TestVerdict: each broken promise is an error of its own.
func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		of   result
		want string
	}{
		{result{}, ""},
		{result{joins: 1}, ""},
		{result{came: [3]tally{1: {lost: 2}}}, "2 readings of QoS 1 are lost"},
		{result{came: [3]tally{1: {twice: 2}, 2: {both: 1}}}, ""},
		{result{came: [3]tally{2: {spared: 1, recorded: 1}}}, "1 readings of QoS 2 are missing"},
		{result{came: [3]tally{2: {spared: 2, recorded: 2}}, drop: true}, ""},
		{result{came: [3]tally{1: {spared: 1}}, drop: true}, "1 readings of QoS 1 are missing"},
		{result{came: [3]tally{2: {twice: 2}}}, "2 readings of QoS 2 came twice"},
		{result{came: [3]tally{1: {late: 1}}, first: "x"}, "out of order: first x"},
		{result{strange: 1}, "nobody published"},
		{result{joins: 2}, "lost the session of the subscriber 1 times"},
	} {
		err := test.of.verdict()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.of, err, test.want)
		}
	}
}
