package uplink

import (
	"fmt"
	"testing"
	"time"

	"skerry/queue"
)

func TestThinner(t *testing.T) {
	thin := newThinner(10 * time.Minute)
	for i, c := range []struct {
		topic string
		at    queue.Stamp
		want  bool
	}{
		{"a", queue.Stamp{Boot: 1, At: time.Hour}, true},
		{"a", queue.Stamp{Boot: 1, At: time.Hour + 10*time.Minute - 1}, false},
		{"b", queue.Stamp{Boot: 1, At: time.Hour + 5*time.Minute}, true},
		{"a", queue.Stamp{Boot: 1, At: time.Hour + 10*time.Minute}, true},
		{"a", queue.Stamp{Boot: 1, At: time.Hour + 5*time.Minute}, false}, // a retained one that comes late
		{"a", queue.Stamp{Boot: 1}, true},
		{"a", queue.Stamp{Boot: 2, At: time.Minute}, true}, // another run
		{"a", queue.Stamp{Boot: 2, At: 2 * time.Minute}, false},
	} {
		if got := thin.passes(c.topic, c.at); got != c.want {
			t.Errorf("%d: %s at %v passes: %v", i, c.topic, c.at, got)
		}
	}
	if n := thin.thinned(); n != 3 {
		t.Errorf("%d did not pass", n)
	}
}

// TestThinnerBounded: topics without end take no more memory than they may.
func TestThinnerBounded(t *testing.T) {
	thin := newThinner(time.Hour)
	for i := range 100_000 {
		if !thin.passes(fmt.Sprintf("topic/of/some/length/%d", i), queue.Stamp{Boot: 1, At: time.Second}) {
			t.Fatalf("topic %d did not pass", i)
		}
	}
	if thin.bytes > mostThinned || len(thin.topics) < 1000 || len(thin.topics) > 20_000 {
		t.Errorf("%d topics, %d B", len(thin.topics), thin.bytes)
	}
	sum := 0
	for topic := range thin.topics {
		sum += thinnedTopic + len(topic)
	}
	if sum != thin.bytes {
		t.Errorf("%d B are counted, %d are there", thin.bytes, sum)
	}
}
