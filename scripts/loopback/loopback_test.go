package loopback_test

import (
	"net"
	"testing"

	"skerry/scripts/loopback"
)

func TestPortsAreReserved(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := loopback.Port(t)
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", loopback.Address(port))
		if err != nil {
			t.Fatalf("reserved, and yet nobody can listen there: %v", err)
		}
		l.Close()
	}
}

func TestPortInUseIsNotGiven(t *testing.T) {
	port, release, err := loopback.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", loopback.Address(port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	release()
	for range 20 {
		if other := loopback.Port(t); other == port {
			t.Fatalf("port %d was given though somebody listens there", port)
		}
	}
}
