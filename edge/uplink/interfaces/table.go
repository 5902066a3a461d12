package interfaces

import (
	"maps"
	"net/netip"
	"slices"
	"syscall"
)

// Interface is what the kernel says of one.
type Interface struct {
	Index     int          // of the kernel: another one under the same name is another interface
	Up        bool         // switched on
	Carrier   bool         // and something is there
	Addresses []netip.Addr // that can be used beyond the link, sorted
	Local     []netip.Addr // all that it has, sorted
	Routed    bool         // a default route leads over it
}

// Table is every interface by its name.
type Table map[string]Interface

// Has tells whether some interface that is up has an address.
func (t Table) Has(a netip.Addr) bool {
	a = a.Unmap()
	for _, i := range t {
		if i.Up && slices.Contains(i.Local, a) {
			return true
		}
	}
	return false
}

// kernel is the state that messages change, by the number of each interface.
type kernel struct {
	links  map[int32]link
	addrs  map[address]bool // true: it can be used beyond the link
	routes map[route]bool
}

type link struct {
	name        string
	up, running bool
}

type address struct {
	index int32
	addr  netip.Addr
}

// route is a default route.
type route struct {
	index    int32
	family   uint8
	priority uint32
	gateway  string
}

func newKernel() *kernel {
	return &kernel{links: map[int32]link{}, addrs: map[address]bool{}, routes: map[route]bool{}}
}

// apply changes the state by one message.
func (k *kernel) apply(m message) {
	switch m.Type {
	case syscall.RTM_NEWLINK:
		k.links[m.index] = link{m.name, m.up, m.running}
		if !m.up { // the kernel takes these away without a word
			maps.DeleteFunc(k.routes, func(r route, _ bool) bool { return r.index == m.index })
		}
	case syscall.RTM_DELLINK:
		delete(k.links, m.index)
		maps.DeleteFunc(k.addrs, func(a address, _ bool) bool { return a.index == m.index })
		maps.DeleteFunc(k.routes, func(r route, _ bool) bool { return r.index == m.index })
	case syscall.RTM_NEWADDR:
		k.addrs[address{m.index, m.addr}] = m.usable
	case syscall.RTM_DELADDR:
		delete(k.addrs, address{m.index, m.addr})
	case syscall.RTM_NEWROUTE:
		k.routes[m.route] = true
	case syscall.RTM_DELROUTE:
		delete(k.routes, m.route)
	}
}

// table gives the state by names.
func (k *kernel) table() Table {
	t := Table{}
	for index, l := range k.links {
		i := Interface{Index: int(index), Up: l.up, Carrier: l.up && l.running}
		for a, usable := range k.addrs {
			if a.index == index {
				i.Local = append(i.Local, a.addr)
			}
			if a.index == index && usable {
				i.Addresses = append(i.Addresses, a.addr)
			}
		}
		slices.SortFunc(i.Addresses, netip.Addr.Compare)
		slices.SortFunc(i.Local, netip.Addr.Compare)
		for r := range k.routes {
			i.Routed = i.Routed || r.index == index
		}
		t[l.name] = i
	}
	return t
}

// equal tells whether two tables say the same.
func (t Table) equal(o Table) bool {
	return maps.EqualFunc(t, o, func(a, b Interface) bool {
		return a.Index == b.Index && a.Up == b.Up && a.Carrier == b.Carrier && a.Routed == b.Routed && slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Local, b.Local)
	})
}
