package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	usersHint = "`skerry user add FILE NAME` makes it; the path starts in the folder of this file"
	aclHint   = "docs/access.md says what stands in it; the path starts in the folder of this file"
	scramHint = "`skerry user scram add FILE NAME` makes it; the path starts in the folder of this file"
)

// broker resolves the local Server. Without listeners it is reachable from this machine alone, and by everybody on it.
func (d *decoder) broker(b Broker) Broker {
	d.existing("broker.users_file", &b.UsersFile, false, usersHint)
	d.existing("broker.acl_file", &b.ACLFile, false, aclHint)
	d.existing("broker.scram_file", &b.ScramFile, false, scramHint)
	d.queue("broker.limits.queue", b.Limits.Queue)
	d.metrics("broker.metrics", b.Metrics)
	if !d.given("broker.listeners") {
		b.Listeners = []Listener{{Name: "local", TCP: "127.0.0.1:1883", Anonymous: true,
			UsersFile: b.UsersFile, ACLFile: b.ACLFile, ScramFile: b.ScramFile}}
		return b
	}
	for i := range b.Listeners {
		l := &b.Listeners[i]
		at := below("broker.listeners", l.Name)
		if !d.sound(at) {
			continue
		}
		if !d.listener(at, l) {
			continue
		}
		l.Limits = l.Limits.over(b.Limits)
		d.redirection(at, *l)
		d.accessFiles(at, l, b)
		d.admission(at, *l)
		d.collisions(at, b.Listeners[:i], *l)
	}
	return b
}

// address checks what a listener listens at: an address of this machine, or none for all of them.
func (d *decoder) address(key, address, usual, secure string) {
	hint := fmt.Sprintf(`"127.0.0.1:%s" for this machine alone, ":%[1]s" for all its addresses`, usual)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		d.fail(key, fmt.Sprintf("%q is not an address with a port", address), hint)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		ports := usual
		if secure != "" {
			ports += ", or " + secure + " with tls"
		}
		d.fail(key, fmt.Sprintf("%q is not a port", port), ports)
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
func (l Listener) Local() bool { return l.Unix != "" || loopback(l.Address()) }

// Address is where it listens: host:port, or the path of a socket.
func (l Listener) Address() string { return cmp.Or(l.TCP, l.HTTP, l.Unix) }

// Kind is the key that says how it is reached.
func (l Listener) Kind() string {
	switch {
	case l.HTTP != "":
		return "http"
	case l.Unix != "":
		return "unix"
	}
	return "tcp"
}

// ByCertificate reports whether the certificate of a client says who it is.
func (l Listener) ByCertificate() bool {
	return l.TLS != nil && l.TLS.ClientCA != "" && l.TLS.Identity != NoIdentity
}

// accessFiles resolves the listener's own files; without them those of the broker count.
func (d *decoder) accessFiles(at string, l *Listener, b Broker) {
	d.existing(at+".users_file", &l.UsersFile, false, usersHint)
	d.existing(at+".acl_file", &l.ACLFile, false, aclHint)
	d.existing(at+".scram_file", &l.ScramFile, false, scramHint)
	l.UsersFile, l.ACLFile, l.ScramFile = cmp.Or(l.UsersFile, b.UsersFile), cmp.Or(l.ACLFile, b.ACLFile), cmp.Or(l.ScramFile, b.ScramFile)
}

// admission refuses a listener through which nobody could come in. That it lets in everybody must be said.
func (d *decoder) admission(at string, l Listener) {
	if l.ByCertificate() {
		for key, given := range map[string]bool{
			"anonymous": l.Anonymous, "users_file": d.given(at + ".users_file"), "scram_file": d.given(at + ".scram_file"),
		} {
			if given {
				d.fail(below(at, key), "means nothing with client_ca: everybody is the user of a certificate", "leave it out; or identity: none below tls, and a certificate is asked for beside anything else")
			}
		}
		return
	}
	users := false
	for _, key := range []string{"users_file", "scram_file"} { // also one that is wrong: that is said already
		users = users || d.given("broker."+key) || d.given(below(at, key))
	}
	if users || l.Anonymous || l.MovedTo != "" || l.UseOther != "" {
		return
	}
	hint := "anonymous: true lets in every program of this machine"
	if !l.Local() {
		hint = "give broker.users_file, made by `skerry user add FILE NAME`; anonymous: true would let in everybody on the network"
	}
	d.fail(at, "lets nobody in", hint)
}

// redirection checks a listener that sends its clients to other servers.
func (d *decoder) redirection(at string, l Listener) {
	if l.MovedTo != "" && l.UseOther != "" {
		d.fail(at+".use_other", "stands beside moved_to", "moved_to: for good; use_other: for now")
	}
	for key, to := range map[string]string{"moved_to": l.MovedTo, "use_other": l.UseOther} {
		if d.given(at+"."+key) && strings.TrimSpace(to) == "" {
			d.fail(at+"."+key, "names no server", "moved_to: broker.example.org:8883, or several with spaces between")
		}
	}
}

func (d *decoder) collisions(at string, others []Listener, l Listener) {
	for _, o := range others {
		switch {
		case l.Unix != "" && l.Unix == o.Unix:
			d.fail(at+".unix", fmt.Sprintf("is the socket of listener %s too", o.Name), "give each its own path")
		case l.Unix == "" && o.Unix == "" && sameAddress(o.Address(), l.Address()):
			d.fail(below(at, l.Kind()), fmt.Sprintf("is the address of listener %s too", o.Name), "give each its own port")
		default:
			continue
		}
		return
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
