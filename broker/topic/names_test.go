package topic_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"skerry/broker/topic"
)

func TestNamesAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var names topic.Names[int]
	want := map[string]int{}
	for step := 1; step <= 8000; step++ {
		name := randomTopic(r, false)
		before, had := want[name]
		if r.IntN(3) > 0 {
			if previous, was := names.Set(name, step); previous != before || was != had {
				t.Fatalf("Set(%q) says it had %d %v, want %d %v", name, previous, was, before, had)
			}
			want[name] = step
		} else {
			if previous, was := names.Delete(name); previous != before || was != had {
				t.Fatalf("Delete(%q) says it had %d %v, want %d %v", name, previous, was, before, had)
			}
			delete(want, name)
		}
		if v, ok := names.Get(name); ok != (want[name] != 0) || v != want[name] {
			t.Fatalf("Get(%q) = %d %v, want %d", name, v, ok, want[name])
		}
		if step%20 == 0 {
			lookUp(t, &names, want, randomTopic(r, true))
		}
	}
}

func lookUp(t *testing.T, names *topic.Names[int], want map[string]int, filter string) {
	t.Helper()
	var wantNames, got []string
	for name := range want {
		if model(filter, name) {
			wantNames = append(wantNames, name)
		}
	}
	for name, v := range names.Match(filter) {
		if v != want[name] {
			t.Fatalf("%q has %d, want %d", name, v, want[name])
		}
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(wantNames)
	if !slices.Equal(got, wantNames) {
		t.Fatalf("%q finds %q, want %q", filter, got, wantNames)
	}
}

func TestNamesMatchStops(t *testing.T) {
	var names topic.Names[int]
	for i, name := range []string{"a", "a/b", "a/b/c", "d", "e/f"} {
		names.Set(name, i)
	}
	for _, filter := range []string{"#", "a/#", "+", "a/+", "d"} {
		seen := 0
		for range names.Match(filter) {
			seen++
			break
		}
		if seen != 1 {
			t.Errorf("%q: %d steps after break", filter, seen)
		}
	}
}

func TestNamesAll(t *testing.T) {
	var names topic.Names[int]
	want := map[string]int{"a": 1, "$SYS/x": 2, "a/b": 3}
	for name, v := range want {
		names.Set(name, v)
	}
	if got := maps.Collect(names.All()); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for range names.All() {
		break
	}
}

func TestNamesForgetWhatTheyHeld(t *testing.T) {
	var names topic.Names[int]
	names.Set("a/b/c", 1)
	names.Set("a/b", 2)
	names.Delete("a/b/c")
	if v, ok := names.Get("a/b"); !ok || v != 2 || names.Len() != 1 {
		t.Fatalf("a/b = %d %v, Len %d", v, ok, names.Len())
	}
	if _, had := names.Delete("a/b/c"); had {
		t.Fatal("deleted twice")
	}
}

// Levels counts what the index holds: a level that names share once, and none that leads nowhere.
func TestNamesLevels(t *testing.T) {
	var n topic.Names[int]
	for _, step := range []struct {
		add, drop string
		want      int
	}{
		{"a/b/c", "", 3}, {"a/b", "", 3}, {"a/b/d", "", 4}, {"a/b", "", 4}, {"", "a/b/c", 3}, {"", "a/b/c", 3}, {"", "a/b/d", 2},
		{"x//y", "", 5}, {"", "a", 5}, {"", "a/b", 3}, {"", "x//y", 0},
	} {
		if step.add != "" {
			n.Set(step.add, 1)
		} else {
			n.Delete(step.drop)
		}
		if n.Levels() != step.want {
			t.Errorf("after %+v: %d levels", step, n.Levels())
		}
	}
}
