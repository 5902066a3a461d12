package topic_test

import (
	"errors"
	"strings"
	"testing"

	"skerry/broker/topic"
)

func TestValidName(t *testing.T) {
	deep := strings.Repeat("a/", topic.MaxLevels-1) + "a"
	for _, tc := range []struct {
		name  string
		topic string
		valid bool
	}{
		{"one level", "a", true},
		{"levels", "site/gateway/air/temperature", true},
		{"space and empty levels", "/a b//", true},
		{"only a slash", "/", true},
		{"leading dollar", "$SYS/broker", true},
		{"not ASCII", "Brücke/水", true},
		{"deepest", deep, true},
		{"empty [MQTT-4.7.3-1]", "", false},
		{"plus [MQTT-3.3.2-2]", "a/+/b", false},
		{"hash [MQTT-3.3.2-2]", "a#", false},
		{"null character [MQTT-4.7.3-2]", "a\x00b", false},
		{"not UTF-8 [MQTT-1.5.4-1]", "a\xff", false},
		{"surrogate [MQTT-1.5.4-1]", "a\xed\xa0\x80", false},
		{"too long [MQTT-4.7.3-3]", strings.Repeat("a", topic.MaxLength+1), false},
		{"longest", strings.Repeat("a", topic.MaxLength), true},
		{"too deep", deep + "/a", false},
	} {
		t.Run(tc.name, func(t *testing.T) { check(t, topic.ValidName(tc.topic), tc.valid) })
	}
}

func TestValidFilter(t *testing.T) {
	for _, tc := range []struct {
		filter string
		valid  bool
	}{
		{"#", true}, {"+", true}, {"a/#", true}, {"/#", true}, {"+/+/#", true}, {"+/a/+", true}, {"/", true}, {"a", true},
		{"$SYS/#", true}, {"$share/group/a/#", true}, {"$share/g/+", true}, {"$shared/a", true},
		{"", false}, {"a#", false}, {"a/#/b", false}, {"#/", false}, {"a+", false}, {"+a/b", false}, {"a/b+/c", false}, {"##", false}, {"++", false},
		{"a\x00", false}, {"a/\xff", false},
		{"$share", false}, {"$share/", false}, {"$share/g", false}, {"$share/g/", false}, {"$share//a", false},
		{"$share/+/a", false}, {"$share/g#/a", false}, {"$share/g/a#", false},
		{strings.Repeat("+/", topic.MaxLevels) + "a", false},
	} {
		t.Run(tc.filter, func(t *testing.T) { check(t, topic.ValidFilter(tc.filter), tc.valid) })
	}
}

func check(t *testing.T, err error, valid bool) {
	t.Helper()
	if valid && err != nil {
		t.Fatalf("refused: %v", err)
	}
	if !valid && !errors.Is(err, topic.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
}

func TestParseShared(t *testing.T) {
	share, filter, err := topic.ParseShared("$share/pumps/site/+/pump")
	if err != nil || share != "pumps" || filter != "site/+/pump" {
		t.Fatalf("got %q %q %v", share, filter, err)
	}
	if share, filter, err = topic.ParseShared("$share/g//finance"); err != nil || share != "g" || filter != "/finance" {
		t.Fatalf("got %q %q %v", share, filter, err)
	}
	if _, _, err := topic.ParseShared("share/g/a"); err == nil {
		t.Fatal("an ordinary filter was taken for a shared one")
	}
	for filter, shared := range map[string]bool{"$share/g/a": true, "$share": true, "$shared/a": false, "a/$share/g": false} {
		if topic.IsShared(filter) != shared {
			t.Errorf("IsShared(%q) = %v", filter, !shared)
		}
	}
}

func TestTooDeepIsABoundOfOurs(t *testing.T) {
	if err := topic.ValidFilter(strings.Repeat("a/", topic.MaxLevels) + "#"); !errors.Is(err, topic.ErrTooDeep) || !errors.Is(err, topic.ErrInvalid) {
		t.Errorf("too many levels: %v", err)
	}
	for _, filter := range []string{"", "a#", "a+/b", "a/#/b", "a\x00", "\xff", "$share//t"} {
		if err := topic.ValidFilter(filter); errors.Is(err, topic.ErrTooDeep) || !errors.Is(err, topic.ErrInvalid) {
			t.Errorf("%q: %v", filter, err)
		}
	}
}
