package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// topics of each QoS.
const topics = 8

// name is what a reading is known by: QoS, topic, number on it, from 0.
type name struct{ qos, topic, number int }

// nth is the name of the i-th reading of a QoS.
func nth(qos, i int) name { return name{qos, i % topics, i / topics} }

func (n name) topicName() string { return fmt.Sprintf("soak/q%d/%d", n.qos, n.topic) }
func (n name) payload() string   { return fmt.Sprintf(`{"value":%d}`, n.number) }

// read gives the name of a message that arrived.
func read(topic, payload string) (n name, ok bool) {
	rest, ok := strings.CutPrefix(topic, "soak/q")
	qos, at, found := strings.Cut(rest, "/")
	text, reading := strings.CutPrefix(payload, `{"value":`)
	if !ok || !found || !reading {
		return n, false
	}
	var errs [3]error
	n.qos, errs[0] = strconv.Atoi(qos)
	n.topic, errs[1] = strconv.Atoi(at)
	n.number, errs[2] = strconv.Atoi(strings.TrimSuffix(text, "}"))
	good := errs == [3]error{} && n.qos >= 1 && n.qos <= 2 && n.topic >= 0 && n.topic < topics && n.number >= 0
	return n, good
}

// ledger is what has arrived. For all goroutines.
type ledger struct {
	mu      sync.Mutex
	came    [3][topics][]uint8 // how often, by number; no more than 255 times
	newest  [3][topics]int     // the highest number that came, plus one
	arrived int                // different readings
	last    time.Time          // when one came
	strange int                // that nobody published
	late    [3]int             // came for the first time behind a newer one
	first   string             // of those

	doubt map[name]bool // on their way when the server lost its sessions
	taken map[name]bool // of them, those that the server had said PUBREC for
}

func newLedger() *ledger {
	return &ledger{doubt: map[name]bool{}, taken: map[name]bool{}, last: time.Now()}
}

// note takes a message in.
func (l *ledger) note(topic, payload string) {
	n, ok := read(topic, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	if !ok {
		l.strange++
		return
	}
	all := &l.came[n.qos][n.topic]
	for len(*all) <= n.number {
		*all = append(*all, 0)
	}
	newest := &l.newest[n.qos][n.topic]
	if (*all)[n.number] == 0 {
		l.arrived++
		if n.number < *newest && !l.doubt[n] {
			l.late[n.qos]++
			if l.first == "" {
				l.first = fmt.Sprintf("%s %d came behind %d", topic, n.number, *newest-1)
			}
		}
	}
	*newest = max(*newest, n.number+1)
	if (*all)[n.number] < 255 {
		(*all)[n.number]++
	}
}

// count is how many different readings have arrived.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrived
}

// quiet is for how long nothing has come.
func (l *ledger) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.last)
}

// suspect notes what was on its way when the server lost its sessions.
func (l *ledger) suspect(all, taken []name) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range all {
		l.doubt[n] = true
	}
	for _, n := range taken {
		l.doubt[n], l.taken[n] = true, true
	}
}

// owed is how many of the first n readings of each QoS have not arrived and were not on their way when sessions were lost.
func (l *ledger) owed(n int) int { return l.judge(1, n).lost + l.judge(2, n).lost }

// tally is the account of one QoS.
type tally struct {
	lost, twice  int // outside lost sessions
	spared, both int // of what was on its way when sessions were lost: missing, twice
	recorded     int // of spared: the server had said PUBREC
	late         int
	examples     []string
}

// judge compares what came with the first n readings of a QoS, all acknowledged.
func (l *ledger) judge(qos, n int) tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := tally{late: l.late[qos]}
	for i := range n {
		x := nth(qos, i)
		times := 0
		if all := l.came[qos][x.topic]; x.number < len(all) {
			times = int(all[x.number])
		}
		switch doubt := l.doubt[x]; {
		case times == 0 && doubt:
			t.spared++
			if l.taken[x] {
				t.recorded++
			}
		case times == 0:
			t.lost++
			t.example(x, times)
		case times > 1 && doubt:
			t.both++
		case times > 1:
			t.twice++
			if qos == 2 {
				t.example(x, times)
			}
		}
	}
	return t
}

func (t *tally) example(n name, times int) {
	if len(t.examples) < 5 {
		t.examples = append(t.examples, fmt.Sprintf("%s %d came %d times", n.topicName(), n.number, times))
	}
}
