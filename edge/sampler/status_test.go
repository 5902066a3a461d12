package sampler_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/config"
	"skerry/edge/sampler"
)

// running is a sampler at work; the sink of it is dropped.
func running(t *testing.T, d *device, every time.Duration) (s *sampler.Sampler, stop func()) {
	t.Helper()
	s, err := sampler.New([]config.Sensor{on("i2c1", "air", every, d)}, sampler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, nil, &sink{state: map[string][]byte{}})
	}()
	synctest.Wait()
	return s, func() { cancel(); <-done }
}

// TestStatus follows a sensor that answers, fails, and answers again.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 2 {
				return 0, errBroken
			}
			return float64(n), nil
		}}
		s, stop := running(t, d, time.Minute)
		defer stop()
		x := s.Statuses()[0]
		if x.Name != "air" || x.Rounds != 1 || x.Failures != 0 || len(x.Raw) != 1 || len(x.Values) != 1 || x.Values[0].Shown != "1" || x.Device == "" {
			t.Errorf("after the first reading: %+v", x)
		}
		if in := time.Until(x.Next); in <= 0 || in > time.Minute {
			t.Errorf("next in %v", in)
		}
		time.Sleep(time.Until(x.Next) + time.Millisecond)
		synctest.Wait()
		x = s.Statuses()[0]
		if x.Failures != 1 || !errors.Is(x.Err, errBroken) || x.Raw[0].Number != 1 || time.Since(x.Answered) < time.Second {
			t.Errorf("after a failure: %+v", x)
		}
		if in := time.Until(x.Next); in <= 0 || in > 5*time.Second {
			t.Errorf("it is asked again in %v", in)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if x = s.Statuses()[0]; x.Failures != 0 || x.Err != nil || x.Values[0].Number != 3 {
			t.Errorf("after it answered again: %+v", x)
		}
	})
}

// TestRead: a reading that is asked for comes at once, but not more than once a second, and leaves the schedule alone.
func TestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: steady}
		s, stop := running(t, d, time.Hour)
		defer stop()
		time.Sleep(10 * time.Second)
		planned := s.Statuses()[0].Next
		began := time.Now()
		x, err := s.Read(t.Context(), "air")
		if err != nil || x.Rounds != 2 || time.Since(began) > 100*time.Millisecond {
			t.Errorf("%+v, %v after %v", x, err, time.Since(began))
		}
		if d := x.Next.Sub(planned).Abs(); d > time.Millisecond {
			t.Errorf("the schedule moved by %v", d)
		}
		if x, err = s.Read(t.Context(), "air"); err != nil || x.Rounds != 3 || time.Since(began) < time.Second-100*time.Millisecond {
			t.Errorf("asked at once again: %+v, %v after %v", x, err, time.Since(began))
		}
		if _, err := s.Read(t.Context(), "rain"); err == nil || !strings.Contains(err.Error(), "there is air") {
			t.Error(err)
		}
	})
}

// TestReadEnds: who asks for a sensor on a bus that hangs does not wait for ever.
func TestReadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n > 1 {
				time.Sleep(time.Minute)
			}
			return 1, nil
		}}
		s, stop := running(t, d, time.Hour)
		defer time.Sleep(2 * time.Minute) // the call comes back
		defer stop()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if _, err := s.Read(ctx, "air"); err == nil || err.Error() != "enough" {
			t.Error(err)
		}
	})
}

// TestStatusStale: values that were missed for too long are stale for who looks, too.
func TestStatusStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n > 1 {
				return 0, errBroken
			}
			return 1, nil
		}}
		s, stop := running(t, d, time.Minute)
		defer stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := s.Statuses()[0].Values[0].Quality.String(); got != "stale" {
			t.Error(got)
		}
	})
}
