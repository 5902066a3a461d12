package topic_test

import (
	"strings"
	"testing"

	"skerry/broker/topic"
)

// model is section 4.7 of the specification written down as plainly as possible.
func model(filter, name string) bool {
	if name[0] == '$' && filter[0] != '$' && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	return modelLevels(strings.Split(filter, "/"), strings.Split(name, "/"))
}

func modelLevels(filter, name []string) bool {
	switch {
	case len(filter) == 0:
		return len(name) == 0
	case filter[0] == "#":
		return true
	case len(name) == 0:
		return false
	case filter[0] != "+" && filter[0] != name[0]:
		return false
	}
	return modelLevels(filter[1:], name[1:])
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		filter, name string
		match        bool
	}{
		{"sport/tennis/player1/#", "sport/tennis/player1", true},
		{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
		{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
		{"sport/#", "sport", true},
		{"#", "sport/tennis", true},
		{"sport/tennis/+", "sport/tennis/player1", true},
		{"sport/tennis/+", "sport/tennis/player1/ranking", false},
		{"sport/+", "sport", false},
		{"sport/+", "sport/", true},
		{"+/+", "/finance", true},
		{"/+", "/finance", true},
		{"+", "/finance", false},
		{"+/monitor/Clients", "$SYS/monitor/Clients", false},
		{"#", "$SYS/monitor/Clients", false},
		{"$SYS/#", "$SYS/monitor/Clients", true},
		{"$SYS/monitor/+", "$SYS/monitor/Clients", true},
		{"a/+/#", "a/$b", true},
		{"a", "A", false},
		{"a", "a/", false},
		{"/a", "a", false},
		{"+/#", "a", true},
		{"#", "/", true},
		{"+", "", true},
	} {
		if tc.name == "" {
			continue // not a Topic Name
		}
		if got := topic.Match(tc.filter, tc.name); got != tc.match {
			t.Errorf("Match(%q, %q) = %v", tc.filter, tc.name, got)
		}
		if got := model(tc.filter, tc.name); got != tc.match {
			t.Errorf("the model says %v for %q, %q", got, tc.filter, tc.name)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"a/+/#", "a/b/c"}, {"#", "$SYS/a"}, {"+/+", "/a"}, {"a/#", "a"}, {"$SYS/+", "$SYS/a"}, {"/", "//"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, filter, name string) {
		if topic.ValidName(name) != nil {
			return
		}
		if topic.ValidFilter(filter) != nil || topic.IsShared(filter) {
			return
		}
		want := model(filter, name)
		if got := topic.Match(filter, name); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", filter, name, got, want)
		}
		var tree topic.Tree[int, string]
		tree.Set(filter, 1, filter)
		if got, n := tree.Match(name, nil); (len(got) == 1) != want || (n == 1) != want {
			t.Fatalf("the tree found %q (%d filters) for %q in %q, want %v", got, n, name, filter, want)
		}
		var names topic.Names[string]
		names.Set(name, name)
		found := 0
		for n, v := range names.Match(filter) {
			if n != name || v != name {
				t.Fatalf("found %q = %q, want %q", n, v, name)
			}
			found++
		}
		if (found == 1) != want || found > 1 {
			t.Fatalf("found %q %d times by %q, want %v", name, found, filter, want)
		}
	})
}
