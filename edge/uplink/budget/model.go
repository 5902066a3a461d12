package budget

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// What packets cost beside their payload, in bytes. RFC 791, 8200, 9293 and 768; Linux sends timestamps (RFC 7323) unless told not to.
const (
	ipv4       = 20
	ipv6       = 40
	tcpHeader  = 20
	timestamps = 12
	udpHeader  = 8
	synOptions = 20 // of TCP: maximum segment size, SACK permitted, timestamps, window scale
)

// defaultSegment is how much payload a full segment carries, as long as the kernel does not say: 1,500 bytes with IPv4 and timestamps.
const defaultSegment = 1448

// segments is how many packets payload needs.
func segments(bytes, each int64) int64 { return (bytes + each - 1) / each }

// wrote is what payload costs that is sent: its segments, and an acknowledgement for every second one. That of the last comes with the
// answer, if there is one soon.
func wrote(bytes, header, segment int64) int64 {
	n := segments(bytes, segment)
	return bytes + n*header + n/2*header
}

// readCost is what payload costs that is received: its segments, and an acknowledgement for every second one, or for the last.
func readCost(bytes, header, segment int64) int64 {
	n := segments(bytes, segment)
	return bytes + n*header + segments(n, 2)*header
}

// opening is what the three packets cost that begin a connection.
func opening(ip int64) int64 {
	return 2*(ip+tcpHeader+synOptions) + ip + tcpHeader + timestamps
}

// most SYN packets are sent for one attempt (net.ipv4.tcp_syn_retries is 6).
const mostSyn = 7

// synSent is how many SYN packets have been sent when nothing came for so long: after 0, 1, 2, 3, 4 and 5 s (net.ipv4.tcp_syn_linear_timeouts,
// since Linux 6.5; older kernels wait longer), then after twice the wait before.
func synSent(waited time.Duration) int64 {
	n, wait := int64(1), time.Second
	for at := wait; at <= waited && n < mostSyn; at += wait {
		if n++; n > 5 {
			wait *= 2
		}
	}
	return n
}

// failedDial is what an attempt cost that gave no connection, in bytes.
func failedDial(err error, waited time.Duration, ip int64) int64 {
	syn := ip + tcpHeader + synOptions
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return 0 // there was no address; what asked for it was counted packet by packet
	}
	for _, none := range []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENODEV, syscall.EADDRNOTAVAIL, syscall.EPERM, syscall.EACCES} {
		if errors.Is(err, none) {
			return 0 // it never left
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return synSent(waited)*syn + ip + tcpHeader
	}
	if errors.Is(err, context.Canceled) && waited < time.Millisecond {
		return 0
	}
	return synSent(waited) * syn
}
