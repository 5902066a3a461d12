package emulate

import (
	"net/netip"
	"sync"
	"time"
)

// NAT is the memory of an address translator, without the translation. A packet of either direction keeps a flow alive: with TCP it
// makes no difference whether those down count, because an acknowledgement up follows.
type NAT struct {
	Idle  time.Duration // after so long without a packet a flow is forgotten; 0: never
	Reset bool          // a packet up of a flow that is not known is answered by RST; false: it vanishes
}

// key names a flow from the near end's point of view.
type key struct {
	protocol  byte
	near, far netip.AddrPort
}

// flow is a connection as the emulator sees it.
type flow struct {
	used              time.Time
	nearNext, farNext uint32 // the sequence number behind what that end has sent
	cut               bool   // whoever still sends is answered by RST
}

// A verdict is what becomes of a packet.
type verdict struct {
	passes bool
	answer []byte // the RST for its sender; nil: it just vanishes
	atOnce bool   // the answer does not travel: the connection was cut
}

// flows are those that the NAT knows.
type flows struct {
	mu  sync.Mutex
	nat NAT
	all map[key]*flow
}

// judge notes a packet and tells whether the NAT lets it through.
func (f *flows) judge(s *segment, up bool) (v verdict) {
	if s.protocol != protocolTCP && s.protocol != protocolUDP {
		return verdict{passes: true}
	}
	k := key{s.protocol, s.src, s.dst}
	if !up {
		k.near, k.far = s.dst, s.src
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	known := f.all[k]
	if known != nil && f.nat.Idle > 0 && now.Sub(known.used) >= f.nat.Idle {
		delete(f.all, k)
		known = nil
	}
	opens := up && (s.protocol == protocolUDP || s.flags&(flagSYN|flagACK) == flagSYN)
	if !opens && (known == nil || known.cut) {
		v.atOnce = known != nil
		if s.protocol == protocolTCP && s.flags&flagRST == 0 && (v.atOnce || up && f.nat.Reset) {
			v.answer = reset(s.dst, s.src, s.ack, s.next())
		}
		return v
	}
	if known == nil || known.cut {
		known = &flow{nearNext: s.next(), farNext: s.ack}
		f.all[k] = known
	}
	known.note(s, up)
	known.used = now
	return verdict{passes: true}
}

// note keeps the highest sequence numbers: something may be sent again.
func (f *flow) note(s *segment, up bool) {
	next := &f.farNext
	if up {
		next = &f.nearNext
	}
	if n := s.next(); int32(n-*next) > 0 || s.flags&flagSYN != 0 {
		*next = n
	}
}

// forget has the NAT forget everything, as one does that is restarted.
func (f *flows) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.all)
}

// cut gives the packets that end all connections at both ends. An end to which something is on its way takes the number in them for
// possible, not for right, and asks (RFC 5961, 3.2); it is answered then, as is whoever sends anything.
func (f *flows) cut() (toNear, toFar [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, one := range f.all {
		if k.protocol == protocolTCP && !one.cut {
			one.cut = true
			toNear = append(toNear, reset(k.far, k.near, one.farNext, one.nearNext))
			toFar = append(toFar, reset(k.near, k.far, one.nearNext, one.farNext))
		}
	}
	return toNear, toFar
}
