package filter_test

import (
	"runtime"
	"strings"
	"testing"

	"skerry/broker/filter"
)

// No expression makes a text grow beyond what a payload may have, however it is put together.
func TestTextsDoNotGrow(t *testing.T) {
	for _, source := range []string{
		`let a = payload + payload; let b = a + a; let c = b + b; let d = c + c; let e = d + d; let f = e + e; let g = f + f; let h = g + g; len(h + h) > 0`,
		`any(data, let a = payload + payload; let b = a + a; let c = b + b; let d = c + c; len(d + d) < 0)`,
	} {
		x, err := filter.Compile(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		var s filter.Subject
		s.Set("t", []byte("["+strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 50)+`",`, 1000), ",")+"]"), nil, 0, false, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		holds, err := x.Check(&s)
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; holds || err == nil || made > 2<<20 {
			t.Errorf("%s: %v, %v, %d bytes", source, holds, err, made)
		}
	}
}

// Adding is for numbers and for short texts.
func TestAdding(t *testing.T) {
	for source, want := range map[string]bool{
		`value + 1 > 31`: true, `1 + value + 0.5 == 32.5`: true, `topic + "/x" == "t/x"`: true, `"a" + topic matches "^at$"`: true, `qos + size > 20`: false,
		`topic + value == "x"`: false, `value + nil == 3`: false, `len(levels) + 1 == 2`: true,
	} {
		x, err := filter.Compile(source)
		if err != nil {
			if source != `value + nil == 3` {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		var s filter.Subject
		s.Set("t", []byte(`{"value":31}`), nil, 0, false, 0)
		if got := x.Holds(&s); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}
