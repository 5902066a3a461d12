package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

const (
	childEnv  = "SKERRY_QUEUE_TEST_CHILD"
	childTask = "SKERRY_QUEUE_TEST_TASK" // empty: publish
	childNext = "SKERRY_QUEUE_TEST_NEXT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := task(os.Getenv(childTask), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// task is what this program does when a test has started it.
func task(name, dir string) error {
	next, _ := strconv.Atoi(os.Getenv(childNext))
	switch name {
	case "open":
		return openOnce(dir)
	case "one by one":
		return oneByOne(dir)
	case "fill backlog":
		return fillBacklog(dir, next)
	case "drain backlog":
		return drainBacklog(dir)
	}
	return child(dir, next)
}

func openOnce(dir string) error {
	s, _, err := queue.Open(vfs.OS{}, dir, small)
	if err != nil {
		return err
	}
	return s.Close()
}

// oneByOne publishes forty messages and prints each when it may be acknowledged.
func oneByOne(dir string) error {
	s, _, err := queue.Open(vfs.OS{}, dir, small)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	x := theSession(s)
	for i := range 40 {
		r, err := s.Publish(message("number-%08d %04000d", i, 0), []queue.Target{{Session: x, QoS: 1}})
		if err != nil {
			return err
		}
		if err := s.Wait(ctx, r); err != nil {
			return err
		}
		os.Stdout.WriteString(fmt.Sprintf("acknowledged-%08d\n", i))
	}
	cancel()
	return errors.Join(<-ended, s.Close())
}

// child publishes numbers without end, from one on, and prints each that it may acknowledge.
func child(dir string, next int) error {
	s, _, err := queue.Open(vfs.OS{}, dir, small)
	if err != nil {
		return err
	}
	go s.Run(context.Background())
	x := theSession(s)
	for ; ; next++ {
		r, err := s.Publish(message("%d", next), []queue.Target{{Session: x, QoS: 1}})
		if err != nil {
			return err
		}
		if next%7 != 0 {
			continue
		}
		if err := s.Wait(context.Background(), r); err != nil {
			return err
		}
		fmt.Println(next)
	}
}

func theSession(s *queue.Store) *queue.Session {
	for x := range s.Sessions() {
		return x
	}
	b := s.NewBatch()
	x := b.Create(queue.SessionOptions{})
	_, _ = s.Apply(b)
	return x
}

// TestKill kills a process in the middle of its commits, on the file system of the machine, several times.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	next := 0
	for round := range 5 {
		last := killedChild(t, dir, next, 20+30*round)
		s, rec, err := queue.Open(vfs.OS{}, dir, small)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Report.PowerLost || !rec.Report.Unclean || rec.Report.Damaged != 0 {
			t.Errorf("round %d: report %+v", round, rec.Report)
		}
		if next = takeAll(t, s, theSession(s), next); next <= last {
			t.Fatalf("round %d: messages up to %d, but %d was acknowledged", round, next-1, last)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// takeAll takes what waits, which must begin with a number and go on without a gap, and returns the number after
// the last.
func takeAll(t *testing.T, s *queue.Store, x *queue.Session, next int) int {
	t.Helper()
	x.Resume(0)
	for {
		x.Next(nil, 0)
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		ds := x.Next(nil, 1000)
		for _, d := range ds {
			if string(d.Message.Payload) != fmt.Sprint(next) {
				t.Fatalf("message %s, want %d", d.Message.Payload, next)
			}
			next++
		}
		ack(t, x, ds...)
		if len(ds) == 0 {
			return next
		}
	}
}

// killedChild runs a child until it printed so many lines, kills it, and returns the last number it printed.
func killedChild(t *testing.T, dir string, next, lines int) (last int) {
	t.Helper()
	cmd := selfCommand(t, os.Args[0])
	cmd.Env = slices.Concat(os.Environ(), []string{childEnv + "=" + dir, childNext + "=" + fmt.Sprint(next)})
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		fmt.Sscan(in.Text(), &last)
		if n == 0 {
			if _, _, err := queue.Open(vfs.OS{}, dir, small); !errors.Is(err, queue.ErrLocked) {
				t.Errorf("open while another process has it: %v", err)
			}
		}
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait()
	return last
}
