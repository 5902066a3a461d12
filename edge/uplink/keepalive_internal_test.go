package uplink

import (
	"context"
	"fmt"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/profile"
)

// TestLostOnTheWay: only where nothing has answered a path may be lost.
func TestLostOnTheWay(t *testing.T) {
	for _, test := range []struct {
		cause error
		want  bool
	}{
		{client.ErrTimeout, true},
		{fmt.Errorf("%w (%w): nothing was acknowledged", errSilent, client.ErrTimeout), true},
		{fmt.Errorf("%w: reset", client.ErrLost), true},
		{fmt.Errorf("%w: the server has everything and acknowledges nothing", client.ErrTimeout), false},
		{&client.Disconnected{Code: packet.ServerShuttingDown}, false},
		{client.ErrClosed, false},
		{context.Canceled, false},
		{nil, false},
	} {
		if got := lostOnTheWay(test.cause); got != test.want {
			t.Errorf("%v: %v", test.cause, got)
		}
	}
}

// TestNotDialledYet: a link whose interval is to be learned is not said to have a fixed one before it is dialled.
func TestNotDialledYet(t *testing.T) {
	k := &keeper{wanted: config.KeepAlive{Min: 2 * time.Minute, Max: 28 * time.Minute}, answer: answerTime}
	if s := k.status(); s.Learned == nil || s.Ping < 2*time.Minute || s.Ping > 4*time.Minute {
		t.Errorf("%+v", s)
	}
	k.wanted.Max = k.wanted.Min
	if s := k.status(); s.Learned != nil || s.Ping != 2*time.Minute {
		t.Errorf("%+v", s)
	}
}

// TestKeepAliveOfServers: CONNECT asks for the longest that a known server takes, and else for no more than what may be learned needs: the
// Will would be late for nothing. What is learned stays below it from the beginning.
func TestKeepAliveOfServers(t *testing.T) {
	for _, test := range []struct {
		profile           string
		connect, greatest time.Duration
	}{
		{"generic", 28*time.Minute + 34*time.Second, 28 * time.Minute},
		{"aws-iot", 1200 * time.Second, 1170 * time.Second},
		{"azure-iot", 1177 * time.Second, 1147 * time.Second},
	} {
		u := &Uplink{profile: profile.Of(test.profile)}
		w := &way{Link: config.Link{KeepAlive: config.KeepAlive{Min: 2 * time.Minute, Max: 28 * time.Minute}}}
		k := w.newKeeper(u, Options{})
		if asked, l := k.ask().Truncate(time.Second), k.status().Learned; asked != test.connect || l.Ceiling != test.greatest {
			t.Errorf("%s: asks for %v and may learn up to %v, want %v and %v", test.profile, asked, l.Ceiling, test.connect, test.greatest)
		}
	}
}
