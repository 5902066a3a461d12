package server

import "sync/atomic"

// turn is the right to write to a connection. It is not a lock: nobody waits for it. Whoever finds it taken leaves
// word, and the one who has it looks once more before giving it back. So nothing that became ready is ever
// forgotten, and nobody is held up by somebody else's socket.
type turn struct{ state atomic.Uint32 }

const (
	turnFree  uint32 = iota
	turnTaken        // somebody writes
	turnAgain        // somebody writes, and there is more
	turnShut         // nobody writes ever again
)

// take asks for the turn. False: somebody has it and has been told to look again, or the connection is over.
func (t *turn) take() bool {
	for {
		switch t.state.Load() {
		case turnFree:
			if t.state.CompareAndSwap(turnFree, turnTaken) {
				return true
			}
		case turnTaken:
			if t.state.CompareAndSwap(turnTaken, turnAgain) {
				return false
			}
		default:
			return false
		}
	}
}

// release gives the turn back. False: there is more to do and the caller still has it.
func (t *turn) release() bool {
	if t.state.CompareAndSwap(turnTaken, turnFree) {
		return true
	}
	t.state.Store(turnTaken) // from turnAgain, which nobody but the one who has the turn leaves
	return false
}

// shut ends it for good. False: somebody has it; ask again after the release.
func (t *turn) shut() bool {
	return t.state.CompareAndSwap(turnFree, turnShut) || t.state.Load() == turnShut
}
