package interfaces

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"syscall"
)

// What package syscall has no name for (linux/if_addr.h, linux/rtnetlink.h).
const (
	addrFlags   = 8    // IFA_FLAGS
	addrFailed  = 0x08 // IFA_F_DADFAILED
	addrPending = 0x40 // IFA_F_TENTATIVE
	routeCloned = 0x200

	dumpInterrupted = 0x10 // NLM_F_DUMP_INTR (linux/netlink.h)

	siteScope = 200 // addresses with a larger one are of the link, or of the machine alone
)

// message is what is read of one netlink message. Which fields are set hangs on Type; done and failed are those of a dump's end.
type message struct {
	Type        uint16
	done        bool
	failed      syscall.Errno
	interrupted bool // the list of which it is a part has changed since its beginning, and may lack something

	index       int32
	name        string
	up, running bool

	addr   netip.Addr
	usable bool // the address

	route route
}

// parse reads the messages of one datagram. What cannot be read, and what says nothing here, is left out. Package syscall could do half
// of it, and panics on a length that is not aligned.
func parse(datagram []byte) []message {
	var all []message
	for len(datagram) >= syscall.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(datagram))
		if size < syscall.NLMSG_HDRLEN || size > len(datagram) {
			break
		}
		kind := binary.NativeEndian.Uint16(datagram[4:])
		if m, ok := read(kind, datagram[syscall.NLMSG_HDRLEN:size]); ok {
			const part = syscall.NLM_F_MULTI | dumpInterrupted
			m.Type, m.interrupted = kind, binary.NativeEndian.Uint16(datagram[6:])&part == part
			all = append(all, m)
		}
		datagram = datagram[min(align(size), len(datagram)):]
	}
	return all
}

// align is the next place at which something may begin.
func align(n int) int { return (n + 3) &^ 3 }

// attributes reads what stands behind the head of a message, by type.
func attributes(b []byte) map[uint16][]byte {
	all := map[uint16][]byte{}
	for len(b) >= syscall.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < syscall.SizeofRtAttr || size > len(b) {
			break
		}
		all[binary.NativeEndian.Uint16(b[2:])] = b[syscall.SizeofRtAttr:size]
		b = b[min(align(size), len(b)):]
	}
	return all
}

// heads are the lengths of what stands before the attributes.
var heads = map[uint16]int{
	syscall.RTM_NEWLINK: syscall.SizeofIfInfomsg, syscall.RTM_DELLINK: syscall.SizeofIfInfomsg,
	syscall.RTM_NEWADDR: syscall.SizeofIfAddrmsg, syscall.RTM_DELADDR: syscall.SizeofIfAddrmsg,
	syscall.RTM_NEWROUTE: syscall.SizeofRtMsg, syscall.RTM_DELROUTE: syscall.SizeofRtMsg,
}

func read(kind uint16, b []byte) (message, bool) {
	switch kind {
	case syscall.NLMSG_DONE:
		return message{done: true}, true
	case syscall.NLMSG_ERROR:
		if len(b) < 4 {
			return message{}, false
		}
		return message{failed: syscall.Errno(-int32(binary.NativeEndian.Uint32(b)))}, true
	}
	size := heads[kind]
	if size == 0 || len(b) < size {
		return message{}, false
	}
	rest := attributes(b[size:])
	switch kind {
	case syscall.RTM_NEWLINK, syscall.RTM_DELLINK:
		return readLink(b, rest)
	case syscall.RTM_NEWADDR, syscall.RTM_DELADDR:
		return readAddress(b, rest)
	}
	return readRoute(b, rest)
}

// readLink reads struct ifinfomsg and its name. Messages of a bridge about its ports have a family, and say less.
func readLink(b []byte, attributes map[uint16][]byte) (message, bool) {
	flags := binary.NativeEndian.Uint32(b[8:])
	name, _, _ := bytes.Cut(attributes[syscall.IFLA_IFNAME], []byte{0})
	return message{
		index: int32(binary.NativeEndian.Uint32(b[4:])), name: string(name),
		up: flags&syscall.IFF_UP != 0, running: flags&syscall.IFF_RUNNING != 0,
	}, b[0] == syscall.AF_UNSPEC && len(name) > 0
}

// readAddress reads struct ifaddrmsg and the address. On a point-to-point link IFA_ADDRESS is the peer's.
func readAddress(b []byte, attributes map[uint16][]byte) (message, bool) {
	own := attributes[syscall.IFA_LOCAL]
	if own == nil {
		own = attributes[syscall.IFA_ADDRESS]
	}
	addr, ok := netip.AddrFromSlice(own)
	flags := uint32(b[2])
	if more := attributes[addrFlags]; len(more) == 4 {
		flags = binary.NativeEndian.Uint32(more)
	}
	return message{
		index: int32(binary.NativeEndian.Uint32(b[4:])), addr: addr.Unmap(),
		usable: b[3] <= siteScope && flags&(addrPending|addrFailed) == 0,
	}, ok
}

// readRoute reads struct rtmsg of a default route in the main table.
func readRoute(b []byte, attributes map[uint16][]byte) (message, bool) {
	out, table := attributes[syscall.RTA_OIF], uint32(b[4])
	if more := attributes[syscall.RTA_TABLE]; len(more) == 4 {
		table = binary.NativeEndian.Uint32(more)
	}
	if len(out) != 4 || b[1] != 0 || table != syscall.RT_TABLE_MAIN || b[7] != syscall.RTN_UNICAST ||
		binary.NativeEndian.Uint32(b[8:])&routeCloned != 0 {
		return message{}, false
	}
	r := route{index: int32(binary.NativeEndian.Uint32(out)), family: b[0], gateway: string(attributes[syscall.RTA_GATEWAY])}
	if priority := attributes[syscall.RTA_PRIORITY]; len(priority) == 4 {
		r.priority = binary.NativeEndian.Uint32(priority)
	}
	return message{index: r.index, route: r}, true
}
