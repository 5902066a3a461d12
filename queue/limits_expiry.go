package queue

import "time"

// shedEvery is how often a full session is searched for what has expired. Intervals are whole seconds.
const shedEvery = time.Second

// shedExpired drops what has expired from a session that has no room, so that it does not keep out what is still wanted. Both
// locks are held. False: nothing was found, or it was looked for a moment ago. Then, if messages are only in the log, the oldest of
// them are read, as many as fit the memory of a session without connection, and are looked at the next time.
func (x *Session) shedExpired() bool {
	now := x.s.clock.now()
	if x.shed != 0 && now-x.shed < shedEvery {
		return false
	}
	x.shed = max(now, 1)
	before := x.load.messages
	x.dropExpired()
	if x.load.messages < before {
		return true
	}
	x.seek = true
	x.askFill()
	return false
}

// dropExpired drops what waits and has expired [MQTT-3.3.2-5]. Of what is only in the log that is known by segment, and of the
// segment being written, where the session has limits, by run: all of it goes, or nothing. What is in flight stays: its
// delivery has begun.
func (x *Session) dropExpired() {
	for i := 0; i < x.ring.len(); {
		if e := x.ring.at(i); e.m != nil && e.qos > 0 && e.state != received && x.s.expired(e.m) {
			x.dropAt(i, DroppedExpired)
		} else {
			i++
		}
	}
	for i := range x.marks {
		if k := &x.marks[i]; k.highest >= x.want && k.longest.over(x.s.Since(k.last)) {
			x.dropLogged(k.lowest, k.highest+1, DroppedExpired)
		}
	}
	for i := range x.tallies {
		if t := &x.tallies[i]; t.to > x.want && t.longest.over(x.s.Since(t.last)) {
			x.dropLogged(t.from, t.to, DroppedExpired)
		}
	}
}

// dropAllExpired drops what has expired of all sessions. Who is connected and takes what it is given needs nobody to do that.
func (s *Store) dropAllExpired() {
	for _, x := range s.sessions {
		x.mu.Lock()
		if !x.connected {
			x.dropExpired()
		}
		x.mu.Unlock()
	}
}
