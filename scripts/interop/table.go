package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"skerry/edge/uplink"
)

// tally is what became of numbered messages.
type tally struct{ lost, twice, late int }

// judge compares what came with the numbers below n. late: came behind a later one.
func judge(got []string, n int) (t tally) {
	seen, last := make([]int, n), -1
	for _, p := range got {
		i, err := strconv.Atoi(p)
		if err != nil || i < 0 || i >= n {
			continue
		}
		if seen[i]++; seen[i] == 1 && i < last {
			t.late++
		}
		last = max(last, i)
	}
	for _, times := range seen {
		if times == 0 {
			t.lost++
		}
		t.twice += max(times-1, 0)
	}
	return t
}

func (t tally) String() string { return fmt.Sprintf("%d/%d/%d", t.lost, t.twice, t.late) }

// result is a row of the table.
type result struct {
	name, release string
	n             int
	came          [3]tally // by QoS
	went          [3]tally // commands
	before, after [2]bool  // retained, by a name and by a wildcard, before and after the restart
	restarted     bool
	kept          bool // the observer's session, over the restart
	will, back    bool
	failOver      string
	status        uplink.Status
	took          time.Duration
}

func printHead(w io.Writer) {
	fmt.Fprintln(w, "lost/twice/late of messages up by QoS, of commands down by QoS; retained: by name and wildcard, + behind the restart; session: the observer's after")
	fmt.Fprintln(w, "the restart; will, back: the state topic says offline after a cut, and online again")
	fmt.Fprintf(w, "%-16s %-8s %-5s %5s %-11s %-9s %-9s %-9s %-9s %-9s %-7s %-9s %-5s %s\n",
		"server", "version", "MQTT", "n", "up 0", "up 1", "up 2", "down 1", "down 2", "retained", "session", "will/back", "sec.", "uplink")
}

func (r *result) print(w io.Writer) {
	s := r.status
	counts := fmt.Sprintf("connections %d, lost sessions %d, repeated %d, lowered %d, refused %d", s.Connections, s.LostSession, s.Repeated, s.Downgraded, s.Refused)
	if r.failOver != "" {
		counts = r.failOver + "; " + counts
	}
	down := [3]string{"-", "-", "-"}
	for qos, t := range r.went {
		if qos > 0 && r.failOver == "" {
			down[qos] = t.String()
		}
	}
	fmt.Fprintf(w, "%-16s %-8s %-5s %5d %-11v %-9v %-9v %-9s %-9s %-9s %-7s %-9s %-5.0f %s\n", r.name, r.release, s.Version, r.n,
		r.came[0], r.came[1], r.came[2], down[1], down[2], yes(r.before)+"+"+yes(r.after), yes([2]bool{r.kept})[:1], yes([2]bool{r.will, r.back}), r.took.Seconds(), counts)
}

func yes(all [2]bool) string {
	var b strings.Builder
	for _, ok := range all {
		if ok {
			b.WriteByte('y')
		} else {
			b.WriteByte('n')
		}
	}
	return b.String()
}

// verdict compares with what the server promises.
func (r *result) verdict(c *candidate) error {
	switch {
	case r.came[1].lost+r.came[2].lost > 0:
		return fmt.Errorf("%d and %d messages of QoS 1 and 2 are lost", r.came[1].lost, r.came[2].lost)
	case c.exactly && !(c.forgets && r.restarted) && (r.came[2].twice > 0 || r.went[2].twice > 0):
		return fmt.Errorf("%d messages of QoS 2 came twice, %d commands", r.came[2].twice, r.went[2].twice)
	case r.went[1].lost+r.went[2].lost > 0:
		return fmt.Errorf("%d and %d commands are lost", r.went[1].lost, r.went[2].lost)
	case c.size == 1 && (!r.will || !r.back):
		return fmt.Errorf("the state topic does not tell")
	}
	return nil
}
