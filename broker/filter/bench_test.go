package filter_test

import (
	"testing"

	"skerry/broker/filter"
)

func BenchmarkHolds(b *testing.B) {
	for _, tc := range []struct{ name, when, payload string }{
		{"number", "value > 30", "31.5"},
		{"topic", `topic endsWith "x"`, "31.5"},
		{"not a number", "value > 30", "warm"},
		{"JSON", "value > 30", `{"value":31.5,"unit":"°C","time":"2026-11-29T13:00:00Z"}`},
		{"JSON member", `data.unit == "°F"`, `{"value":31.5,"unit":"°C","time":"2026-11-29T13:00:00Z"}`},
		{"CBOR", "value > 30", "\xa2\x65value\xfb\x40\x3f\x80\x00\x00\x00\x00\x00\x62on\xf5"},
		{"list of 1000", "any(data, # > 3)", "[" + bombList(1000) + "1]"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			x := compile(b, tc.when)
			var s filter.Subject
			payload := []byte(tc.payload)
			b.ReportAllocs()
			for b.Loop() {
				s.Set("site/gateway/air/temperature", payload, nil, 0, false, 0)
				x.Holds(&s)
				s.Clear()
			}
		})
	}
}

func bombList(n int) string {
	list := make([]byte, 0, 2*n)
	for range n - 1 {
		list = append(list, "1,"...)
	}
	return string(list)
}
