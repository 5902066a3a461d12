package watchdog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/watchdog"
)

// bowl counts how often it is fed.
type bowl struct {
	timeout time.Duration

	mu      sync.Mutex
	fed     int
	last    time.Time
	longest time.Duration
}

func (b *bowl) Timeout() time.Duration { return b.timeout }

func (b *bowl) Feed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fed > 0 {
		b.longest = max(b.longest, time.Since(b.last))
	}
	b.fed, b.last = b.fed+1, time.Now()
	return nil
}

// seen is how often it was fed, how long at most in between, and how long ago.
func (b *bowl) seen() (fed int, longest, ago time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fed, b.longest, time.Since(b.last)
}

// text is a bytes.Buffer for several goroutines.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// bench runs a watchdog in a bubble with a proof that the test decides.
type bench struct {
	systemd, board bowl
	log, stacks    text
	mu             sync.Mutex
	status         []string
	proof          func(ctx context.Context) error
}

func (b *bench) note(status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = append(b.status, status)
}

func (b *bench) statuses() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.status)
}

func (b *bench) set(proof func(ctx context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proof = proof
}

func (b *bench) made(ctx context.Context) error {
	b.mu.Lock()
	proof := b.proof
	b.mu.Unlock()
	return proof(ctx)
}

func well(context.Context) error { return nil }

func run(t *testing.T, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{systemd: bowl{timeout: time.Minute}, board: bowl{timeout: 15 * time.Second}, proof: well}
		w := watchdog.New(watchdog.Options{
			Proofs: []watchdog.Proof{{Of: "log", Made: well}, {Of: "broker", Made: b.made}}, Fed: []watchdog.Fed{&b.systemd, &b.board},
			Status: b.note, Stacks: &b.stacks, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		})
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		test(t, b)
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestFedWhileAllHolds(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, x := range []*bowl{&b.systemd, &b.board} {
			if fed, longest, ago := x.seen(); fed < 100 || longest > 6*time.Second || ago > 6*time.Second {
				t.Errorf("fed %d times, at most %v apart", fed, longest)
			}
		}
		if b.log.String() != "" || b.stacks.String() != "" || len(b.statuses()) != 0 {
			t.Errorf("%s%s%v", b.log.String(), b.stacks.String(), b.statuses())
		}
	})
}

// An error, a proof that keeps its context and one that does not return at all: nothing is fed, and the stacks are there in time.
func TestNotFed(t *testing.T) {
	for name, proof := range map[string]func(chan struct{}) func(context.Context) error{
		"an error": func(chan struct{}) func(context.Context) error {
			return func(context.Context) error { return errors.New("is deaf") }
		},
		"too late": func(chan struct{}) func(context.Context) error {
			return func(ctx context.Context) error { <-ctx.Done(); return errors.New("is deaf") }
		},
		"never": func(released chan struct{}) func(context.Context) error {
			return func(context.Context) error { <-released; return errors.New("is deaf") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bench) {
				time.Sleep(time.Minute + time.Second)
				fed, _, _ := b.board.seen()
				released := make(chan struct{})
				b.set(proof(released))
				time.Sleep(14 * time.Second) // the board resets it then
				synctest.Wait()
				board, _, _ := b.board.seen()
				if systemd, _, _ := b.systemd.seen(); board != fed || systemd != fed {
					t.Errorf("fed %d times meanwhile", board-fed)
				}
				if s := b.stacks.String(); !strings.Contains(s, "stacks of all goroutines, as broker: ") || !strings.Contains(s, "goroutine ") {
					t.Errorf("stacks: %.200s", s)
				}
				if n := strings.Count(b.log.String(), "the watchdog is not fed"); n != 1 {
					t.Errorf("said %d times\n%s", n, b.log.String())
				}
				if status := b.statuses(); len(status) == 0 || !strings.HasPrefix(status[0], "does not get on: broker: ") {
					t.Errorf("status %q", status)
				}
				b.set(well)
				close(released)
				time.Sleep(time.Minute)
				synctest.Wait()
				board, _, _ = b.board.seen()
				if status := b.statuses(); board < fed+9 || status[len(status)-1] != "" || !strings.Contains(b.log.String(), "everything gets on again") {
					t.Errorf("fed %d times since it gets on, status %q\n%s", board-fed, status, b.log.String())
				}
			})
		})
	}
}

// One round that failed is no reason for stacks.
func TestOnce(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		time.Sleep(time.Second)
		once := true
		b.set(func(context.Context) error {
			if once {
				once = false
				return errors.New("is busy")
			}
			return nil
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, longest, _ := b.board.seen(); b.stacks.String() != "" || longest > 14*time.Second {
			t.Errorf("%v apart\n%.200s", longest, b.stacks.String())
		}
	})
}

func TestNobodyToFeed(t *testing.T) {
	if w := watchdog.New(watchdog.Options{Fed: []watchdog.Fed{&bowl{}}}); w != nil {
		t.Error("there is nothing to do")
	}
}
