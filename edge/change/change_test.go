package change_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fxamacker/cbor/v2"

	"skerry/broker/filter"
	"skerry/broker/packet"
	"skerry/edge/change"
)

// said asks a detector about a payload.
func said(d *change.Detector, topic, payload string) bool {
	s := new(filter.Subject)
	s.Set(topic, []byte(payload), nil, 1, false, 0)
	return d.Holds(s)
}

func TestChange(t *testing.T) {
	const air = `{"value":21.53,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`
	for _, c := range []struct {
		name        string
		options     change.Options
		first, then string
		want        bool
	}{
		{"the same", change.Options{}, air, air, false},
		{"another time", change.Options{}, air, strings.Replace(air, "04:16", "04:17", 1), false},
		{"another value", change.Options{}, air, strings.Replace(air, "21.53", "21.54", 1), true},
		{"another quality", change.Options{}, air, strings.Replace(air, `,"time"`, `,"quality":"stale","time"`, 1), true},
		{"no value any more", change.Options{}, air, strings.Replace(air, "21.53", "null", 1), true},
		{"within the deadband", change.Options{Deadband: 0.1}, air, strings.Replace(air, "21.53", "21.6", 1), false},
		{"outside the deadband", change.Options{Deadband: 0.1}, air, strings.Replace(air, "21.53", "21.64", 1), true},
		{"a bare number", change.Options{}, "21.5", "21.50", false},
		{"another bare number", change.Options{}, "21.5", "21.6", true},
		{"a text", change.Options{}, "ON", "ON", false},
		{"another text", change.Options{}, "ON", "OFF", true},
		{"members in another order", change.Options{}, `{"a":1,"b":2}`, `{"b":2,"a":1}`, false},
		{"values that have changed places", change.Options{}, `{"a":1,"b":2}`, `{"a":2,"b":1}`, true},
		{"a member inside", change.Options{}, `{"values":{"t":{"value":1,"time":"x"}}}`, `{"values":{"t":{"value":1,"time":"y"}}}`, false},
		{"other members that do not count", change.Options{Ignore: []string{"ts", "n"}}, `{"ts":1,"v":2,"n":3}`, `{"ts":9,"v":2,"n":4}`, false},
		{"the time counts if others are named", change.Options{Ignore: []string{"n"}}, `{"time":1}`, `{"time":2}`, true},
		{"a list and a text like it", change.Options{}, `{"a":["b"]}`, `{"a":"b"}`, true},
		{"a list divided otherwise", change.Options{}, `[["a"],["b"]]`, `[["a","b"]]`, true},
		{"true and false", change.Options{}, `{"a":true}`, `{"a":false}`, true},
		{"empty", change.Options{}, "", "", true},
		{"no JSON", change.Options{}, `{"a":`, `{"a": `, true},
	} {
		d := change.NewDetector(c.options)
		if !said(d, "a", c.first) {
			t.Errorf("%s: the first message did not pass", c.name)
		}
		if !said(d, "b", c.then) {
			t.Errorf("%s: the first message of another topic did not pass", c.name)
		}
		if got := said(d, "a", c.then); got != c.want {
			t.Errorf("%s: %s after %s passes: %v", c.name, c.then, c.first, got)
		}
	}
}

// A number is compared with the one that passed: what creeps is seen.
func TestDrift(t *testing.T) {
	d := change.NewDetector(change.Options{Deadband: 1})
	var passed []int
	for i := range 50 {
		if said(d, "a", fmt.Sprint(float64(i)/10)) {
			passed = append(passed, i)
		}
	}
	if want := "[0 11 22 33 44]"; fmt.Sprint(passed) != want {
		t.Errorf("passed at %v, want %s", passed, want)
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := change.NewDetector(change.Options{Heartbeat: time.Hour})
		passed := 0
		for range 24 * 60 {
			if said(d, "a", "1") {
				passed++
			}
			time.Sleep(time.Minute)
		}
		if passed != 24 {
			t.Errorf("%d messages passed in a day", passed)
		}
	})
}

func TestCBOR(t *testing.T) {
	d := change.NewDetector(change.Options{})
	ask := func(v any) bool {
		b, err := cbor.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		s := new(filter.Subject)
		s.Set("a", b, packet.Properties(nil).AppendString(packet.ContentType, "application/cbor"), 0, false, 0)
		return d.Holds(s)
	}
	for i, c := range []struct {
		v    any
		want bool
	}{
		{map[string]any{"value": 1.5, "time": 1}, true},
		{map[string]any{"value": 1.5, "time": 2}, false},
		{map[string]any{"value": 1.6, "time": 2}, true},
	} {
		if got := ask(c.v); got != c.want {
			t.Errorf("message %d passes: %v", i, got)
		}
	}
}

// What is remembered is bounded, whatever is published; what was forgotten passes once more.
func TestBounded(t *testing.T) {
	d := change.NewDetector(change.Options{})
	long := strings.Repeat("x", 1000)
	for i := range 3 * change.MaxBytes / 1000 {
		said(d, long+fmt.Sprint(i), "1")
	}
	if n := d.Bytes(); n > change.MaxBytes || n < change.MaxBytes/2 {
		t.Errorf("%d bytes are remembered", n)
	}
	if big := "[" + strings.TrimSuffix(strings.Repeat("1,", 1000), ",") + "]"; !said(d, "big", big) || said(d, "big", big) {
		t.Error("a payload of a thousand numbers")
	}
}

func TestManyAtOnce(t *testing.T) {
	d := change.NewDetector(change.Options{})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				said(d, fmt.Sprint((g+i)%7), fmt.Sprint(i))
			}
		})
	}
	all.Wait()
}

func FuzzDetector(f *testing.F) {
	f.Add(`{"value":1,"time":2}`, `{"value":2}`)
	f.Add("1", "1.0")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, x, y string) {
		d := change.NewDetector(change.Options{})
		if !said(d, "a", x) {
			t.Error("the first message did not pass")
		}
		if said(d, "a", x) != (x == "") {
			t.Errorf("%q is not the same as itself", x)
		}
		if said(d, "a", y); y != "" && said(d, "a", y) {
			t.Errorf("%q is not the same as itself", y)
		}
	})
}

// What did not arrive passes once more.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := change.NewDetector(change.Options{})
		ask := func(topic string, qos byte) bool {
			s := new(filter.Subject)
			s.Set(topic, []byte("1"), nil, qos, false, 0)
			return d.Holds(s)
		}
		all := func() (passed string) {
			for i, topic := range []string{"a", "b", "c"} {
				if ask(topic, byte(i)) {
					passed += topic
				}
			}
			return passed
		}
		step := func(what, want string) {
			t.Helper()
			if got := all(); got != want {
				t.Errorf("%s: %q passed, want %q", what, got, want)
			}
		}
		step("first", "abc")
		step("again", "")
		d.Forget("b")
		step("b is forgotten", "b")
		d.ForgetUnsure(time.Now().Add(time.Second))
		step("nothing is doubted", "")
		time.Sleep(time.Second)
		d.ForgetUnsure(time.Now().Add(-time.Second))
		step("what was sent with QoS 0 is doubted", "a")
		d.ForgetAll()
		if n := d.Bytes(); n != 0 {
			t.Errorf("%d bytes are remembered of nothing", n)
		}
		step("all is forgotten", "abc")
		s := new(filter.Subject)
		s.Set("a", []byte("1"), nil, 1, true, 0)
		if !d.Stored(s) {
			t.Error("a stored message did not pass")
		}
	})
}
