package config_test

import (
	"encoding"
	"fmt"
	"testing"
	"time"

	"skerry/edge/config"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "15min": 15 * time.Minute, "7d": 7 * 24 * time.Hour, "1h30min": 90 * time.Minute, "0s": 0,
		"500ms": 500 * time.Millisecond, "1.5h": 90 * time.Minute, "0.1s": 100 * time.Millisecond,
	} {
		if got, err := config.ParseDuration(text); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "30", "30 s", "-1s", "1e3s", "30sec", "1h30", "s30", "1h-30min", "NaNs", "0x10s", "1_0s", "15m", "300000d"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"30s": 30 * time.Second, "90min": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "1500ms": 1500 * time.Millisecond,
		"0s": 0, "1.5µs": 1500 * time.Nanosecond,
	} {
		if got := config.FormatDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"340B": 340, "50MB": 50_000_000, "1kB": 1000, "1KB": 1000, "256KiB": 256 << 10, "1.5GiB": 3 << 29, "2TiB": 2 << 40,
	} {
		var got config.Size
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for want, size := range map[string]config.Size{"256KiB": 256 << 10, "1000B": 1000, "0B": 0, "1536MiB": 3 << 29} {
		if got := size.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestNoLiteral gives every kind of literal texts that it must refuse.
func TestNoLiteral(t *testing.T) {
	for name, test := range map[string]struct {
		value encoding.TextUnmarshaler
		texts []string
	}{
		"size":           {new(config.Size), []string{"", "1", "B", "1 B", "1mb", "-1B", "1KiB2", "1e300TiB", "1MB/month"}},
		"length":         {new(config.Length), []string{"", "m", "1", "1km", "1 m", "infm"}},
		"range":          {new(config.Range), []string{"", "1", "..", "1..", "..2", "1...2", "2..1", "a..b", "1..NaN", "1..2..3"}},
		"duration range": {new(config.DurationRange), []string{"", "5s", "..", "5s..", "5..6", "6s..5s"}},
		"deadband":       {new(config.Deadband), []string{"", "%", "-1", "1 %", "1%%", "inf", "1K"}},
		"stale":          {new(config.StaleAfter), []string{"", "5", "x", "0x", "0.9x", "-5x", "1e9x", "0s", "NaNx", "always"}},
		"rate":           {new(config.Rate), []string{"", "5", "/s", "5/", "5/d", "5 /s", "-1/s", "5/s/s", "5B/s"}},
		"byte rate":      {new(config.ByteRate), []string{"", "5/s", "1KiB", "1KiB/d", "/s", "1KiB/s/s"}},
		"version":        {new(config.Version), []string{"", "3", "3.1", "4", "6", "v5"}},
	} {
		for _, text := range test.texts {
			if err := test.value.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("%s: %q is taken for %v", name, text, test.value)
			}
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]config.Rate{"20/s": 20, "90/min": 1.5, "1/h": 1.0 / 3600, "0.5/s": 0.5, "0/s": 0} {
		var got config.Rate
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", text, float64(got), err, float64(want))
		}
	}
	for text, want := range map[string]config.ByteRate{"64KiB/s": 65536, "1.2kB/min": 20, "3600B/h": 1} {
		var got config.ByteRate
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", text, float64(got), err, float64(want))
		}
	}
	for want, rate := range map[string]fmt.Stringer{"20/s": config.Rate(20), "90/min": config.Rate(1.5), "1/h": config.Rate(1.0 / 3600),
		"64KiB/s": config.ByteRate(65536), "100B/min": config.ByteRate(100.0 / 60), "0.000123/s": config.Rate(0.000123)} {
		if got := rate.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRangeContains(t *testing.T) {
	r := config.Range{Min: -40, Max: 60}
	for x, want := range map[float64]bool{-40: true, 60: true, 0: true, -40.1: false, 61: false} {
		if r.Contains(x) != want {
			t.Errorf("%v: %v", x, !want)
		}
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"tls://broker.example.org": "tls://broker.example.org:8883", "mqtt://h:1": "tcp://h:1", "tcp://[fe80::1]": "tcp://[fe80::1]:1883",
		"ssl://10.0.0.1:443/": "tls://10.0.0.1:443",
	} {
		if got, err := config.ParseServer(text); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "h", "h:1", "://h", "tls://", "tls://h:0", "tls://h:65536", "tls://h:-1", "tls://a b", "tls://h/x",
		"tls://h?x", "tls://::1", "tls://[h", "tls://[::1", "TLS://h", "wss://h", "tls://u:p@h"} {
		if got, err := config.ParseServer(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// TestOverlap compares pairs of filters, both ways round.
func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"#", "a/b", true}, {"a/#", "a", true}, {"a/#", "b", false}, {"a/+", "+/b", true}, {"a/+", "a", false}, {"a/b", "a/b", true},
		{"a/b", "a/c", false}, {"a/+/c", "a/b/#", true}, {"a/+/c", "a/b", false}, {"+/#", "a", true}, {"#", "$SYS/a", false},
		{"$SYS/#", "$SYS/a", true}, {"+", "a/b", false}, {"a/", "a", false}, {"a/+", "a/", true}, {"/#", "a", false}, {"+/+", "/", true},
	} {
		if config.Overlap(test.a, test.b) != test.want || config.Overlap(test.b, test.a) != test.want {
			t.Errorf("%s and %s: want %v", test.a, test.b, test.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	keys := []string{"path", "commit_window", "user", "password_file"}
	for word, want := range map[string]string{
		"pth": "did you mean path?", "paht": "did you mean path?", "PATH": "did you mean path?", "comit_window": "did you mean commit_window?",
		"password": "did you mean password_file?", "username": "did you mean user?", "zebra": "allowed: path, commit_window, user, password_file",
		"": "allowed: path, commit_window, user, password_file",
	} {
		if got := config.Suggest(word, keys); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, test := range []struct{ host, serial, want string }{
		{"raspberrypi", "10000000abcdef01\x00", "raspberrypi-abcdef01"},
		{"station.example.org", "", "station"},
		{"", "", "skerry"},
		{"", "0000", "skerry"},
		{"höhe/1", "00000000000000007", "hhe1-7"},
	} {
		if got := config.Identity(test.host, test.serial); got != test.want {
			t.Errorf("%q, %q: got %s, want %s", test.host, test.serial, got, test.want)
		}
	}
}
