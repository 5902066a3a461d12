package uplink

import (
	"context"
	"errors"
	"net"
	"syscall"

	"skerry/broker/client"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/road"
)

// handshakeError says that TCP has stood, and TLS has come to nothing on it.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS: " + e.err.Error() }

// Unwrap gives the reason.
func (e *handshakeError) Unwrap() error { return e.err }

// opened tells whether TCP has stood in an attempt that ended with an error.
func opened(err error) bool {
	_, yes := errors.AsType[*handshakeError](err)
	return yes
}

// faultOf tells whose fault an error is: that of the link if nothing has answered, that of the Server, or of whoever speaks in its place,
// if something has. Another link helps against the former.
func faultOf(err error) road.Fault {
	var dns *net.DNSError
	var bind *interfaces.BindError
	switch {
	case err == nil:
		return road.None
	case errors.Is(err, errMute):
		return road.Mute
	case errors.As(err, &dns), errors.As(err, &bind),
		errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return road.Way
	}
	for _, number := range []syscall.Errno{syscall.ETIMEDOUT, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENODEV, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, number) {
			return road.Way
		}
	}
	return road.Server
}
