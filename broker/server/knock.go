package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// knocks bounds how often connections are made: an address that comes too often is turned away at once, at no more cost
// than accepting it, and what comes faster in all waits at the door (in the queue of the system), so that after a power
// failure all get in, one after the other.
type knocks struct {
	mu      sync.Mutex
	total   pace
	each    float64 // per second and address, 0: not bounded
	byPlace map[netip.Prefix]pace
	swept   time.Duration
	warned  time.Duration // when an address was last logged; 0: never
}

// mostPlaces is how many addresses are remembered.
const mostPlaces = 4096

func newKnocks(l *Limits) *knocks {
	return &knocks{total: newPace(l.ConnectRate), each: l.AddressRate, byPlace: map[netip.Prefix]pace{}}
}

// mayKnock waits until a new connection may be served. False: it may not.
func (s *Server) mayKnock(ctx context.Context, l *listener, nc net.Conn) bool {
	if s.limits.AddressRate <= 0 && s.limits.ConnectRate <= 0 {
		return true
	}
	wait, ok, news := s.knocks.knock(s.now(), nc.RemoteAddr())
	if news {
		s.log.Warn("an address connects too often and is turned away", "address", nc.RemoteAddr().String(), "per_second", s.limits.AddressRate)
	}
	if !ok {
		s.counters.tooOften.Add(1)
		return false
	}
	if wait > 0 {
		l.loop.rest()
		pause(ctx, wait)
		l.loop.work(s.now())
	}
	return ctx.Err() == nil
}

// knock counts a connection. wait is how long it has to wait for its turn; news: a refusal that is worth a line in the log.
func (k *knocks) knock(now time.Duration, from net.Addr) (wait time.Duration, ok, news bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if place, known := placeOf(from); known && k.each > 0 && !k.knockFrom(now, place) {
		news = k.warned == 0 || now-k.warned >= refusalInterval
		if news {
			k.warned = now
		}
		return 0, false, news
	}
	wait = max(0, k.total.left(now))
	k.total.take(now, 1)
	return wait, true, false
}

// knockFrom counts a connection of one address.
func (k *knocks) knockFrom(now time.Duration, place netip.Prefix) bool {
	p, known := k.byPlace[place]
	if !known {
		p = newPace(k.each)
		k.makeRoom(now)
	}
	if p.left(now) > 0 {
		return false
	}
	p.take(now, 1)
	k.byPlace[place] = p
	return true
}

// makeRoom forgets addresses that have not come for a while, and if need be any.
func (k *knocks) makeRoom(now time.Duration) {
	if len(k.byPlace) < mostPlaces {
		return
	}
	if now-k.swept >= time.Second {
		k.swept = now
		for place, p := range k.byPlace {
			if p.rested(now) {
				delete(k.byPlace, place)
			}
		}
	}
	for place := range k.byPlace {
		if len(k.byPlace) < mostPlaces {
			return
		}
		delete(k.byPlace, place)
	}
}

// placeOf is what counts as one address: an IPv4 address, or the 64 bits of an IPv6 network, which is what a single machine
// is given. A Unix socket has none.
func placeOf(a net.Addr) (place netip.Prefix, ok bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	place, err := ip.Prefix(bits)
	return place, err == nil
}
