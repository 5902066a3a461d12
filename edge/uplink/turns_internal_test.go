package uplink

import (
	"math/rand/v2"
	"slices"
	"testing"

	"skerry/edge/config"
)

// table makes turns for lanes of these classes, and gives what each lane of them has sent when the link has carried so many bytes. size
// is that of the next message of a lane, 0 if it has none.
func table(bytes int, classes []string, size func(lane int) int) []int {
	var lanes []*lane
	for _, c := range classes {
		lanes = append(lanes, &lane{stream: &stream{class: c}})
	}
	t, sent := newTurns(lanes), make([]int, len(lanes))
	for total := 0; total < bytes; {
		t.begin()
		s := t.next()
		for ; s != nil; s = t.next() {
			i := slices.Index(lanes, s.lane)
			n := size(i)
			if s.idle = n == 0; n > 0 {
				s.spent(n)
				sent[i], total = sent[i]+n, total+n
				break
			}
		}
		if s == nil {
			break
		}
	}
	return sent
}

func TestShares(t *testing.T) {
	a, s, l, b := config.AlarmClass, config.StateClass, config.LiveClass, config.BackfillClass
	tests := []struct {
		name    string
		classes []string
		sizes   []int
		want    []float64 // parts of the link
	}{
		{"alone", []string{b}, []int{100}, []float64{1}},
		{"live and backfill", []string{b, l}, []int{100, 100}, []float64{0.25, 0.75}},
		{"in bytes", []string{b, l}, []int{70_000, 60}, []float64{0.25, 0.75}},
		{"large live messages", []string{b, l}, []int{60, 70_000}, []float64{0.25, 0.75}},
		{"with state", []string{l, s, b}, []int{80, 90, 100}, []float64{3. / 7, 3. / 7, 1. / 7}},
		{"streams of a class", []string{l, l, l, b}, []int{50, 500, 5000, 100}, []float64{0.25, 0.25, 0.25, 0.25}},
		{"who has nothing", []string{l, s, b}, []int{0, 0, 100}, []float64{0, 0, 1}},
		{"alarms", []string{l, a, s, b}, []int{10, 100, 10, 10}, []float64{0, 1, 0, 0}},
		{"two alarms", []string{l, a, a}, []int{10, 100, 1000}, []float64{0, 0.5, 0.5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const total = 10_000_000
			for i, n := range table(total, test.classes, func(lane int) int { return test.sizes[lane] }) {
				if part := float64(n) / total; part < test.want[i]-0.02 || part > test.want[i]+0.02 {
					t.Errorf("lane %d, %s, has sent %.3f of it, want %.3f", i, test.classes[i], part, test.want[i])
				}
			}
		})
	}
}

// TestSharesVary: streams that have something now and then do not lose their part, and save none up.
func TestSharesVary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	classes := []string{config.LiveClass, config.BackfillClass}
	sent := table(5_000_000, classes, func(lane int) int {
		if lane == 0 && r.IntN(4) > 0 {
			return 0
		}
		return 1 + r.IntN(2000)
	})
	if sent[0] < 5_000_000/8 || sent[1] < 5_000_000/4 {
		t.Errorf("sent %v", sent)
	}
}

// TestStateFirst: of what comes at one moment a state leaves before what is live, and that before what is old.
func TestStateFirst(t *testing.T) {
	var lanes []*lane
	for _, c := range []string{config.BackfillClass, config.LiveClass, config.StateClass, config.AlarmClass} {
		lanes = append(lanes, &lane{stream: &stream{class: c}})
	}
	turns := newTurns(lanes)
	turns.begin()
	for i := 3; i >= 0; i-- {
		s := turns.next()
		if s == nil || s.lane != lanes[i] {
			t.Fatalf("turn %d is not that of %s", 4-i, lanes[i].class)
		}
		s.spent(10)
		s.idle = true
	}
	if s := turns.next(); s != nil {
		t.Errorf("a lane of class %s has the turn with nothing to send", s.lane.class)
	}
	lanes[3].news.Store(true) // in the middle of a round
	if s := turns.next(); s == nil || s.lane != lanes[3] {
		t.Error("an alarm waits for the next round")
	}
}
