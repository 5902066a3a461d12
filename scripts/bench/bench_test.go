package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// forwarder listens in this process; with a journal if it is durable.
func listen(t *testing.T, durable bool) string {
	f := &forwarder{}
	if durable {
		j, err := openJournal(filepath.Join(t.TempDir(), "journal"))
		if err != nil {
			t.Fatal(err)
		}
		f.journal = j
		go j.run()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go f.serve(l)
	return l.Addr().String()
}

func TestGenerator(t *testing.T) {
	tests := []load{
		{qos: 0, pubs: 1, subs: 1, window: 100},
		{qos: 1, pubs: 1, subs: 1, window: 100},
		{qos: 2, pubs: 1, subs: 1, window: 100},
		{qos: 0, pubs: 1, subs: 1, every: time.Millisecond},
		{qos: 1, pubs: 5, subs: 1, window: 10},
		{qos: 2, pubs: 1, subs: 5, window: 10},
		{qos: 1, pubs: 1, subs: 1, window: 100, durable: true},
	}
	for _, l := range tests {
		t.Run(fmt.Sprintf("%s_%v", l.name(), l.every), func(t *testing.T) {
			g, err := newGenerator(listen(t, l.durable), l)
			if err != nil {
				t.Fatal(err)
			}
			defer g.close()
			for g.delivered < 200 {
				if _, _, err := g.run(20 * time.Millisecond); err != nil {
					t.Fatal(err)
				}
			}
			if g.lost != 0 || g.wrongOrder != 0 {
				t.Errorf("%d lost, %d out of order", g.lost, g.wrongOrder)
			}
		})
	}
}

func TestCountsWhatIsWrong(t *testing.T) {
	g := &generator{load: load{pubs: 1, subs: 1}, pubs: []*publisher{{}}}
	s := &subscriber{next: make([]uint64, 1)}
	for _, n := range []uint64{0, 1, 5, 4, 5, 6} {
		if err := g.count(s, n, 0); err != nil {
			t.Fatal(err)
		}
	}
	if g.delivered != 4 || g.lost != 3 || g.wrongOrder != 2 {
		t.Errorf("delivered %d, lost %d, out of order %d; want 4, 3, 2", g.delivered, g.lost, g.wrongOrder)
	}
	if err := g.count(s, 7, 1); err == nil {
		t.Error("a message of a publisher that does not exist is counted")
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name  string
		value float64
		goal  target
		want  string
		met   bool
	}{
		{"at least, met", 3, *atLeast(3, "x"), "target >= 3x: ok", true},
		{"at least, missed", 2.9, *atLeast(3, "x"), "target >= 3x: MISSED", false},
		{"at most, met", 14, *atMost(14, " MB"), "target <= 14 MB: ok", true},
		{"at most, missed", 14.1, *atMost(14, " MB"), "target <= 14 MB: MISSED", false},
		{"stretch", 4, target{bound: 3, atLeast: true, stretch: 5}, "target >= 3: ok, stretch 5: not yet", true},
		{"stretch reached", 0.9, target{bound: 2, stretch: 1}, "target <= 2: ok, stretch 1: ok", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all table
			if got := all.judge(tt.value, &tt.goal); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (all.met == 1) != tt.met || all.met+all.missed != 1 {
				t.Errorf("counted %d met, %d missed", all.met, all.missed)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for want, of := range map[float64][]float64{0: nil, 2: {3, 1, 2}, 2.5: {4, 1, 2, 3}} {
		if got := median(of); got != want {
			t.Errorf("median(%v) = %v, want %v", of, got, want)
		}
	}
}

func TestProcessFigures(t *testing.T) {
	pid := os.Getpid()
	for begin := time.Now(); time.Since(begin) < 30*time.Millisecond; {
	}
	if d, err := cpuTime(pid); err != nil || d <= 0 {
		t.Errorf("cpuTime: %v, %v", d, err)
	}
	if n, err := residentSize(pid); err != nil || n < 1<<20 {
		t.Errorf("residentSize: %d, %v", n, err)
	}
	if n, err := wakeUps(pid); err != nil || n < 1 {
		t.Errorf("wakeUps: %d, %v", n, err)
	}
	if _, err := statusField("/proc/self/status", "NoSuchThing:"); err == nil || !strings.Contains(err.Error(), "NoSuchThing") {
		t.Errorf("a field that is not there: %v", err)
	}
}
