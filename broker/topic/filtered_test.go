package topic_test

import (
	"slices"
	"testing"

	"skerry/broker/topic"
)

func TestCutFiltered(t *testing.T) {
	for s, want := range map[string][2]string{
		"$filter/hot/#": {"hot", "#"}, "$filter/hot/a/+": {"hot", "a/+"}, "$filter/hot//a": {"hot", "/a"}, "$filter/x/$SYS/a": {"x", "$SYS/a"},
		"$filter": {}, "$filter/": {}, "$filter/hot": {}, "$filter/hot/": {}, "$filter//a": {}, "filter/hot/a": {}, "$filters/hot/a": {},
	} {
		name, rest, ok := topic.CutFiltered(s)
		if ok != (want[0] != "") || ok && (name != want[0] || rest != want[1]) {
			t.Errorf("CutFiltered(%q) = %q %q %v", s, name, rest, ok)
		}
		if ok && topic.Filtered(name, rest) != s {
			t.Errorf("Filtered(%q, %q) = %q", name, rest, topic.Filtered(name, rest))
		}
		if topic.IsFiltered(s) != (s[0] == '$' && s != "$filters/hot/a") {
			t.Errorf("IsFiltered(%q) = %v", s, topic.IsFiltered(s))
		}
	}
}

func TestValidFiltered(t *testing.T) {
	for filter, valid := range map[string]bool{
		"$filter/hot/#": true, "$filter/hot/+/a": true, "$filter/hot/$SYS/#": true,
		"$filter": false, "$filter/": false, "$filter/hot": false, "$filter/hot/": false, "$filter/#": false, "$filter/+/a": false,
		"$filter/h+/a": false, "$filter/hot/$share/g/a": false, "$filter/hot/$filter/hot/a": false, "$share/g/$filter/hot/#": false, "a/#": false,
	} {
		t.Run(filter, func(t *testing.T) { check(t, topic.ValidFiltered(filter), valid) })
	}
}

// TestBelow: behind a content filter a name that begins with "$" is one like any other.
func TestBelow(t *testing.T) {
	var tree topic.Tree[int, string]
	var names topic.Names[int]
	for i, filter := range []string{"#", "+/a", "$SYS/a", "$SYS/#", "b/#"} {
		tree.Set(filter, i, filter)
	}
	for _, name := range []string{"$SYS/a", "b/a", "$SYS"} {
		names.Set(name, 0)
	}
	for _, c := range []struct {
		name         string
		match, below []string
	}{
		{"$SYS/a", []string{"$SYS/#", "$SYS/a"}, []string{"#", "$SYS/#", "$SYS/a", "+/a"}},
		{"b/a", []string{"#", "+/a", "b/#"}, []string{"#", "+/a", "b/#"}},
	} {
		match, _ := tree.Match(c.name, nil)
		below, _ := tree.MatchBelow(c.name, nil)
		slices.Sort(match)
		slices.Sort(below)
		if !slices.Equal(match, c.match) || !slices.Equal(below, c.below) {
			t.Errorf("%s: Match %q, MatchBelow %q", c.name, match, below)
		}
	}
	for filter, want := range map[string][]string{"#": {"$SYS", "$SYS/a", "b/a"}, "+/a": {"$SYS/a", "b/a"}, "+": {"$SYS"}, "b/a": {"b/a"}} {
		var got []string
		for name := range names.MatchBelow(filter) {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	for _, c := range []struct {
		filter, name string
		match, below bool
	}{{"#", "$SYS/a", false, true}, {"+/a", "$SYS/a", false, true}, {"#", "a", true, true}, {"$SYS/#", "$SYS", true, true}, {"+", "a/b", false, false}} {
		if topic.Match(c.filter, c.name) != c.match || topic.MatchBelow(c.filter, c.name) != c.below {
			t.Errorf("%s and %s: %v, %v", c.filter, c.name, !c.match, !c.below)
		}
	}
}
