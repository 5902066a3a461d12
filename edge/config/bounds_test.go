package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"skerry/edge/config"
)

// A file of less than 1 MiB can name a long text as often as it likes: what is kept of it, and said of it, is bounded.
func TestRepeatedText(t *testing.T) {
	long := strings.Repeat("v", 400_000)
	var names, aliases strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&names, "    x%d: 1\n", i)
		fmt.Fprintf(&aliases, "  s%d: {class: *x}\n", i)
	}
	for name, file := range map[string]string{
		"alias of a long text": "gateway: {id: &x " + long + "}\nstreams:\n" + aliases.String(),
		"keys below a name":    "streams:\n  " + long + ":\n" + names.String(),
		"merged long keys":     "gateway: &m {" + long + ": 1}\nstreams:\n" + strings.ReplaceAll(aliases.String(), "class: *x", "<<: *m"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.LoadBytes("skerry.yaml", []byte(file), testKinds())
			wrong, ok := errors.AsType[config.Errors](err)
			if !ok {
				t.Fatalf("LoadBytes: %.200v, want Errors", err)
			}
			kept := 0
			for _, e := range wrong {
				kept += len(e.Key) + len(e.Problem)
			}
			if kept > 64<<20 {
				t.Errorf("errors of %d bytes, from a file of %d", kept, len(file))
			}
		})
	}
}

// TestManyDerived: what expressions cost is bounded, whatever a file has of them.
func TestManyDerived(t *testing.T) {
	var values, rules strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&values, "      d%d: {derive: temperature + %d}\n", i, i)
		fmt.Fprintf(&rules, "  a%d: {when: out.temperature > %d}\n", i, i)
	}
	file := "sensors:\n  out:\n    driver: air\n    values:\n      temperature: {}\n" + values.String()
	for text, want := range map[string]string{
		file: "more than 1000 values are derived",
		"sensors: {out: {driver: air}}\nalarms:\n" + rules.String(): "alarms: has more than 256 alarms",
	} {
		if _, err := config.LoadBytes("skerry.yaml", []byte(text), testKinds()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %.200v, want %s", err, want)
		}
	}
}
