package queue_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestLogsMessages: that the store has as many messages as it may is said once, with the limit that was reached, however
// many are dropped or refused then; and once that it is over. What is refused is counted.
func TestLogsMessages(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		t.Run(policy.String(), func(t *testing.T) {
			var j journal
			o := small
			o.Log, o.Limits = j.logger(), queue.Limits{Messages: 7, WhenFull: policy}
			s, _ := open(t, vfs.NewDisk(), o)
			defer closeStore(t, s)
			x := create(t, s, queue.SessionOptions{})
			for n := range 50 {
				_, _ = s.Publish(six(n), []queue.Target{at(x, 1)})
				commit(t, s)
			}
			if n := j.count(`limit="7 messages"`); n != 1 || j.count("store is full") != 1 {
				t.Errorf("said %d times:\n%s", n, j.buf.String())
			}
			want := queue.Drops{}
			if want[queue.DroppedStore] = 43; policy == queue.Reject {
				want[queue.DroppedStore], want[queue.DroppedRejected] = 0, 43
			}
			if got := s.Stats().Drops; got != want {
				t.Errorf("counted %v, want %v", got, want)
			}
			if policy == queue.Reject && dropped(x) != "rejected 43 " {
				t.Errorf("the session counts %q", dropped(x))
			}
			if n := j.count("the queue of a session"); n != 0 {
				t.Errorf("said %d times that the session is full, which has no limit", n)
			}
			if got := empty(t, s, x); len(got) != 7 {
				t.Errorf("%d messages came", len(got))
			}
			commit(t, s)
			if n := j.count("store has room again"); n != 1 {
				t.Errorf("said %d times that there is room:\n%s", n, j.buf.String())
			}
		})
	}
}
