package sampler_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/edge/config"
	"skerry/edge/sampler"
)

// TestOverdue: a driver that hangs is abandoned and makes nothing overdue; a bus whose publishing never comes back does.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sim.New(sim.Options{})
		defer b.Close()
		release, stuck := make(chan struct{}), make(chan struct{})
		hangs := &device{sense: func(context.Context, int) (float64, error) { <-release; return 0, nil }}
		works := &device{sense: func(context.Context, int) (float64, error) { return 20, nil }}
		out := &sink{}
		x, err := sampler.New([]config.Sensor{on("i2c1", "hung", 5*time.Second, hangs), on("", "air", time.Hour, works)}, sampler.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); x.Run(ctx, b, out) }()
		for range 120 {
			time.Sleep(30 * time.Second)
			if err := x.Overdue(); err != nil {
				t.Fatal(err)
			}
		}
		out.mu.Lock()
		out.publish = func(context.Context) error { <-stuck; return nil }
		out.mu.Unlock()
		x.Ask("air")
		time.Sleep(30 * time.Second) // storage may be as slow as that
		if err := x.Overdue(); err != nil {
			t.Error(err)
		}
		time.Sleep(30 * time.Second)
		if err := x.Overdue(); err == nil || !strings.HasPrefix(err.Error(), "nothing has been heard of air for ") {
			t.Errorf("%v", err)
		}
		close(stuck)
		synctest.Wait()
		if err := x.Overdue(); err != nil {
			t.Error(err)
		}
		close(release)
		cancel()
		<-ended
		if err := x.Overdue(); err != nil {
			t.Error(err)
		}
	})
}
