package topic_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"skerry/broker/topic"
)

// randomTopic makes short names and filters over few words, so that they meet often.
func randomTopic(r *rand.Rand, wildcards bool) string {
	words := []string{"a", "b", "c", "", "$SYS"}
	if wildcards {
		words = append(words, "+", "+")
	}
	levels := make([]string, 1+r.IntN(4))
	for i := range levels {
		levels[i] = words[r.IntN(len(words))]
	}
	if wildcards && r.IntN(3) == 0 {
		levels[len(levels)-1] = "#"
	}
	if s := strings.Join(levels, "/"); s != "" {
		return s
	}
	return "a"
}

type subscriber struct {
	filter string
	key    int
}

// TestTreeAgainstModel makes random changes and compares every answer with a list of subscriptions and the model of Match.
func TestTreeAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tree topic.Tree[int, string]
	want := map[subscriber]string{}
	for step := range 8000 {
		s := subscriber{randomTopic(r, true), r.IntN(6)}
		before, had := want[s]
		if r.IntN(2) == 0 {
			value := fmt.Sprint(s.filter, " ", s.key, " ", step%3)
			if previous, was := tree.Set(s.filter, s.key, value); previous != before || was != had {
				t.Fatalf("Set(%v) says it had %q %v, want %q %v", s, previous, was, before, had)
			}
			want[s] = value
		} else {
			if previous, was := tree.Delete(s.filter, s.key); previous != before || was != had {
				t.Fatalf("Delete(%v) says it had %q %v, want %q %v", s, previous, was, before, had)
			}
			delete(want, s)
		}
		if tree.Len() != len(want) {
			t.Fatalf("Len = %d, want %d", tree.Len(), len(want))
		}
		if step%10 == 0 {
			compare(t, &tree, want, randomTopic(r, false))
		}
	}
	for s := range want {
		tree.Delete(s.filter, s.key)
	}
	if got, n := tree.Match("a/b", nil); len(got) != 0 || n != 0 || tree.Len() != 0 {
		t.Fatalf("an emptied tree finds %q", got)
	}
}

func compare(t *testing.T, tree *topic.Tree[int, string], want map[subscriber]string, name string) {
	t.Helper()
	var wantValues []string
	filters := map[string]bool{}
	for s, v := range want {
		if model(s.filter, name) {
			wantValues = append(wantValues, v)
			filters[s.filter] = true
		}
	}
	got, n := tree.Match(name, nil)
	slices.Sort(got)
	slices.Sort(wantValues)
	if !slices.Equal(got, wantValues) || n != len(filters) {
		t.Fatalf("%q: got %q from %d filters, want %q from %d", name, got, n, wantValues, len(filters))
	}
}

// TestSnapshotNeverChanges keeps a snapshot while the tree goes on.
func TestSnapshotNeverChanges(t *testing.T) {
	var tree topic.Tree[int, int]
	tree.Set("a/+", 1, 1)
	tree.Set("a/b", 2, 2)
	tree.Set("a/b", 3, 3)
	s := tree.Snapshot()
	tree.Set("a/+", 1, 10)
	tree.Set("a/#", 4, 4)
	tree.Delete("a/b", 2)
	got, _ := s.Match("a/b", nil)
	slices.Sort(got)
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Fatalf("the snapshot now finds %v", got)
	}
	got, _ = tree.Match("a/b", got[:0])
	slices.Sort(got)
	if !slices.Equal(got, []int{3, 4, 10}) {
		t.Fatalf("the tree finds %v", got)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	tree := station()
	dst := make([]int, 0, 64)
	if n := testing.AllocsPerRun(100, func() { dst, _ = tree.Match("site/gw7/air/temperature", dst[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(dst) != 3 {
		t.Errorf("found %d subscribers, want 3", len(dst))
	}
}

func TestTreeConcurrently(t *testing.T) {
	var tree topic.Tree[int, string]
	tree.Set("always/+", -1, "always")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				filter := fmt.Sprintf("w/%d/%d/+", w, i%50)
				tree.Set(filter, w, filter)
				if got, _ := tree.Match(fmt.Sprintf("w/%d/%d/x", w, i%50), nil); len(got) != 1 || got[0] != filter {
					t.Errorf("own subscription not found: %q", got)
				}
				tree.Delete(filter, w)
			}
		})
		wg.Go(func() {
			var dst []string
			for range 2000 {
				if dst, _ = tree.Match("always/here", dst[:0]); len(dst) != 1 {
					t.Errorf("found %q", dst)
				}
			}
		})
	}
	wg.Wait()
	if tree.Len() != 1 {
		t.Errorf("Len = %d, want 1", tree.Len())
	}
}

// TestManySubscribers holds more filters than one branch of the trie, all under one level.
func TestManySubscribers(t *testing.T) {
	var tree topic.Tree[int, int]
	const count = 5000
	for i := range count {
		tree.Set(fmt.Sprintf("device/%d/cmd", i), i, i)
		tree.Set(fmt.Sprintf("device/%d/+", i), i, -i)
	}
	for i := 0; i < count; i += 97 {
		if got, n := tree.Match(fmt.Sprintf("device/%d/cmd", i), nil); n != 2 || len(got) != 2 || got[0] != i || got[1] != -i {
			t.Fatalf("device %d: %v", i, got)
		}
	}
	for i := range count {
		tree.Delete(fmt.Sprintf("device/%d/cmd", i), i)
		tree.Delete(fmt.Sprintf("device/%d/+", i), i)
	}
	if tree.Len() != 0 {
		t.Fatalf("Len = %d", tree.Len())
	}
}

func station() *topic.Tree[int, int] {
	var tree topic.Tree[int, int]
	for i := range 1000 {
		tree.Set(fmt.Sprintf("site/gw%d/air/temperature", i), i, i)
		tree.Set(fmt.Sprintf("site/gw%d/#", i), i, i)
	}
	tree.Set("site/+/+/temperature", 5000, 5000)
	return &tree
}

func BenchmarkMatch(b *testing.B) {
	wide := station()
	var exact topic.Tree[int, int]
	exact.Set("site/gw7/air/temperature", 1, 1)
	for _, tc := range []struct {
		name string
		tree *topic.Tree[int, int]
	}{{"exact", &exact}, {"exact and wildcards among 2001", wide}} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]int, 0, 16)
			for b.Loop() {
				dst, _ = tc.tree.Match("site/gw7/air/temperature", dst[:0])
			}
		})
	}
}

func BenchmarkSubscribe(b *testing.B) {
	for _, count := range []int{10, 10000} {
		b.Run(fmt.Sprintf("beside %d", count), func(b *testing.B) {
			var tree topic.Tree[int, int]
			for i := range count {
				tree.Set(fmt.Sprintf("device/%d/+", i), i, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				tree.Set("device/new/+", -1, -1)
				tree.Delete("device/new/+", -1)
			}
		})
	}
}
