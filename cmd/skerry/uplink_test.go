package main

import (
	"strings"
	"testing"

	"skerry/edge/control"
)

// TestHeadline: a round trip that nobody knows is left out.
func TestHeadline(t *testing.T) {
	u := control.Uplink{Online: true, For: 60, Server: "tcp://up.example:1883", Link: "lte", Version: "5.0"}
	if got := headline(&u); strings.Contains(got, "round trip") {
		t.Error(got)
	}
	u.RoundTrip = 0.6
	if got := headline(&u); !strings.HasSuffix(got, ", round trip 600ms") {
		t.Error(got)
	}
}
