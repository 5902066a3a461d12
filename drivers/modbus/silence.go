package modbus

import (
	"fmt"
	"time"
)

// silence is a request without a reply, and what came instead.
type silence struct {
	timeout time.Duration
	bytes   int    // that came, whatever they were
	strays  uint64 // replies to other requests, or of other devices
	echo    bool   // the adapter hears itself
	tcp     bool
	torn    bool // over TCP: a part of a message is through
}

func (e *silence) Error() string {
	switch {
	case e.tcp && e.bytes > 0:
		return fmt.Sprintf("%d bytes and no whole reply in %v; a slow device or network needs a longer `timeout`", e.bytes, e.timeout)
	case e.tcp:
		return fmt.Sprintf("no reply within %v; check unit_id, and behind a gateway the wires of the device", e.timeout)
	case e.strays > 0:
		return fmt.Sprintf("%d replies in %v, none to this request; is another master on the line, or are two devices set to one unit_id? "+
			"A slow device needs a longer `timeout`", e.strays, e.timeout)
	case e.bytes > 0:
		return fmt.Sprintf("%d bytes and no whole reply in %v; check baud and parity of the bus, the termination of the line, and other devices with this unit_id",
			e.bytes, e.timeout)
	case e.echo:
		return fmt.Sprintf("no reply within %v, the adapter only hears itself; check unit_id and the wires A and B", e.timeout)
	}
	return fmt.Sprintf("no reply within %v; check its supply, unit_id, the wires A and B (swap them), baud and parity of the bus", e.timeout)
}

// held says that a request was not sent, as the reply could be taken for another one.
type held struct{ wait time.Duration }

func (e *held) Error() string {
	return fmt.Sprintf("a late reply could be taken for that to the next request, which waits for %v", e.wait.Round(time.Millisecond))
}
