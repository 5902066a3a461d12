package queue_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// station is a store on a false clock, with sensors that publish in turn, and a receiver that acknowledges what it has
// had for some time.
type station struct {
	*queue.Store
	t    *testing.T
	disk *vfs.Disk
	x    *queue.Session
	away *queue.Session // without a connection
	due  []due
	sent int
	stop func()

	latency time.Duration
}

type due struct {
	at time.Time
	id uint16
}

const (
	sensors   = 20
	each      = 10 * time.Second
	latency   = 10 * time.Second
	stretched = 12 * time.Second
)

func newStation(t *testing.T) *station {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, queue.Options{})
	st := &station{Store: s, t: t, disk: disk, stop: run(t, s), latency: latency}
	st.x = create(t, s, queue.SessionOptions{})
	st.x.Resume(0)
	st.away = create(t, s, queue.SessionOptions{})
	synctest.Wait()
	return st
}

// live lets some time pass.
func (s *station) live(d time.Duration, retained bool) {
	s.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); s.sent++ {
		m := own(message("{\"value\":%d,\"unit\":\"hPa\",\"time\":\"2026-05-04T12:00:00.000Z\"}", s.sent))
		m.TopicName, m.Retain = fmt.Sprintf("lake/wx-042/sensor-%02d/pressure", s.sent%sensors), retained
		publish(s.t, s.Store, m, at(s.x, 1))
		s.pull()
		time.Sleep(each / sensors)
		s.acknowledge(time.Now())
	}
}

func (s *station) pull() {
	for _, d := range s.x.Next(nil, 1000) {
		s.due = append(s.due, due{time.Now().Add(s.latency), d.PacketID})
	}
}

func (s *station) acknowledge(until time.Time) {
	for len(s.due) > 0 && !s.due[0].at.After(until) {
		if !s.x.Ack(s.due[0].id) {
			s.t.Fatal("an acknowledgement that nobody waited for")
		}
		s.due = s.due[1:]
	}
}

// cut takes the power and returns the readings that were missing on the disk, and the session.
func (s *station) cut() (missing int, _ *queue.Store, retained map[string]string) {
	s.t.Helper()
	synctest.Wait()
	disk := s.disk.Killed()
	store, rec := open(s.t, disk, queue.Options{})
	retained = map[string]string{}
	for _, m := range rec.Retained {
		retained[m.TopicName] = string(m.Payload)
	}
	x := store.Session(s.x.Number())
	run(s.t, store)
	x.Resume(0)
	synctest.Wait()
	found := 0
	for ds := x.Next(nil, 1000); len(ds) > 0; ds = x.Next(nil, 1000) {
		found += len(ds)
		synctest.Wait()
	}
	return len(s.due) - found, store, retained
}

// TestAcknowledgedReadingsAreNotWritten is a healthy station: what the receiver acknowledges within the window is
// never written, also when a backlog was drained before and when other things are written meanwhile.
func TestAcknowledgedReadingsAreNotWritten(t *testing.T) {
	const perReading = 4096 // at least: one commit
	for _, c := range []struct {
		name     string
		retained bool
		latency  time.Duration
		window   time.Duration
		most     float64
	}{
		{"plain", false, latency, stretched, 0},
		{"retained", true, latency, stretched, 0.02},
		{"at once", false, 50 * time.Millisecond, 0, 0},
		{"retained, at once", true, 50 * time.Millisecond, 0, 0.02},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t)
				s.latency = c.latency
				s.live(5*time.Minute, c.retained)
				if st := s.Stats(); (c.window > 0 || c.retained) && (st.Elided != 0 || st.Groups < 100) {
					t.Errorf("at commit_window all of it is written: %+v", st)
				}
				s.SetCommitWindow(c.window, time.Minute)
				s.live(2*time.Minute, c.retained) // what was written is acknowledged
				before, sent := s.Stats(), s.sent
				s.live(time.Hour, c.retained)
				after := s.Stats()
				n := s.sent - sent
				bytes := after.Bytes - before.Bytes
				t.Logf("%d readings, %d bytes, %d flushes, %d elided, %d coalesced: %.2f %%", n, bytes, after.Flushes-before.Flushes,
					after.Elided-before.Elided, after.Coalesced-before.Coalesced, 100*float64(bytes)/float64(n*perReading))
				if float64(bytes) > c.most*float64(n*perReading) {
					t.Error("too much is written")
				}
				if gone := int(after.Elided + after.Coalesced - before.Elided - before.Coalesced); gone < n*8/10 {
					t.Errorf("%d of %d readings counted as spared", gone, n)
				}
				if after.Pending > 3*sensors {
					t.Errorf("%d records are waiting", after.Pending)
				}
				s.stop()
				closeStore(t, s.Store)
			})
		})
	}
}

// TestRetainedReadingsOnDisk: what the next start shows is a minute old at most, and a little.
func TestRetainedReadingsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		s.SetCommitWindow(stretched, time.Minute)
		for range 7 {
			s.live(7*time.Minute+3*time.Second, true)
			_, store, retained := s.cut()
			for i := range sensors {
				var at int
				topic := fmt.Sprintf("lake/wx-042/sensor-%02d/pressure", i)
				if _, err := fmt.Sscanf(retained[topic], `{"value":%d,`, &at); err != nil {
					t.Fatalf("%s: %q", topic, retained[topic])
				}
				if age := time.Duration(s.sent-at) * each / sensors; age > time.Minute+latency+2*each {
					t.Errorf("%s is %v old", topic, age)
				}
			}
			_ = store
		}
		s.stop()
		closeStore(t, s.Store)
	})
}

// TestWindowShrinks: when the link goes, what waits because of the long window is due by the short one.
func TestWindowShrinks(t *testing.T) {
	for _, c := range []struct {
		name   string
		shrink func(s *station)
	}{
		{"set", func(s *station) { s.SetCommitWindow(0, 0) }},
		{"receiver gone", func(s *station) { s.x.Suspend() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t)
				s.SetCommitWindow(time.Minute, time.Minute)
				s.live(5*time.Minute, false)
				if missing, _, _ := s.cut(); missing < 15 {
					t.Errorf("%d readings are not on the disk while the link is up", missing)
				}
				c.shrink(s)
				if missing, _, _ := s.cut(); missing > 4 {
					t.Errorf("%d readings are not on the disk right after", missing)
				}
				time.Sleep(2 * time.Second)
				if missing, _, _ := s.cut(); missing != 0 {
					t.Errorf("%d readings are not on the disk 2 s later", missing)
				}
				s.stop()
				closeStore(t, s.Store)
			})
		})
	}
}

// durable is when a receipt resolves that nobody waits for.
func durable(s *queue.Store, r queue.Receipt) time.Time {
	for synctest.Wait(); s.Durable() < r; synctest.Wait() {
		time.Sleep(100 * time.Millisecond)
	}
	return time.Now()
}

// TestWhatCannotBeSpared has the short window whatever the long one is.
func TestWhatCannotBeSpared(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *station) queue.Receipt
		want time.Duration
	}{
		{"QoS 1", func(s *station) queue.Receipt { return publish(s.t, s.Store, own(message("a")), at(s.x, 1)) }, time.Minute},
		{"QoS 2", func(s *station) queue.Receipt { return publish(s.t, s.Store, own(message("a")), at(s.x, 2)) }, 2 * time.Second},
		{"a fact", func(s *station) queue.Receipt {
			b := s.NewBatch()
			b.Put(4, "rain", []byte("1"))
			b.MayWait()
			return apply(s.t, s.Store, b)
		}, 2 * time.Second},
		{"retained only", func(s *station) queue.Receipt { return publish(s.t, s.Store, retain(own(message("a")))) }, 2 * time.Second},
		{"one receiver away", func(s *station) queue.Receipt {
			return publish(s.t, s.Store, own(message("a")), at(s.x, 1), at(s.away, 1))
		}, 2 * time.Second},
		{"a client's", func(s *station) queue.Receipt {
			publish(s.t, s.Store, own(message("a")), at(s.x, 1))
			return publish(s.t, s.Store, message("b"), at(s.x, 1))
		}, 0},
		{"much", func(s *station) queue.Receipt {
			first := publish(s.t, s.Store, own(message("a")), at(s.x, 1))
			for range 4096 {
				publish(s.t, s.Store, own(message("%1000d", 0)), at(s.x, 1))
			}
			return first
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t)
				s.SetCommitWindow(time.Minute, time.Minute)
				start := time.Now()
				if took := durable(s.Store, c.do(s)).Sub(start); took != c.want {
					t.Errorf("durable after %v, want %v", took, c.want)
				}
				s.stop()
				closeStore(t, s.Store)
			})
		})
	}
}

// TestFactsGoAside: a fact is written in time, and takes no reading along that is not acknowledged yet.
func TestFactsGoAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		s.SetCommitWindow(stretched, time.Minute)
		for i := range 60 {
			b := s.NewBatch()
			b.Put(4, "rain", fmt.Append(nil, i))
			if i%2 > 0 {
				b.Put(4, "wind", fmt.Append(nil, i))
			}
			b.MayWait()
			apply(t, s.Store, b)
			s.live(30*time.Second, i%3 > 0)
		}
		if missing, store, _ := s.cut(); missing < 10 {
			t.Errorf("only %d unacknowledged readings were spared", missing)
		} else if v, _ := store.Fact(4, "rain"); string(v) != "59" {
			t.Errorf("the fact is %q", v)
		}
		if st := s.Stats(); int(st.Elided) < s.sent/3 {
			t.Errorf("%d readings, %+v", s.sent, st)
		}
		s.stop()
		closeStore(t, s.Store)
	})
}

// keep puts a fact that may wait, and has somebody told when it is durable.
func (s *station) keep(value string) *alarm {
	s.t.Helper()
	told := newAlarm()
	b := s.NewBatch()
	b.Put(4, "rain", []byte(value))
	b.MayWait()
	b.Tell(told)
	apply(s.t, s.Store, b)
	return told
}

// TestFactsAreTold: who waits for a fact is told once, when a power cut would find it, and readings keep their window.
func TestFactsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		s.SetCommitWindow(time.Minute, time.Minute)
		publish(t, s.Store, own(message("a")), at(s.x, 1))
		before, start := s.Stats(), time.Now()
		first := s.keep("1")
		time.Sleep(time.Second)
		second := s.keep("2")
		<-first.c
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("told after %v", took)
		}
		if _, store, _ := s.cut(); second.n.Load() != 1 {
			t.Error("what was written along is not told")
		} else if v, _ := store.Fact(4, "rain"); string(v) != "2" {
			t.Errorf("told, and the fact on the disk is %q", v)
		}
		if n := s.Stats().Messages - before.Messages; n != 0 {
			t.Errorf("%d readings were written for it", n)
		}
		time.Sleep(time.Hour)
		if first.n.Load() != 1 || second.n.Load() != 1 {
			t.Errorf("told %d and %d times", first.n.Load(), second.n.Load())
		}
		s.stop()
		closeStore(t, s.Store)
	})
}

// TestHurry ends the wait at once, for facts and for readings.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		s.SetCommitWindow(time.Minute, time.Minute)
		s.Hurry() // nothing waits
		r := publish(t, s.Store, own(message("a")), at(s.x, 1))
		told, start := s.keep("1"), time.Now()
		s.Hurry()
		<-told.c
		if took := time.Since(start); took != 0 || s.Durable() < r {
			t.Errorf("told after %v; durable up to %d of %d", took, s.Durable(), r)
		}
		s.stop()
		closeStore(t, s.Store)
	})
}

// TestFailureIsTold: nobody waits for ever for what cannot be written any more.
func TestFailureIsTold(t *testing.T) {
	disk := vfs.NewDisk()
	store, _ := open(t, disk, queue.Options{})
	s := &station{Store: store, t: t}
	told := s.keep("1")
	disk.SetReadOnly(true)
	if err := s.Commit(); err == nil || told.n.Load() != 1 {
		t.Errorf("%v, told %d times", err, told.n.Load())
	}
	b := s.NewBatch()
	b.Put(4, "rain", []byte("2"))
	b.Tell(told)
	if _, err := s.Apply(b); err == nil || told.n.Load() != 1 {
		t.Errorf("refused: %v, told %d times", err, told.n.Load())
	}
	_ = s.Close()
}

// TestReceiptOfSparedReading: it resolves although nothing is written; if somebody waits for it, as soon as without an uplink.
func TestReceiptOfSparedReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		s.SetCommitWindow(time.Minute, time.Minute)
		before := s.Stats()
		start := time.Now()
		r := publish(t, s.Store, own(message("a")), at(s.x, 1))
		ack(t, s.x, next(t, s.x, "a")...)
		if took := durable(s.Store, r).Sub(start); took != time.Minute {
			t.Errorf("resolved after %v", took)
		}
		r = publish(t, s.Store, own(message("b")), at(s.x, 1))
		ack(t, s.x, next(t, s.x, "b")...)
		publish(t, s.Store, own(message("c")), at(s.x, 1)) // is not acknowledged
		time.Sleep(time.Second)
		start = time.Now()
		if err := s.Wait(t.Context(), r); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if n := s.Stats().Records - before.Records; n > 2 { // c, and the time
			t.Errorf("%d records", n)
		}
		s.stop()
		closeStore(t, s.Store)
	})
}

// TestOlderRetainedDoesNotWin: of two receivers the one acknowledges what is later, the other what is earlier.
func TestOlderRetainedDoesNotWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		y := create(t, s.Store, queue.SessionOptions{})
		y.Resume(0)
		s.SetCommitWindow(10*time.Minute, time.Minute)
		publish(t, s.Store, retain(own(message("old"))), at(y, 1))
		publish(t, s.Store, retain(own(message("new"))), at(s.x, 1))
		ack(t, s.x, next(t, s.x, "new")...)
		next(t, y, "old")
		time.Sleep(5 * time.Minute)
		publish(t, s.Store, message("a client's"), at(s.x, 1))
		if _, _, retained := s.cut(); retained["a/b"] != "new" {
			t.Errorf("retained %q", retained)
		}
		s.stop()
		closeStore(t, s.Store)
	})
}
