package uplink

import (
	"fmt"
	"sync"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/keepalive"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/schedule"
)

const (
	// pingTLS and pingPlain are what a PINGREQ and its answer cost, in bytes of IP packets with their acknowledgements.
	pingTLS, pingPlain = 204, 160
	// unproven is how long a link is watched before its mode is changed, and again before it is changed back.
	unproven = 6 * time.Hour
	// cheaper is how many times less the other mode must cost.
	cheaper = 1.5
	// leavesAfter is how soon after the last message a link on demand has left, beside what messages wait for each other.
	leavesAfter = 5 * time.Second
)

// standing weighs what it costs a link to stay connected through the silences of its uplink, a ping for each keep-alive interval, against
// leaving, which costs a connection after each. It counts the silences there are, in either mode. It may be used by several goroutines.
type standing struct {
	linger time.Duration // how long messages wait for each other on demand
	ping   float64       // bytes

	mu       sync.Mutex
	interval time.Duration // the longest silence without a ping
	connect  float64       // bytes of a connection, smoothed; 0: there was none yet
	last     time.Time     // when something was sent; zero: nothing since the link came
	left     bool          // since then the link would have left
	pings    int           // since then it would have sent so many
	volatile time.Time     // when something was sent that is not kept while there is no connection
	begun    time.Time
	hours    [24]weighed // a ring
	hour     int         // the one that is counted now
	demand   bool        // it connects on demand
	turned   time.Time   // when that changed
	why      string      // it is in this mode
}

// weighed is what both modes cost, in bytes.
type weighed struct{ stay, anew float64 }

// newStanding is that of a link which is to choose; nil: its mode is given. Commands from upstream would come late on demand, and outputs
// would take the uplink for lost.
func (u *Uplink) newStanding(l config.Link, k kind.Kind, o Options) *standing {
	if !l.Chooses() || len(u.receive) > 0 || o.Stay {
		return nil
	}
	s := &standing{linger: k.Linger, ping: pingPlain, begun: time.Now(), why: "not known yet what is cheaper"}
	for _, server := range u.config.Servers {
		if server.TLS {
			s.ping = pingTLS
		}
	}
	return s
}

// sent notes a message; kept tells whether it would have waited for a connection.
func (s *standing) sent(now time.Time, kept bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress(now)
	s.last, s.left, s.pings = now, false, 0
	if !kept {
		s.volatile = now
	}
}

// connected notes what a connection has cost until it stood. What is said before and after it, its state, costs about two pings.
func (s *standing) connected(bytes int64) {
	if s == nil || bytes <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := float64(bytes) + 2*s.ping
	if s.connect == 0 {
		s.connect = cost
	}
	s.connect += (cost - s.connect) / 4
}

// lost notes that the link is not in use: what follows is no silence of the uplink.
func (s *standing) lost() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Time{}
}

// progress counts what the silence costs until now. s.mu is held.
func (s *standing) progress(now time.Time) {
	for range min(int(now.Sub(s.begun)/time.Hour)-s.hour, 24) {
		s.hour++
		s.hours[s.hour%24] = weighed{}
	}
	s.hour = max(s.hour, int(now.Sub(s.begun)/time.Hour))
	silence := now.Sub(s.last)
	if s.last.IsZero() || s.interval <= 0 || silence < leavesAfter+s.linger {
		return
	}
	h := &s.hours[s.hour%24]
	if !s.left {
		s.left = true
		h.anew += s.connect
	}
	if n := int(silence / s.interval); n > s.pings {
		h.stay += float64(n-s.pings) * s.ping
		s.pings = n
	}
}

// look finds the mode, and tells whether it is another one. interval is the longest silence without a ping. It is to be called once a
// minute or so.
func (s *standing) look(now time.Time, interval time.Duration) (news bool) {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interval = interval
	s.progress(now)
	was, sum := s.demand, weighed{}
	for _, h := range s.hours {
		sum.stay, sum.anew = sum.stay+h.stay, sum.anew+h.anew
	}
	watched := min(now.Sub(s.begun), time.Duration(len(s.hours))*time.Hour)
	volatile := !s.volatile.IsZero() && now.Sub(s.volatile) < 24*time.Hour
	switch settled := now.Sub(s.begun) >= unproven && now.Sub(s.turned) >= unproven; {
	case volatile:
		s.demand = false
	case s.connect == 0 || !settled:
	case sum.anew*cheaper < sum.stay:
		s.demand = true
	case sum.stay*cheaper < sum.anew:
		s.demand = false
	}
	if s.demand != was {
		s.turned = now
	}
	switch perHour := watched.Hours(); {
	case volatile:
		s.why = "messages of QoS 0 would be lost on demand"
	case watched >= unproven || s.demand != was:
		s.why = fmt.Sprintf("staying costs %.0f B/h, connecting anew %.0f B/h at %.0f B each", sum.stay/perHour, sum.anew/perHour, s.connect)
	}
	return s.demand != was
}

// mode is when the link is wanted, and why.
func (s *standing) mode() (demand bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.demand, s.why
}

// weigh has the links that choose look whether the other mode costs less.
func (u *Uplink) weigh() (changed bool) {
	for _, w := range u.ways {
		if w.standing.look(time.Now(), w.silence()) {
			changed = true
			mode, why := w.mode()
			u.log.Info("a link connects otherwise from now on, as that costs less", "link", w.Name, "session", mode, "why", why)
		}
	}
	return changed
}

// silence is how long the way may be silent without a ping; while that is learned, how long it may turn out to be: by leaving it would never be.
func (w *way) silence() time.Duration {
	s := w.keep.status()
	if l := s.Learned; l != nil && l.Phase != keepalive.Hold {
		return l.Ceiling
	}
	return s.Ping
}

// choice is when the way is wanted as long as its budget does not matter.
func (w *way) choice() schedule.Options {
	if w.standing != nil {
		if demand, _ := w.standing.mode(); demand {
			return schedule.Options{Mode: schedule.OnDemand, Linger: w.pool}
		}
	}
	return w.usual
}

// mode is when the way connects, and why that is so.
func (w *way) mode() (mode config.Session, why string) {
	mode = config.Always
	if w.choice().Mode == schedule.OnDemand {
		mode = config.OnDemand
	}
	switch {
	case w.Schedule != nil:
		return "schedule", ""
	case w.standing != nil:
		_, why = w.standing.mode()
	case w.Session == config.Auto && w.OnDemand():
		why = "sessions are billed"
	case w.Chooses():
		why = "commands from upstream, or outputs with on_uplink_loss, need it"
	}
	return mode, why
}
