package reduce

import (
	"time"

	"skerry/broker"
)

// Example is what comes out of a window of one topic that had these messages, all of one kind, the first of which came at at and the others every
// so long after it: for who wants to know how large it is.
func Example(messages []*broker.Message, at time.Time, every time.Duration, to []string) []byte {
	t := &topic{}
	for i, m := range messages {
		t.take(m, at.Add(time.Duration(i)*every), true, to)
	}
	return t.payload(to)
}
