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
	used                time.Time
	nearNext, farNext   uint32 // the sequence number behind what that end has sent last
	nearWants, farWants uint32 // the one that it has acknowledged last
}

// flows are those that the NAT knows.
type flows struct {
	mu  sync.Mutex
	nat NAT
	all map[key]*flow
}

// pass notes a packet and tells whether the NAT lets it through; if not, answer is the RST for its sender, or nil.
func (f *flows) pass(s *segment, up bool) (ok bool, answer []byte) {
	if s.protocol != protocolTCP && s.protocol != protocolUDP {
		return true, nil
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
	if known == nil && !opens {
		if up && f.nat.Reset && s.flags&flagRST == 0 {
			answer = reset(s.dst, s.src, s.ack, s.next())
		}
		return false, answer
	}
	if known == nil {
		known = &flow{}
		f.all[k] = known
	}
	known.note(s, up)
	known.used = now
	return true, nil
}

func (f *flow) note(s *segment, up bool) {
	if up {
		f.nearNext, f.nearWants = s.next(), s.ack
	} else {
		f.farNext, f.farWants = s.next(), s.ack
	}
}

// forget has the NAT forget everything, as one does that is restarted.
func (f *flows) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.all)
}

// cut gives the packets that end all connections at both ends, and forgets them.
func (f *flows) cut() (toNear, toFar [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, one := range f.all {
		if k.protocol == protocolTCP {
			toNear = append(toNear, reset(k.far, k.near, one.nearWants, one.nearNext))
			toFar = append(toFar, reset(k.near, k.far, one.farWants, one.farNext))
		}
	}
	clear(f.all)
	return toNear, toFar
}
