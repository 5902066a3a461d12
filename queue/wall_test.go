package queue_test

import (
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestWall: the date of a moment is known when the date was set later in the life of the same kernel, also after a new start of the
// program, and stays known when the power is lost after that.
func TestWall(t *testing.T) {
	const noise = 100 * time.Millisecond // real time goes by; what would be wrong is wrong by minutes
	disk := vfs.NewDisk()
	o := small
	m := machine{kernel: 1, clock: time.Minute, date: -50 * 365 * 24 * time.Hour}
	o.Boot = m.boot()
	o.Boot.ID = [16]byte{1}
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{})
	early := s.Now()
	publish(t, s, message("early"), at(x, 1))
	commit(t, s)
	if at, known := s.Wall(early); known {
		t.Errorf("known to be %v while nobody knows the date", at)
	}
	if last, known := s.LastDate(); known {
		t.Errorf("the last date is %v", last)
	}
	if !s.MayDate(early) {
		t.Error("nobody will know the date, in the life of the kernel that it belongs to")
	}
	closeStore(t, s)

	m.clock, m.date = time.Hour, 59*time.Minute // now it is known, and the first moment was at 0 of it
	m.trusted = true
	s, _ = open(t, disk, o)
	want := time.UnixMilli(1_780_000_000_000)
	later := s.Now()
	for _, at := range []struct {
		stamp queue.Stamp
		want  time.Time
	}{{early, want}, {later, want.Add(59 * time.Minute)}} {
		if got, known := s.Wall(at.stamp); !known || got.Sub(at.want).Abs() > noise {
			t.Errorf("%v: %v, %t; want %v", at.stamp, got, known, at.want)
		}
	}
	m.date -= 10 * time.Minute // it is stepped: the latest word counts in this run
	if got, _ := s.Wall(early); got.Sub(want.Add(-10*time.Minute)).Abs() > noise {
		t.Errorf("after a step: %v", got)
	}
	m.date += 10 * time.Minute
	create(t, s, queue.SessionOptions{})
	commit(t, s)
	closeStore(t, s)

	m = machine{kernel: 2, clock: time.Second, date: -50 * 365 * 24 * time.Hour}
	o.Boot = m.boot()
	s, _ = open(t, disk, o)
	defer closeStore(t, s)
	if got, known := s.Wall(early); !known || got.Sub(want).Abs() > noise {
		t.Errorf("after a loss of power: %v, %t", got, known)
	}
	if _, known := s.Wall(s.Now()); known {
		t.Error("the date of a kernel that never knew it is known")
	}
	if last, known := s.LastDate(); !known || last.Before(want.Add(59*time.Minute)) || last.After(want.Add(61*time.Minute)) {
		t.Errorf("the last date is %v, %t", last, known)
	}
	if _, known := s.Wall(queue.Stamp{Boot: 77}); known || s.MayDate(queue.Stamp{Boot: 77}) {
		t.Error("a boot that never was")
	}
	if !s.MayDate(early) || !s.MayDate(s.Now()) {
		t.Error("a date that is known, or may be, never will be")
	}
}

// TestNeverDated: what a kernel did not know of the date nobody learns when it is gone; while it is there a new start of the program may.
func TestNeverDated(t *testing.T) {
	disk, o := vfs.NewDisk(), small
	o.Boot = (&machine{kernel: 1, clock: time.Minute, date: -50 * 365 * 24 * time.Hour}).boot()
	o.Boot.ID = [16]byte{1}
	start := func() *queue.Store {
		s, _ := open(t, disk, o)
		x := create(t, s, queue.SessionOptions{})
		publish(t, s, message("a"), at(x, 1))
		commit(t, s)
		return s
	}
	s := start()
	early := s.Now()
	closeStore(t, s)
	s = start()
	if !s.MayDate(early) {
		t.Error("the kernel is the same, and its date may become known")
	}
	closeStore(t, s)
	m := machine{kernel: 2, clock: time.Second, date: -50 * 365 * 24 * time.Hour}
	o.Boot = m.boot()
	o.Boot.ID = [16]byte{2}
	s = start()
	defer closeStore(t, s)
	m.date, m.trusted = 0, true
	if _, known := s.Wall(s.Now()); !known {
		t.Fatal("the date of this kernel is not known")
	}
	if s.MayDate(early) {
		t.Error("the date of a kernel that is gone may become known")
	}
}
