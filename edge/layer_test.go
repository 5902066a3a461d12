package edge

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
)

// diary notes what layers do, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// polite is a layer that takes a moment to end.
func (d *diary) polite(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(500 * time.Millisecond)
		d.note(name)
		return nil
	}
}

func TestLayersStopUphill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		s := newLayers(slog.New(slog.DiscardHandler))
		for _, name := range []string{"storage", "broker", "server"} {
			s.start(name, 2*time.Second, d.polite(name))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.wait(ctx)
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if want := []string{"server", "broker", "storage"}; !slices.Equal(d.lines, want) {
			t.Errorf("ended %v, want %v", d.lines, want)
		}
	})
}

func TestLayerThatHangsIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var log bytes.Buffer
		release := make(chan struct{})
		defer close(release)
		s := newLayers(slog.New(slog.NewTextHandler(&log, nil)))
		s.start("storage", 2*time.Second, d.polite("storage"))
		for _, name := range []string{"one", "two", "three"} {
			s.start(name, 2*time.Second, func(context.Context) error { <-release; return nil })
		}
		from := time.Now()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(from); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := strings.Count(log.String(), "left behind"); n != 3 {
			t.Errorf("log\n%s", log.String())
		}
		if !slices.Equal(d.lines, []string{"storage"}) {
			t.Errorf("storage was not given the time to end: %v", d.lines)
		}
	})
}

func TestStorageLeftBehindIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		s := newLayers(slog.New(slog.DiscardHandler))
		s.start("storage", 2*time.Second, func(context.Context) error { <-release; return nil })
		if err := s.stop(); err == nil || !strings.Contains(err.Error(), "storage did not stop in time") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestFirstFailureIsTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLayers(slog.New(slog.DiscardHandler))
		s.start("storage", time.Second, func(ctx context.Context) error {
			time.Sleep(time.Minute)
			return errors.New("I/O error")
		})
		s.start("broker", time.Second, func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("nowhere to write to")
		})
		s.start("none", time.Second, func(context.Context) error { return nil }) // nothing to do is no failure
		s.wait(t.Context())
		if err := s.stop(); err == nil || err.Error() != "I/O error" {
			t.Errorf("error: %v", err)
		}
	})
}
