package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// broker resolves the local Server. Without listeners it is reachable from this machine alone, and by everybody on it.
func (d *decoder) broker(b Broker) Broker {
	d.existing("broker.users_file", &b.UsersFile, false, "`skerry user add FILE NAME` makes it; the path starts in the folder of this file")
	if !d.given("broker.listeners") {
		b.Listeners = []Listener{{Name: "local", TCP: "127.0.0.1:1883", Anonymous: true}}
		return b
	}
	for i := range b.Listeners {
		l := &b.Listeners[i]
		at := below("broker.listeners", l.Name)
		if !d.sound(at) {
			continue
		}
		if l.TCP == "" {
			d.fail(at, "names no address", `{tcp: "127.0.0.1:1883"}`)
			continue
		}
		d.address(at+".tcp", l.TCP)
		d.serverTLS(at+".tls", l.TLS)
		d.admission(at, *l, b)
		d.collisions(at, b.Listeners[:i], *l)
	}
	return b
}

// address checks what a listener listens at: an address of this machine, or none for all of them.
func (d *decoder) address(key, address string) {
	const hint = `"127.0.0.1:1883" for this machine alone, ":1883" for all its addresses`
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		d.fail(key, fmt.Sprintf("%q is not an address with a port", address), hint)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		d.fail(key, fmt.Sprintf("%q is not a port", port), "1883, or 8883 with tls")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		d.fail(key, fmt.Sprintf("%q is not an IP address of this machine", host), hint)
	}
}

// loopback reports whether only this machine can reach an address.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Local reports whether only programs on this machine can reach the listener.
func (l Listener) Local() bool { return loopback(l.TCP) }

// admission refuses a listener through which nobody could come in. That it lets in everybody must be said.
func (d *decoder) admission(at string, l Listener, b Broker) {
	if l.Anonymous || b.UsersFile != "" || d.given("broker.users_file") {
		return
	}
	hint := "anonymous: true lets in every program of this machine"
	if !l.Local() {
		hint = "give broker.users_file, made by `skerry user add FILE NAME`; anonymous: true would let in everybody on the network"
	}
	d.fail(at, "lets nobody in", hint)
}

func (d *decoder) collisions(at string, others []Listener, l Listener) {
	for _, o := range others {
		if sameAddress(o.TCP, l.TCP) {
			d.fail(at+".tcp", fmt.Sprintf("is the address of listener %s too", o.Name), "give each its own port")
			return
		}
	}
}

// sameAddress reports whether two addresses cannot be listened at together.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	portNumberA, _ := strconv.Atoi(portA)
	portNumberB, _ := strconv.Atoi(portB)
	if errA != nil || errB != nil || portNumberA != portNumberB || portNumberA == 0 {
		return false
	}
	return covers(hostA, hostB) || covers(hostB, hostA)
}

// covers reports whether listening at host a takes b too.
func covers(a, b string) bool {
	ipA, ipB := hostIP(a), hostIP(b)
	switch {
	case a == "" || ipA == netip.IPv6Unspecified():
		return true
	case ipA == netip.IPv4Unspecified():
		return ipB.Is4()
	}
	return ipA == ipB
}

func hostIP(host string) netip.Addr {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, _ := netip.ParseAddr(host)
	return ip.Unmap()
}
