package queue

// mostRuns bounds what is known of earlier Opens: a restart loop must not fill the checkpoint.
const mostRuns = 128

// prune forgets the oldest runs. A stamp of one that was forgotten counts from the beginning of the oldest that is
// left: ages are lower bounds.
func (r *runs) prune() {
	if n := len(*r) - mostRuns; n > 0 {
		*r = append((*r)[:0:0], (*r)[n:]...)
	}
}
