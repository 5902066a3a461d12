// Package loopback finds ports for servers that tests start as programs of their own.
//
// A port that the kernel has chosen, and that is free again so that a program can listen there, may be chosen again for
// somebody else before the program has started: with many tests side by side that happens. Two programs are then taken for
// one, and a test fails once in some hundred runs.
//
// Guarantee: until it is released, no other process that asks here is given the port; and the kernel gives it to nobody,
// because it is below those that it chooses from.
//
// Limits: IPv4; a program that insists on just this port gets it. Where the kernel's range begins below 20000 it may choose
// one of ours.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
)

// The ports that are given out. The kernel chooses from 32768 on (net.ipv4.ip_local_port_range).
const (
	lowest = 20000
	number = 12000
)

// Reserve returns a TCP port of 127.0.0.1 at which nobody listens. It is reserved by the UDP port of the same number.
func Reserve() (port int, release func(), err error) {
	for i := range number {
		port = lowest + (os.Getpid()*31+i)%number
		mark, err := net.ListenPacket("udp4", Address(port))
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp4", Address(port))
		if err != nil {
			mark.Close()
			continue
		}
		l.Close()
		return port, func() { mark.Close() }, nil
	}
	return 0, nil, errors.New("no port of 127.0.0.1 is free")
}

// Port reserves a port until the test ends.
func Port(t testing.TB) int {
	t.Helper()
	port, release, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return port
}

// Address is 127.0.0.1:port.
func Address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
