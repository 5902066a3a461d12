package interfaces_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"skerry/edge/uplink/interfaces"
)

// datagram builds one netlink message: its head, and attributes of a type and a value each.
func datagram(kind uint16, head []byte, attributes ...any) []byte {
	b := make([]byte, syscall.NLMSG_HDRLEN)
	b = append(b, head...)
	for i := 0; i < len(attributes); i += 2 {
		value := attributes[i+1].([]byte)
		b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
		b = binary.NativeEndian.AppendUint16(b, uint16(attributes[i].(int)))
		b = append(b, value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	return b
}

func u32(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func linkMessage(kind uint16, index, flags uint32, name string) []byte {
	head := append([]byte{0, 0, 0, 0}, slices.Concat(u32(index), u32(flags), u32(0))...)
	return datagram(kind, head, syscall.IFLA_IFNAME, append([]byte(name), 0))
}

func addrMessage(kind uint16, index uint32, scope, flags byte, attributes ...any) []byte {
	return datagram(kind, append([]byte{syscall.AF_INET, 24, flags, scope}, u32(index)...), attributes...)
}

func routeMessage(kind uint16, length byte, attributes ...any) []byte {
	head := append([]byte{syscall.AF_INET, length, 0, 0, syscall.RT_TABLE_MAIN, 0, 0, syscall.RTN_UNICAST}, u32(0)...)
	return datagram(kind, head, attributes...)
}

const upRunning = syscall.IFF_UP | syscall.IFF_RUNNING

// TestMessages: what each kind of message means.
func TestMessages(t *testing.T) {
	there := linkMessage(syscall.RTM_NEWLINK, 7, upRunning, "ppp0")
	own, peer := []byte{10, 0, 0, 2}, []byte{10, 0, 0, 1}
	addressed := addrMessage(syscall.RTM_NEWADDR, 7, 0, 0, syscall.IFA_ADDRESS, peer, syscall.IFA_LOCAL, own)
	routed := routeMessage(syscall.RTM_NEWROUTE, 0, syscall.RTA_OIF, u32(7), syscall.RTA_PRIORITY, u32(700))
	v6 := netip.MustParseAddr("2001:db8::2").As16()
	mine := netip.AddrFrom4([4]byte(own))
	tests := []struct {
		name string
		sent [][]byte
		want interfaces.Interface
		none bool
	}{
		{"up", [][]byte{there}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"no carrier", [][]byte{linkMessage(syscall.RTM_NEWLINK, 7, syscall.IFF_UP, "ppp0")}, interfaces.Interface{Up: true}, false},
		{"gone", [][]byte{there, addressed, linkMessage(syscall.RTM_DELLINK, 7, 0, "ppp0")}, interfaces.Interface{}, true},
		{"the address is the local one", [][]byte{there, addressed}, interfaces.Interface{Up: true, Carrier: true, Addresses: []netip.Addr{mine}}, false},
		{"removed", [][]byte{there, addressed, addrMessage(syscall.RTM_DELADDR, 7, 0, 0, syscall.IFA_LOCAL, own)}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"of the link alone", [][]byte{there, addrMessage(syscall.RTM_NEWADDR, 7, syscall.RT_SCOPE_LINK, 0, syscall.IFA_LOCAL, own)}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"tentative", [][]byte{there, addrMessage(syscall.RTM_NEWADDR, 7, 0, 0x40, syscall.IFA_ADDRESS, v6[:])}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"tentative in the long flags", [][]byte{there, addrMessage(syscall.RTM_NEWADDR, 7, 0, 0, syscall.IFA_ADDRESS, v6[:], 8, u32(0x40))}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"IPv6", [][]byte{there, addrMessage(syscall.RTM_NEWADDR, 7, 0, 0x80, syscall.IFA_ADDRESS, v6[:])},
			interfaces.Interface{Up: true, Carrier: true, Addresses: []netip.Addr{netip.AddrFrom16(v6)}}, false},
		{"an address that is none", [][]byte{there, addrMessage(syscall.RTM_NEWADDR, 7, 0, 0, syscall.IFA_LOCAL, []byte{1, 2, 3})}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"default route", [][]byte{there, routed}, interfaces.Interface{Up: true, Carrier: true, Routed: true}, false},
		{"route to a net", [][]byte{there, routeMessage(syscall.RTM_NEWROUTE, 24, syscall.RTA_OIF, u32(7))}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"in another table", [][]byte{there, routeMessage(syscall.RTM_NEWROUTE, 0, syscall.RTA_OIF, u32(7), syscall.RTA_TABLE, u32(1000))}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"route removed", [][]byte{there, routed, routeMessage(syscall.RTM_DELROUTE, 0, syscall.RTA_OIF, u32(7), syscall.RTA_PRIORITY, u32(700))}, interfaces.Interface{Up: true, Carrier: true}, false},
		{"switched off", [][]byte{there, routed, linkMessage(syscall.RTM_NEWLINK, 7, 0, "ppp0")}, interfaces.Interface{}, false},
		{"renamed", [][]byte{linkMessage(syscall.RTM_NEWLINK, 7, upRunning, "eth9"), there}, interfaces.Interface{Up: true, Carrier: true}, false},
	}
	for _, test := range tests {
		got := interfaces.Play(test.sent...)
		i, ok := got["ppp0"]
		if ok == test.none || i.Up != test.want.Up || i.Carrier != test.want.Carrier || i.Routed != test.want.Routed || !slices.Equal(i.Addresses, test.want.Addresses) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestLocal: an address of the link alone is one that a connection may have.
func TestLocal(t *testing.T) {
	own := []byte{169, 254, 3, 4}
	got := interfaces.Play(linkMessage(syscall.RTM_NEWLINK, 7, upRunning, "eth0"), addrMessage(syscall.RTM_NEWADDR, 7, syscall.RT_SCOPE_LINK, 0, syscall.IFA_LOCAL, own))
	if !got.Has(netip.AddrFrom4([4]byte(own))) || got.Has(netip.MustParseAddr("10.0.0.1")) || len(got["eth0"].Addresses) != 0 {
		t.Errorf("%+v", got)
	}
}

// FuzzMessages: nothing that comes breaks anything.
func FuzzMessages(f *testing.F) {
	f.Add(linkMessage(syscall.RTM_NEWLINK, 7, upRunning, "ppp0"))
	f.Add(addrMessage(syscall.RTM_NEWADDR, 7, 0, 0, syscall.IFA_LOCAL, []byte{10, 0, 0, 2}))
	f.Add(routeMessage(syscall.RTM_NEWROUTE, 0, syscall.RTA_OIF, u32(7)))
	f.Add(datagram(syscall.NLMSG_ERROR, u32(1)))
	f.Add(datagram(syscall.RTM_NEWADDR, []byte{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name := range interfaces.Play(linkMessage(syscall.RTM_NEWLINK, 7, upRunning, "ppp0"), b) {
			if name == "" {
				t.Error("an interface without a name")
			}
		}
	})
}
