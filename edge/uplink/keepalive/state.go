package keepalive

import "time"

// Phase is what the learning is at.
type Phase string

// The phases.
const (
	Search Phase = "search" // the interval is being tried
	Hold   Phase = "hold"   // it is known
	Probe  Phase = "probe"  // one that failed long ago is tried once more
)

// State is what is known of a path. Times are whole seconds, as they stand in CONNECT.
type State struct {
	Lo    int    `json:"lo,omitempty"` // the longest silence that is proven; 0: none
	Hi    int    `json:"hi,omitempty"` // the shortest that was refuted; 0: none
	K     int    `json:"k"`            // the interval
	Phase Phase  `json:"state"`
	OK    int    `json:"ok,omitempty"`     // answers for K
	Fails int    `json:"fails,omitempty"`  // losses against K
	At    int    `json:"at,omitempty"`     // the longest silence of those losses
	WasLo int    `json:"was_lo,omitempty"` // Lo and Hi before two losses spoke against what was proven, until it is known whether that was chance;
	WasHi int    `json:"was_hi,omitempty"` // WasLo 0: they did not
	Both  bool   `json:"both,omitempty"`   // what is received does not keep the path open: something must be sent, too
	Lost  uint64 `json:"lost,omitempty"`   // connections that learning and holding this path have cost so far
	When  int64  `json:"when,omitempty"`   // of the last change of Lo, Hi or the phase; Unix time, by a clock that may have been wrong
}

// Bounds are the shortest and the longest interval allowed.
type Bounds struct{ Floor, Ceiling time.Duration }

// Server gives the bounds for a Server that measures by a Keep Alive of limit; 0: it does not. What it hears of us must come in time,
// and a PINGREQ is sent up to a round trip after the last one was.
func (b Bounds) Server(limit time.Duration) Bounds {
	if limit > 0 {
		b.Ceiling = min(b.Ceiling, limit-reserve(limit))
		b.Floor = min(b.Floor, b.Ceiling)
	}
	return b
}

// Connect is the Keep Alive to ask the Server for: long enough for the whole of the bounds.
func (b Bounds) Connect() time.Duration {
	return min(b.Ceiling+reserve(b.Ceiling)*10/9+time.Second, mqttLongest*time.Second)
}

// reserve is how much earlier than its Keep Alive a Server hears of us.
func reserve(limit time.Duration) time.Duration { return min(limit/10, 30*time.Second) }

// mqttLongest is the longest Keep Alive that CONNECT can hold.
const mqttLongest = 65535

// seconds gives both ends in whole seconds, in their order and as CONNECT can hold them.
func (b Bounds) seconds() (floor, ceiling int) {
	ceiling = min(max(int(b.Ceiling/time.Second), 1), mqttLongest)
	return min(max(int(b.Floor/time.Second), 1), ceiling), ceiling
}

// sound tells whether a document makes sense.
func (s *State) sound() bool {
	for _, n := range []int{s.Lo, s.Hi, s.K, s.At, s.WasLo, s.WasHi} {
		if n < 0 || n > mqttLongest {
			return false
		}
	}
	known := s.Phase == Search || s.Phase == Hold || s.Phase == Probe
	counts := s.OK >= 0 && s.OK < enough && s.Fails >= 0 && s.Fails < enough
	if s.WasHi > 0 && s.WasLo >= s.WasHi {
		return false
	}
	return known && counts && s.K > 0 && (s.Hi == 0 || s.Lo < s.Hi) && (s.Phase != Probe || s.Hi > 0)
}
