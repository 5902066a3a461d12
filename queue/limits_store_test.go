package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// journal keeps what was logged.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

// count is how many lines have a text in them.
func (j *journal) count(text string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// fill publishes messages of about 1 KiB until the store has refused or dropped some, or n were published, and returns
// the numbers of those that were taken, in order. What is busy is tried again after a commit.
func fill(t *testing.T, s *queue.Store, x *queue.Session, n int) (taken []int) {
	t.Helper()
	lost := func() uint64 { st := x.Stats(); return st.Dropped.Total() }
	for i, before := 0, lost(); i < n && lost() < before+20; i++ {
		m := message("%04d%s", i, bytes.Repeat([]byte{'.'}, 1000))
		_, err := s.Publish(m, []queue.Target{at(x, 1)})
		for range 20 {
			if !errors.Is(err, queue.ErrBusy) {
				break
			}
			commit(t, s)
			_, err = s.Publish(m, []queue.Target{at(x, 1)})
		}
		switch {
		case errors.Is(err, queue.ErrFull):
			return taken
		case err != nil:
			t.Fatalf("message %d: %v", i, err)
		}
		taken = append(taken, i)
		if i%8 == 7 {
			commit(t, s)
		}
	}
	commit(t, s)
	return taken
}

// empty drains a session and returns the numbers that came.
func empty(t *testing.T, s *queue.Store, x *queue.Session) (got []int) {
	t.Helper()
	x.Resume(0)
	for idle := 0; idle < 5; idle++ {
		for _, d := range x.Next(nil, 100) {
			idle = 0
			if !d.Release {
				var n int
				fmt.Sscanf(string(d.Message.Payload[:4]), "%d", &n)
				got = append(got, n)
			}
			if !x.Ack(d.PacketID) {
				t.Fatal("not in flight")
			}
		}
		commit(t, s)
	}
	x.Suspend()
	return got
}

// TestFullStoreDrains fills a disk, or what the store may have of it, to the brim by each policy. Then the subscriber comes and
// gets all that was acknowledged and not dropped; space comes back, and messages are taken again.
func TestFullStoreDrains(t *testing.T) {
	const slot = 64 << 10
	said := map[queue.Policy]string{
		queue.DropOldest: "the oldest messages are dropped: ", queue.DropNewest: "new messages are dropped: ", queue.Reject: "new messages are refused: ",
	}
	for _, c := range []struct {
		name     string
		capacity int64
		o        queue.Options
		limit    string
	}{
		{"disk", 12*slot + 700<<10, queue.Options{}, "512 KiB of the file system are left to others"},
		{"limit", 0, queue.Options{Limits: queue.Limits{Bytes: 8 * slot}}, "0 MiB of disk"},
		{"keep free", 42 * slot, queue.Options{KeepFree: 30 * slot}, "1 MiB of the file system are left to others"},
	} {
		for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
			t.Run(c.name+", "+policy.String(), func(t *testing.T) {
				var j journal
				disk := vfs.NewDisk()
				disk.SetCapacity(c.capacity)
				o := c.o
				o.SlotSize, o.BlockSize, o.Limits.WhenFull, o.Log = slot, 1024, policy, j.logger()
				s, _ := open(t, disk, o)
				x := create(t, s, queue.SessionOptions{})
				taken := fill(t, s, x, 2000)
				if len(taken) < 100 || len(taken) == 2000 && policy == queue.Reject {
					t.Fatalf("%d messages were taken", len(taken))
				}
				if n := j.count("store is full"); n != 1 {
					t.Errorf("%d lines say that the store is full:\n%s", n, j.buf.String())
				}
				if full, want := s.Full(), said[policy]+c.limit; full != want {
					t.Errorf("%q, want %q", full, want)
				}
				// Small things go on.
				y := create(t, s, queue.SessionOptions{})
				commit(t, s)
				if s.Session(y.Number()) == nil || s.Err() != nil {
					t.Fatalf("no session on a full disk: %v", s.Err())
				}
				closeStore(t, s)
				s, _ = open(t, disk, o)
				x = s.Session(x.Number())
				got := empty(t, s, x)
				checkLeft(t, policy, taken, got, x.Stats().Dropped[queue.DroppedStore])
				for n := range 40 { // the older checkpoint waits until the newer one has stood a while
					publish(t, s, six(n), at(x, 1))
					commit(t, s)
					if n%8 == 7 {
						empty(t, s, x)
					}
				}
				if n := s.Stats().Slots; n > 4 {
					t.Errorf("%d slots after the drain", n)
				}
				if full := s.Full(); full != "" {
					t.Errorf("drained, and still %q", full)
				}
				if again := fill(t, s, x, 50); len(again) != 50 {
					t.Errorf("%d messages were taken after the drain", len(again))
				}
				commit(t, s)
				closeStore(t, s)
			})
		}
	}
}

// checkLeft: what was dropped is the oldest or the newest, each is counted, and the rest is there in order.
func checkLeft(t *testing.T, policy queue.Policy, taken, got []int, lost uint64) {
	t.Helper()
	if len(got)+int(lost) < len(taken) {
		t.Errorf("%d taken, %d came, %d counted as dropped", len(taken), len(got), lost)
	}
	first := 0
	if policy == queue.DropOldest {
		first = len(taken) - len(got)
	} else if policy == queue.Reject && lost > 0 {
		t.Errorf("%d dropped", lost)
	}
	for i, n := range got {
		if n != taken[first+i] {
			t.Fatalf("message %d, want %d", n, taken[first+i])
		}
	}
	if len(got) < 100 {
		t.Errorf("only %d messages are left", len(got))
	}
}

// TestReserve: on a full disk sessions, subscriptions and facts are taken up to a bound, and what ends or deletes in
// any case. The store does not go down.
func TestReserve(t *testing.T) {
	o := small
	var j journal
	o.Log = j.logger()
	o.Limits = queue.Limits{Bytes: 6 * uint64(small.SlotSize), WhenFull: queue.Reject}
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	defer func() { closeStore(t, s) }()
	x, y := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	fill(t, s, x, 2000)
	if st := s.Stats(); st.Slots == st.Segments {
		t.Errorf("messages have begun the last of %d slots", st.Slots)
	}
	taken := 0
	for n := range 2000 {
		b := s.NewBatch()
		b.Put(1, fmt.Sprint("fact", n), make([]byte, 100))
		_, err := s.Apply(b)
		commit(t, s)
		if errors.Is(err, queue.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken++
	}
	if taken < 50 || taken == 2000 {
		t.Errorf("%d facts fit into the reserve", taken)
	}
	b := s.NewBatch()
	b.Delete(1, "fact0")
	apply(t, s, b)
	b = s.NewBatch()
	b.End(y)
	b.Put(1, "gone", nil)
	apply(t, s, b)
	commit(t, s)
	if got := empty(t, s, x); len(got) < 100 {
		t.Errorf("%d messages", len(got))
	}
	b = s.NewBatch()
	b.Put(1, "again", nil)
	apply(t, s, b)
	for n := range 40 { // the older checkpoint waits until the newer one has stood a while
		publish(t, s, six(n), at(x, 1))
		commit(t, s)
	}
	empty(t, s, x)
	if n := j.count("store has room again"); n != 1 {
		t.Errorf("%d lines say that there is room again", n)
	}
}

// TestRetainedWhenFull: a message that is dropped for those who are away is retained all the same while there is room
// for small things, and else refused.
func TestRetainedWhenFull(t *testing.T) {
	o := small
	o.Limits = queue.Limits{Bytes: 6 * uint64(small.SlotSize), WhenFull: queue.DropNewest}
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{})
	fill(t, s, x, 2000)
	m := retain(message("kept"))
	m.TopicName = "r"
	publish(t, s, m, at(x, 1))
	commit(t, s)
	refused := false
	for n := 0; n < 2000 && !refused; n++ {
		m := retain(message("%d", n))
		m.TopicName = fmt.Sprint("r/", n)
		_, err := s.Publish(m, []queue.Target{at(x, 1)})
		refused = errors.Is(err, queue.ErrFull)
		commit(t, s)
	}
	if !refused {
		t.Error("2000 retained messages fit into the reserve")
	}
	closeStore(t, s)
	s, r := open(t, disk, o)
	defer closeStore(t, s)
	if len(r.Retained) < 10 || r.Retained[0].TopicName != "r" {
		t.Errorf("%d retained messages", len(r.Retained))
	}
}

// TestOldestSegmentInFlight: what is in flight on a connection is not dropped to make room, what is behind it is.
func TestOldestSegmentInFlight(t *testing.T) {
	o := small
	o.Limits = queue.Limits{Bytes: 8 * uint64(small.SlotSize)}
	s, _ := open(t, vfs.NewDisk(), o)
	defer closeStore(t, s)
	busy, away := create(t, s, queue.SessionOptions{Window: 3}), create(t, s, queue.SessionOptions{})
	busy.Resume(0)
	for n := range 10 {
		publish(t, s, six(n), at(busy, 1))
	}
	flying := next(t, busy, "000", "001", "002")
	fill(t, s, away, 1000)
	if lost := away.Stats().Dropped[queue.DroppedStore]; lost == 0 {
		t.Error("nothing was dropped")
	}
	if lost := dropped(busy); lost != "" {
		t.Errorf("dropped of what is in flight: %s", lost)
	}
	ack(t, busy, flying...)
	next(t, busy, numbers(3, 5)...) // nor of what is behind it: to drop that would have freed nothing
}

// TestStoreMessages limits the deliveries of all sessions together: the longest queue gives way.
func TestStoreMessages(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		t.Run(policy.String(), func(t *testing.T) {
			o := small
			o.Limits = queue.Limits{Messages: 10, WhenFull: policy}
			s, _ := open(t, vfs.NewDisk(), o)
			defer closeStore(t, s)
			long, short := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
			for n := range 3 {
				publish(t, s, six(n), at(short, 1))
			}
			full := 0
			for n := range 20 {
				_, err := s.Publish(six(n), []queue.Target{at(long, 1)})
				if errors.Is(err, queue.ErrFull) {
					full++
				}
			}
			if n := short.Stats().Messages + long.Stats().Messages; n != 10 {
				t.Errorf("%d deliveries wait", n)
			}
			if (full > 0) != (policy == queue.Reject) {
				t.Errorf("%d refused", full)
			}
			long.Resume(0)
			short.Resume(0)
			next(t, short, numbers(0, 2)...)
			if policy == queue.DropOldest {
				next(t, long, numbers(13, 19)...)
				return
			}
			ack(t, long, next(t, long, numbers(0, 6)...)...)
			publish(t, s, six(100), at(long, 1)) // acknowledgements make room
			next(t, long, "100")
		})
	}
}

// TestAgeLimit drops what has waited for longer than a session, or the store, allows: in memory, in the log by
// segments, and from the front of what is delivered.
func TestAgeLimit(t *testing.T) {
	for name, c := range map[string]struct{ session, store time.Duration }{
		"session": {time.Hour, 0}, "store": {0, time.Hour}, "the session's is shorter": {time.Hour, 48 * time.Hour},
		"the store's is shorter": {48 * time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{kernel: 1, clock: time.Minute}
			o := small
			o.Boot, o.Limits.Age = m.boot(), c.store
			disk := vfs.NewDisk()
			s, _ := open(t, disk, o)
			l := queue.Limits{Age: c.session}
			x := create(t, s, queue.SessionOptions{RingMessages: 16, Limits: l})
			ring := create(t, s, queue.SessionOptions{Limits: l})
			never, late, flying := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{Limits: l}), create(t, s, queue.SessionOptions{Limits: l})
			publish(t, s, six(1), at(ring, 1), at(never, 1), at(late, 1), at(flying, 1))
			flying.Resume(0)
			next(t, flying, "001")
			for n := range 200 { // in 50 minutes
				publish(t, s, message("%04d%s", n, bytes.Repeat([]byte{'.'}, 1000)), at(x, 1))
				commit(t, s)
				m.clock += 15 * time.Second
			}
			publish(t, s, six(2), at(ring, 1), at(never, 1))
			commit(t, s)
			if n := dropped(x) + dropped(ring); n != "" {
				t.Errorf("dropped too early: %s", n)
			}
			m.clock += 20 * time.Minute
			s.Now() // reads the clock
			late.Resume(0)
			next(t, late) // at the latest where it would be delivered
			commit(t, s)
			if n := x.Stats().Messages; n < 160 { // 40 are older than an hour
				t.Errorf("%d messages are left", n)
			}
			if got := dropped(ring) + dropped(late) + dropped(flying); got != "age 1 age 1 " {
				t.Errorf("dropped: %s", got)
			}
			ring.Resume(0)
			next(t, ring, "002")
			flying.Suspend()
			commit(t, s)
			if got := dropped(flying); got != "age 1 " {
				t.Errorf("dropped of what was in flight: %s", got)
			}
			m.clock += 40 * time.Minute
			commit(t, s)
			if n := x.Stats().Messages; n > 80 { // a segment holds about 60
				t.Errorf("%d messages are still there", n)
			}
			m.clock += 30 * time.Minute
			if got := empty(t, s, x); len(got) > 0 { // the rest is dropped where it would be delivered
				t.Errorf("%d messages were delivered", len(got))
			}
			if got := x.Stats().Dropped[queue.DroppedAge]; got != 200 {
				t.Errorf("%d counted", got)
			}
			never.Resume(0)
			if c.store == 0 {
				next(t, never, "001", "002")
			}
			closeStore(t, s)
		})
	}
}

// TestAgeOfRetainedCopies: a retained message that is sent to a new subscription has its own age, and takes nothing
// with it.
func TestAgeOfRetainedCopies(t *testing.T) {
	m := &machine{kernel: 1, clock: time.Minute}
	o := small
	o.Boot = m.boot()
	s, _ := open(t, vfs.NewDisk(), o)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 1, Limits: queue.Limits{Age: time.Hour}})
	old := s.Now()
	m.clock += 2 * time.Hour
	commit(t, s)
	for n := range 150 {
		p := message("%04d%s", n, bytes.Repeat([]byte{'.'}, 1000))
		if n%2 == 1 {
			p.Stamp = old
		}
		publish(t, s, p, at(x, 1))
		commit(t, s)
	}
	if got := empty(t, s, x); len(got) != 75 {
		t.Errorf("%d messages came", len(got))
	}
}

// TestExpiredIsWrittenBeforeRelease: a QoS 2 delivery that may have been sent before a restart, and has expired since,
// ends with PUBREL; a next start that knows less of the time must not send it again.
func TestExpiredIsWrittenBeforeRelease(t *testing.T) {
	m := &machine{kernel: 1, clock: time.Minute}
	o := small
	o.Boot = m.boot()
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	short := message("short")
	short.QoS, short.HasExpiry, short.Expiry = 2, true, 60
	publish(t, s, short, at(x, 2))
	publish(t, s, six(2), at(x, 1))
	commit(t, s)
	next(t, x, "short", "002")
	closeStore(t, s)

	again := func() *queue.Session {
		s, _ = open(t, disk, o)
		x := s.Session(x.Number())
		x.Resume(0)
		x.Next(nil, 0)
		commit(t, s)
		return x
	}
	m.clock += time.Hour
	x = again()
	if ds := x.Next(nil, 10); len(ds) > 0 && ds[0].Release {
		t.Error("PUBREL goes before it is written")
	}
	commit(t, s)
	if st := x.Stats(); st.Messages != 1 || st.Dropped[queue.DroppedExpired] != 1 {
		t.Errorf("%+v", st)
	}
	if got := texts(x.Next(nil, 10)); len(got) == 0 || got[0] != "release" {
		t.Errorf("%q", got)
	}
	s.Close()
	m.clock -= time.Hour // as if the time had been proven by nothing
	x = again()
	next(t, x, "release", "002")
	closeStore(t, s)
}

// TestNoSpaceAnywhere lets every single operation that makes a file longer fail once for want of space: the store goes
// on, and nothing that was acknowledged is lost.
func TestNoSpaceAnywhere(t *testing.T) {
	for k := 1; ; k++ {
		disk, grown := vfs.NewDisk(), 0
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpCreate {
				if grown++; grown == k {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		o := small
		s, _, err := queue.Open(disk, "q", o)
		if err != nil {
			t.Fatalf("create %d: %v", k, err)
		}
		x := create(t, s, queue.SessionOptions{})
		acknowledged := 0
		for n := range 300 {
			_, err := s.Publish(message("%04d%s", n, bytes.Repeat([]byte{'.'}, 1000)), []queue.Target{at(x, 1)})
			if err != nil || s.Commit() != nil {
				break
			}
			acknowledged++
		}
		if acknowledged < 300 {
			t.Errorf("create %d failed: the store took %d messages: %v", k, acknowledged, s.Err())
		}
		s.Close()
		s, _ = open(t, disk, o)
		if x = s.Session(x.Number()); x != nil && len(empty(t, s, x)) < acknowledged {
			t.Errorf("create %d failed: of %d messages some are lost", k, acknowledged)
		}
		closeStore(t, s)
		if grown < k {
			break
		}
	}
}

// TestPrepare: a new store on a disk without room says so before anything is promised, whether its folder could be made or not, and one that
// has a file of its log needs none.
func TestPrepare(t *testing.T) {
	disk, room := vfs.NewDisk(), false
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate && !room {
			return syscall.ENOSPC
		}
		return nil
	})
	prepare := func() error {
		s, _ := open(t, disk, small)
		defer closeStore(t, s)
		return s.Prepare()
	}
	if err := prepare(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	room = true
	disk.SetCapacity(100)
	if err := prepare(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	disk.SetCapacity(0)
	if err := prepare(); err != nil {
		t.Error(err)
	}
	room = false
	s, _ := open(t, disk, small)
	if err := s.Prepare(); err != nil || s.Stats().Slots == 0 {
		t.Errorf("%v, %d files", err, s.Stats().Slots)
	}
	create(t, s, queue.SessionOptions{})
	commit(t, s)
	closeStore(t, s)
}

// TestLogsSessions: who is full is said once, and once that it is over.
func TestLogsSessions(t *testing.T) {
	var j journal
	o := small
	o.Log = j.logger()
	s, _ := open(t, vfs.NewDisk(), o)
	defer closeStore(t, s)
	l := limit(queue.Limits{Messages: 2, WhenFull: queue.Reject})
	l.Name = "pager"
	x := create(t, s, l)
	for n := range 50 {
		_, _ = s.Publish(six(n), []queue.Target{at(x, 1)})
		commit(t, s)
	}
	if n := j.count("the queue of a session is full"); n != 1 || j.count("name=pager") != 1 || j.count("refused=1 ") != 1 {
		t.Errorf("said %d times:\n%s", n, j.buf.String())
	}
	x.Resume(0)
	ack(t, x, next(t, x, "000", "001")...)
	commit(t, s)
	commit(t, s)
	if n := j.count("has room again"); n != 1 {
		t.Errorf("said %d times that there is room", n)
	}
}

// TestFullStoreLive: a publisher that is faster than the disk, into a store that drops what is oldest, waits for room at
// times, and nothing that comes later is lost for that.
func TestFullStoreLive(t *testing.T) {
	o := queue.Options{SlotSize: 64 << 10, BlockSize: 1024, Limits: queue.Limits{Bytes: 12 * 64 << 10}}
	s, _ := open(t, vfs.NewDisk(), o)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 16})
	const most = 6000
	busy := 0
	for n := range most {
		m := message("%04d%s", n, bytes.Repeat([]byte{'.'}, 400))
		for {
			before := s.Durable()
			_, err := s.Publish(m, []queue.Target{at(x, 1)})
			if err == nil {
				break
			}
			if !errors.Is(err, queue.ErrBusy) {
				t.Fatal(err)
			}
			busy++
			if err := s.Wait(t.Context(), before+1); err != nil { // as a connection does
				t.Fatal(err)
			}
		}
	}
	x.Resume(0)
	first, want := -1, -1
	for want < most {
		drain(t, x, 1, func(d queue.Delivery) {
			var n int
			fmt.Sscanf(string(d.Message.Payload[:4]), "%d", &n)
			if first < 0 {
				first, want = n, n
			}
			if n != want {
				t.Fatalf("message %d, want %d", n, want)
			}
			want++
		})
	}
	if lost := x.Stats().Dropped[queue.DroppedStore]; int(lost) != first || most-first < 500 {
		t.Errorf("%d messages are counted as dropped, the first that came is %d", lost, first)
	}
	t.Logf("%d waits, %d slots at most", busy, s.Stats().Slots)
	stop()
	closeStore(t, s)
}

// TestMaybeSentMakesRoom: of QoS 2 deliveries that may have been sent before a restart PUBREL is left, and their segments
// are freed all the same.
func TestMaybeSentMakesRoom(t *testing.T) {
	o := small
	o.Limits = queue.Limits{Bytes: 8 * uint64(small.SlotSize)}
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{RingMessages: 4})
	for n := range 200 {
		publish(t, s, message("%04d%s", n, bytes.Repeat([]byte{'.'}, 1000)), at(x, 2))
		commit(t, s)
	}
	s.Close()
	s, _ = open(t, disk, o)
	defer func() { closeStore(t, s) }()
	x = s.Session(x.Number())
	for n := 200; n < 700; n++ {
		m := message("%04d%s", n, bytes.Repeat([]byte{'.'}, 1000))
		_, err := s.Publish(m, []queue.Target{at(x, 1)})
		for tries := 0; errors.Is(err, queue.ErrBusy) && tries < 20; tries++ {
			commit(t, s)
			_, err = s.Publish(m, []queue.Target{at(x, 1)})
		}
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		commit(t, s)
	}
	st := x.Stats()
	if got := empty(t, s, x); len(got) < 100 || got[len(got)-1] != 699 || uint64(len(got)) != st.Messages {
		t.Errorf("%d messages came, %d were counted", len(got), st.Messages)
	}
}

// TestCheckpointsOnFullDisk: the disk is filled while no checkpoint can be written. There is room left for them, and when
// they can be written again space comes back.
func TestCheckpointsOnFullDisk(t *testing.T) {
	o := small
	o.Limits.WhenFull = queue.Reject
	disk := vfs.NewDisk()
	disk.SetCapacity(24 * small.SlotSize)
	disk.Hook(func(op vfs.Op) error {
		if strings.Contains(op.Name, "ckpt") {
			return syscall.EIO
		}
		return nil
	})
	s, _ := open(t, disk, o)
	defer func() { closeStore(t, s) }()
	x := create(t, s, queue.SessionOptions{})
	if taken := fill(t, s, x, 2000); len(taken) < 100 || len(taken) == 2000 {
		t.Fatalf("%d messages were taken", len(taken))
	}
	if left, err := disk.Free("q"); err != nil || left < 200<<10 {
		t.Errorf("%d bytes are left for checkpoints, %v", left, err)
	}
	disk.Hook(nil)
	empty(t, s, x)
	if again := fill(t, s, x, 200); len(again) != 200 {
		t.Errorf("%d messages were taken after the drain", len(again))
	}
}

// TestKeepFreeLeavesAStore: what is to be left to others does not keep a new store from working.
func TestKeepFreeLeavesAStore(t *testing.T) {
	o := small
	o.KeepFree, o.Limits.WhenFull = 1<<40, queue.Reject
	disk := vfs.NewDisk()
	disk.SetCapacity(10 << 20)
	s, _ := open(t, disk, o)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{})
	if taken := fill(t, s, x, 2000); len(taken) < 50 || len(taken) > 300 {
		t.Errorf("%d messages were taken", len(taken))
	}
}

// TestDropBytesAfterRestart: after a restart the segments themselves tell how much their messages weigh.
func TestDropBytesAfterRestart(t *testing.T) {
	const most = 200_000
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{RingMessages: 4})
	for n := range 600 {
		publish(t, s, message("%0*d", 10+990*(n/300), n), at(x, 1)) // 300 small ones, then 300 large ones
		commit(t, s)
	}
	closeStore(t, s)
	s, _ = open(t, disk, small)
	defer func() { closeStore(t, s) }()
	x = s.Session(x.Number())
	x.SetLimits(queue.Limits{Bytes: most})
	publish(t, s, six(1), at(x, 1))
	commit(t, s)
	x.SetLimits(queue.Limits{})
	x.Resume(0)
	total := 0
	for idle := 0; idle < 5; idle++ {
		for _, d := range x.Next(nil, 100) {
			total, idle = total+3+len(d.Message.Payload), 0
			ack(t, x, d)
		}
		commit(t, s)
	}
	if total > most+10_000 || total < most-64<<10 {
		t.Errorf("%d bytes were left, limit %d", total, most)
	}
}
