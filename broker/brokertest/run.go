package brokertest

import (
	"cmp"
	"strings"
	"testing"
	"time"
)

// A Broker is what the suite is played against.
type Broker struct {
	// Start makes a fresh broker with these limits that lets anybody in, and tells how to reach it. It ends with the test.
	Start func(t *testing.T, l Limits) Dial
	// Around runs each case; it is where a case is put into a bubble or beside others. nil: one after the other.
	Around func(t *testing.T, play func(t *testing.T))
	// Waits is how much time may go by in a case; those that need more are left out. 0: any.
	Waits time.Duration
	// Patience is how long to wait for what must come. 0: Patience.
	Patience time.Duration
	// Terse is for a broker that closes a connection without saying why, or gives another reason: 5.0 leaves it free to
	// (section 4.13). The connection has to be closed all the same.
	Terse bool
	// Differences are the cases, by name, in which the broker is known to do otherwise, and why. One that is played as
	// everybody else's is an error too: the list says what is, not what was; unless its reason begins with "at times".
	Differences map[string]string
	// Tries is how often a case is played before it has failed; 0: once. It is for somebody else's broker in real time, on a machine
	// that may be busy: what happens once in a while is no difference.
	Tries int
}

// Run plays all cases.
func Run(t *testing.T, b Broker) {
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range cases {
		known[c.Name()] = true
		if b.Waits > 0 && c.Waits > b.Waits {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			if b.Around == nil {
				b.play(t, c)
				return
			}
			b.Around(t, func(t *testing.T) { b.play(t, c) })
		})
	}
	for name := range b.Differences {
		if !known[name] {
			t.Errorf("a difference in a case that does not exist: %s", name)
		}
	}
}

func (b *Broker) play(t *testing.T, c *Case) {
	why, differs := b.Differences[c.Name()]
	patience := b.Patience
	if differs {
		patience = cmp.Or(patience, Patience) / 8 // what is not going to come is not waited for
	}
	err := c.play(b.Start(t, c.Limits), Peer{Patience: patience, Terse: b.Terse})
	for again := 1; err != nil && !differs && again < b.Tries; again++ {
		t.Logf("once more: %v", err)
		err = c.play(b.Start(t, c.Limits), Peer{Patience: patience, Terse: b.Terse})
	}
	switch {
	case differs && err == nil && strings.HasPrefix(why, "at times"):
	case differs && err == nil:
		t.Errorf("this is no difference any more: %s", why)
	case differs:
		t.Logf("known to differ (%s): %v", why, err)
	case err != nil:
		t.Error(err)
	}
}

// ReadDifferences reads lines of "name of the case => why"; lines that begin with # are remarks.
func ReadDifferences(text string) map[string]string {
	all := map[string]string{}
	for l := range strings.Lines(text) {
		name, why, ok := strings.Cut(strings.TrimSpace(l), " => ")
		if ok && !strings.HasPrefix(name, "#") {
			all[name] = why
		}
	}
	return all
}
