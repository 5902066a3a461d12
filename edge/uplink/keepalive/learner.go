package keepalive

import "time"

const (
	// enough answers prove an interval, and as many losses refute it: one alone may be chance.
	enough = 2
	// shortestStep is how far an interval moves at least, in seconds.
	shortestStep = 30
	// again is how long a path is left alone before an interval that failed is tried once more: providers change their timers.
	again = 14 * 24 * time.Hour
	// stale is when a loss is too old to be confirmed by another one: a timer would have shown more often.
	stale = 24 * time.Hour
	// soon is how fast the next connection must stand for a lost one to count.
	soon = time.Minute
)

// Learner learns the interval of one path. Its methods are not safe to be called at the same time.
type Learner struct {
	state          State
	floor, ceiling int

	line   Line
	looked time.Time // the last Look
	event  time.Time // the last of the link
	spoilt time.Time // when something was last wrong

	pending  *pending  // the connection that was lost last, until it is known what that means
	strays   int       // losses in spite of what was sent meanwhile
	oneWay   int       // losses in spite of what was received meanwhile
	failed   time.Time // the last loss in Fails
	closedAt int       // after how many seconds of silence the connection was last closed; 0: not since it survived as much
	voided   uint64
}

type pending struct {
	Trial
	at     time.Time
	closed bool
}

// New goes on with what is known of a path: the zero State, or one that makes no sense, begins anew.
func New(s State, b Bounds, now time.Time) *Learner {
	l := &Learner{state: s, looked: now, failed: now}
	if !s.sound() {
		l.state = State{When: now.Unix()}
	}
	if time.Unix(l.state.When, 0).After(now) {
		l.state.When = now.Unix() // the date was wrong then, or is now
	}
	l.Bound(b)
	if l.state.K == 0 {
		l.next(now)
	}
	return l
}

// State is what to store.
func (l *Learner) State() State { return l.state }

// Bound changes the bounds. What is known beyond them stays known.
func (l *Learner) Bound(b Bounds) {
	l.floor, l.ceiling = b.seconds()
	s := &l.state
	if s.K == 0 {
		return
	}
	wider := s.Phase == Hold && (s.Hi == 0 && s.Lo < l.ceiling || s.Lo == 0 && s.Hi > l.floor)
	if wider || s.Phase == Search && (s.K > l.ceiling || s.K < l.floor) {
		s.OK, s.Fails, s.At = 0, 0, 0
		l.next(time.Unix(s.When, 0))
	}
}

// Interval is the longest silence until the Server is asked. While nothing can be learned it is one that is proven.
func (l *Learner) Interval() time.Duration {
	k := l.state.K
	if l.state.Phase != Hold && l.frozen() != "" {
		k = l.safe()
	}
	if f := l.line.Factor; f > 0 && f < 1 {
		k = int(float64(k) * f)
	}
	return time.Duration(min(max(k, l.floor), l.ceiling)) * time.Second
}

// Speak is the longest silence of ours, whatever is received; 0: any. It is longer than the interval by what an answer takes, so that in
// a silence both ways the interval decides.
func (l *Learner) Speak() time.Duration {
	if !l.state.Both {
		return 0
	}
	return l.Interval() * 11 / 10
}

// Answered notes an exchange that was answered; true if the State has changed.
func (l *Learner) Answered(t Trial, now time.Time) bool {
	if l.void(t) {
		return false
	}
	s, before := &l.state, l.state
	idle := int(t.Idle / time.Second)
	l.clear(t, idle)
	if s.Fails > 0 && idle >= s.At && (s.Phase == Hold || idle < s.K) {
		s.Fails, s.At = 0, 0
	}
	switch {
	case idle < s.K:
	case s.Phase == Hold && s.Lo > 0:
		l.probe(now)
	default:
		if s.OK++; s.OK >= enough || s.Phase == Probe && s.WasLo > 0 { // no timer lets one through
			l.proven(s.K, now)
		}
	}
	return *s != before
}

// clear forgets suspicions that an answer speaks against.
func (l *Learner) clear(t Trial, idle int) {
	if int(t.Unheard/time.Second) >= l.state.K {
		l.strays = 0
	}
	if int(t.Unsaid/time.Second) > l.least() {
		l.oneWay = 0
	}
	if idle >= l.closedAt {
		l.closedAt = 0
	}
}

// Lost notes that a connection has ended with what was sent unanswered, or was reset then.
func (l *Learner) Lost(t Trial, now time.Time) { l.suspect(&pending{t, now, false}) }

// Closed notes that the peer has closed a connection on which nothing was being asked.
func (l *Learner) Closed(t Trial, now time.Time) { l.suspect(&pending{t, now, true}) }

func (l *Learner) suspect(p *pending) {
	l.pending = p
	if l.void(p.Trial) {
		l.Drop()
	}
}

// Suspects tells whether the connection that was lost last may speak against the interval: what is next on the path decides.
func (l *Learner) Suspects() bool { return l.pending != nil }

// Drop forgets the connection that was lost last: something else explains it.
func (l *Learner) Drop() {
	if l.pending != nil {
		l.voided++
	}
	l.pending = nil
}

// Failed notes that an attempt to connect has failed: it was an outage, and a loss before it was perhaps one too. True if the State
// has changed.
func (l *Learner) Failed() bool {
	l.Drop()
	l.strays, l.oneWay, l.closedAt = 0, 0, 0
	changed := l.state.Fails > 0
	l.state.Fails, l.state.At = 0, 0
	return changed
}

// Connected notes that a connection stands, and so what the end of the one before it means; true if the State has changed.
func (l *Learner) Connected(now time.Time) bool {
	p := l.pending
	if p == nil {
		return false
	}
	if now.Sub(p.at) > soon {
		l.Drop()
		return false
	}
	l.pending = nil
	before := l.state
	l.judge(p, now)
	return l.state != before
}

// judge decides what a lost connection speaks against.
func (l *Learner) judge(p *pending, now time.Time) {
	s := &l.state
	idle, unsaid, unheard := int(p.Idle/time.Second), int(p.Unsaid/time.Second), int(p.Unheard/time.Second)
	switch {
	case p.closed:
		l.closed(idle, now)
	case !s.Both && l.least() > 0 && idle <= l.least() && unsaid > l.least():
		// Silence both ways is proven for longer; what was longer is only ours. What is received does not count for this path.
		s.Lost++
		if l.oneWay++; l.oneWay >= enough {
			s.Both, s.Hi, l.oneWay = true, 0, 0
			l.next(now)
		}
	case idle >= min(l.floor, s.K):
		s.Lost++
		l.forget(now)
		s.Fails++
		l.against(min(idle, s.K), now)
	case unheard >= s.K:
		// What we have sent meanwhile does not count for this path, unless this was chance.
		s.Lost++
		if l.strays++; l.strays >= enough {
			l.strays, s.Fails = 0, enough
			l.against(s.K, now)
		}
	default:
		l.voided++
	}
}

// least is the shortest silence that a path must be taken to keep, 0 if nothing is known.
func (l *Learner) least() int {
	if l.tooShort() {
		return l.floor
	}
	return l.state.Lo
}

// closed judges a connection that was closed in a silence. A server that restarts does so at any time; a timer always at the same one.
func (l *Learner) closed(idle int, now time.Time) {
	near := max(idle/50, 2)
	same := l.closedAt > 0 && idle-l.closedAt <= near && l.closedAt-idle <= near
	if !same || idle < 1 {
		l.closedAt = idle
		return
	}
	l.closedAt = 0
	l.state.Lost += enough
	l.refuted(idle, now)
}

// forget leaves out losses that are too old.
func (l *Learner) forget(now time.Time) {
	if now.Sub(l.failed) > stale {
		l.state.Fails, l.state.At = 0, 0
	}
	l.failed = now
}

// against notes a loss after a silence, in seconds.
func (l *Learner) against(silence int, now time.Time) {
	s := &l.state
	s.At = max(s.At, silence)
	switch {
	case s.Phase == Probe && s.WasLo == 0:
		l.hold(now) // it is known already: one loss is enough
	case s.Fails >= enough:
		l.refuted(s.At, now)
	}
}

// proven notes that a path keeps such a silence.
func (l *Learner) proven(silence int, now time.Time) {
	s := &l.state
	doubt := s.WasLo > 0
	if doubt && s.Phase == Probe { // the losses were chance
		s.Lo, s.Hi = s.WasLo, s.WasHi
		s.WasLo, s.WasHi = 0, 0
		l.next(now)
		return
	}
	s.Lo = silence
	if again := min(s.Hi, l.ceiling); doubt && again > s.Lo { // a shorter one holds: does the other really not?
		l.enter(Probe, again, now)
		return
	}
	s.WasLo, s.WasHi = 0, 0
	if s.Hi <= s.Lo {
		s.Hi = 0
	}
	l.next(now)
}

// refuted notes that it does not.
func (l *Learner) refuted(silence int, now time.Time) {
	s := &l.state
	if s.WasLo == 0 && s.Lo >= silence {
		s.WasLo, s.WasHi = s.Lo, s.Hi
	} else { // it fails again, or a shorter one does
		s.WasLo, s.WasHi = 0, 0
	}
	if s.Hi == 0 || silence < s.Hi {
		s.Hi = silence
	}
	if s.Lo >= s.Hi {
		s.Lo = 0 // it was, once
	}
	l.next(now)
}

// next chooses the interval that follows from what is known.
func (l *Learner) next(now time.Time) {
	s := &l.state
	step := max(s.Lo/10, shortestStep)
	switch {
	case s.Lo >= l.ceiling, s.Lo > 0 && s.Hi > 0 && s.Hi-s.Lo <= step, s.Hi > 0 && s.Hi <= l.floor:
		l.hold(now)
	case s.Hi == 0:
		l.search(max(s.Lo, l.floor)*3/2, now)
	case s.Lo == 0:
		l.search(s.Hi*7/10, now)
	default:
		l.search(s.Lo+step, now)
	}
}

func (l *Learner) search(k int, now time.Time) {
	l.enter(Search, min(max(k, l.floor), l.ceiling), now)
}

func (l *Learner) hold(now time.Time) { l.enter(Hold, l.safe(), now) }

// probe tries what has failed once more, if that is long ago.
func (l *Learner) probe(now time.Time) {
	s := &l.state
	if k := min(s.Hi, l.ceiling); k > s.Lo && now.Sub(time.Unix(s.When, 0)) >= again {
		l.enter(Probe, k, now)
	}
}

func (l *Learner) enter(p Phase, k int, now time.Time) {
	s := &l.state
	s.Phase, s.K, s.OK, s.Fails, s.At, s.When = p, k, 0, 0, 0, now.Unix()
}

// safe is the interval for what is proven: with a margin, unless nothing is known to fail.
func (l *Learner) safe() int {
	s := &l.state
	if s.Hi == 0 && s.Lo >= l.ceiling {
		return l.ceiling
	}
	return min(max(s.Lo*9/10, l.floor), l.ceiling)
}
