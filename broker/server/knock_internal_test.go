package server

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func address(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }

func TestKnocks(t *testing.T) {
	k := newKnocks(&Limits{AddressRate: 2})
	for i, tc := range []struct {
		at   time.Duration
		from string
		ok   bool
	}{
		{0, "10.0.0.1:1", true}, {0, "10.0.0.1:2", true}, {0, "10.0.0.1:3", true}, // a second's worth, and the one that is due now
		{0, "10.0.0.1:4", false}, {0, "[::ffff:10.0.0.1]:5", false},
		{0, "10.0.0.2:1", true},
		{500 * time.Millisecond, "10.0.0.1:6", true}, {500 * time.Millisecond, "10.0.0.1:7", false},
		{0, "[2001:db8::1]:1", true}, {0, "[2001:db8::2]:1", true}, {0, "[2001:db8::3%eth0]:1", true}, {0, "[2001:db8::4]:1", false},
		{0, "[2001:db8:0:1::1]:1", true},
	} {
		_, ok, _ := k.knock(2*time.Second+tc.at, address(tc.from))
		if ok != tc.ok {
			t.Errorf("%d: %s at %v: let in: %v", i, tc.from, tc.at, ok)
		}
	}
	for range 10 {
		if _, ok, _ := k.knock(0, &net.UnixAddr{Name: "@"}); !ok {
			t.Error("a Unix socket has no address that could come too often")
		}
	}
}

// In all, those who come too fast wait, one after the other.
func TestKnocksInAll(t *testing.T) {
	k := newKnocks(&Limits{ConnectRate: 10})
	var last time.Duration
	for i := range 51 {
		wait, ok, _ := k.knock(10*time.Second, address(fmt.Sprintf("10.0.0.%d:1", i)))
		if !ok || wait < last {
			t.Fatalf("%d: %v after %v, let in: %v", i, wait, last, ok)
		}
		last = wait
	}
	if last != 4*time.Second {
		t.Errorf("the last of 51 waits %v, want 4 s", last)
	}
}

// Strangers with many addresses do not make it grow, and one line in the log stands for all.
func TestKnocksAreBounded(t *testing.T) {
	k := newKnocks(&Limits{AddressRate: 1})
	lines := 0
	for i := range 3 * mostPlaces {
		from := address(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		for range 3 {
			if _, _, news := k.knock(time.Second, from); news {
				lines++
			}
		}
	}
	if len(k.byPlace) > mostPlaces || lines != 1 {
		t.Errorf("%d addresses are remembered, %d lines logged", len(k.byPlace), lines)
	}
	k.knock(time.Hour, address("192.0.2.1:1"))
	if len(k.byPlace) != 1 {
		t.Errorf("%d addresses are remembered an hour later", len(k.byPlace))
	}
}
