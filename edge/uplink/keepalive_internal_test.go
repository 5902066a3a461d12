package uplink

import (
	"context"
	"fmt"
	"testing"

	"skerry/broker/client"
	"skerry/broker/packet"
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
