package main

import (
	"os"
	"testing"
)

// TestServers runs the servers that start fast: what needs a minute is for make interop.
func TestServers(t *testing.T) {
	s := &settings{n: 160, brief: true}
	if testing.Short() {
		s.n = 80
	}
	for _, c := range candidates(s) {
		if c.program != "nats-server" && c.name != "mosquitto" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if why := c.missing(); why != "" {
				if os.Getenv("SKERRY_NO_SKIP") == "1" {
					t.Fatal(why)
				}
				t.Skip(why)
			}
			r, err := try(t.Context(), s, c)
			if err == nil {
				err = r.verdict(c)
			}
			if err != nil {
				t.Error(err)
			}
			if r != nil {
				r.print(t.Output())
			}
		})
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		got  []string
		n    int
		want tally
	}{
		{nil, 3, tally{lost: 3}},
		{[]string{"0", "1", "2"}, 3, tally{}},
		{[]string{"0", "2", "1", "1", "x", "7"}, 4, tally{lost: 1, twice: 1, late: 1}},
		{[]string{"0", "1", "0", "1", "2"}, 3, tally{twice: 2}},
	}
	for _, test := range tests {
		if got := judge(test.got, test.n); got != test.want {
			t.Errorf("%q: %v, want %v", test.got, got, test.want)
		}
	}
}
