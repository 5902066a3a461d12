package mapping_test

import (
	"testing"
	"time"

	"skerry/edge/mapping"
)

func TestResolve(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 250e6, time.UTC)
	for in, want := range map[string]string{
		`{"value":21.5,"unit":"°C","time":"1970-01-01T00:01:00.500Z","quality":"clock-unset"}`:                                                                             `{"value":21.5,"unit":"°C","time":"2026-05-01T12:00:00.250Z"}`,
		`{"time":"1970-01-01T00:01:00.500Z","values":{"a":{"value":1,"quality":"clock-unset"},"b":{"value":2,"time":"1970-01-01T00:00:59.500Z","quality":"clock-unset"}}}`: `{"time":"2026-05-01T12:00:00.250Z","values":{"a":{"value":1},"b":{"value":2,"time":"2026-05-01T11:59:59.250Z"}}}`,
		`{"value":"\"time\":\"","time":"1970-01-01T00:00:00.000Z"}`:                                                                                                        `{"value":"\"time\":\"","time":"2026-05-01T12:00:00.250Z"}`,
		`21.5`:               ``,
		`{"time":"1970-01"}`: ``,
		`{"time":"yesterday, before the sun rose"}`: ``,
		``: ``,
	} {
		if got := mapping.Resolve([]byte(in), at); string(got) != want {
			t.Errorf("%s\nis   %s\nwant %s", in, got, want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add([]byte(`{"time":"1970-01-01T00:01:00.500Z","values":{"a":{"value":1,"quality":"clock-unset"},"b":{"time":"`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		out := mapping.Resolve(payload, at)
		if first, ok := mapping.Time(out); out != nil && (!ok || !first.Equal(at)) {
			t.Errorf("%q became %q", payload, out)
		}
	})
}
