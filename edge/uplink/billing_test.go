package uplink_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/budget"
)

// counters are those of an interface, as the kernel shows them.
type counters struct {
	mu     sync.Mutex
	rx, tx int64
}

func (c *counters) pass(rx, tx int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rx, c.tx = c.rx+rx, c.tx+tx
}

func (c *counters) read(path string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch path {
	case "/sys/class/net/wwan0/statistics/rx_bytes":
		return fmt.Sprintln(c.rx), nil
	case "/sys/class/net/wwan0/statistics/tx_bytes":
		return fmt.Sprintln(c.tx), nil
	}
	return "", fmt.Errorf("%s is not there", path)
}

// TestBudgetOfInterface: what others send on the interface counts as well where that is configured, and what the connections cost is not
// counted beside it.
func TestBudgetOfInterface(t *testing.T) {
	for count, want := range map[string][2]int64{config.ByInterface: {400_000, 410_000}, config.BySocket: {10_000, 100_000}} {
		t.Run(count, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.limit(10_000_000)
				at.config.Links[0].Interface, at.config.Links[0].Budget.Count = "wwan0", count
				of := &counters{rx: 1 << 40, tx: 7}
				at.options.Counters = of.read
				at.start()
				at.online()
				at.fill("t/x", 100, 1)
				of.pass(300_000, 100_000)
				time.Sleep(5 * time.Minute)
				if u := at.used(); u < want[0] || u > want[1] {
					t.Errorf("%d B used, want %d to %d; %v", u, want[0], want[1], at.budget())
				}
			})
		})
	}
}

// TestBudgetUnit: where sessions are billed the link connects on demand, and each session costs what it does at least.
func TestBudgetUnit(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(10_000_000)
		l := &at.config.Links[0]
		l.Session, l.Budget.Unit = config.Auto, config.Unit{Unit: budget.Unit{Name: "sessions", Least: 20_000, Step: 1000}}
		at.start()
		at.fill("t/x", 1, 1)
		at.online()
		at.until("it leaves", func() bool { return !at.uplink.Status().Online })
		for i := range 10 {
			time.Sleep(10 * time.Minute)
			at.fill("t/x", 1, 1)
			at.until("it is upstream", func() bool { return len(at.server.payloads("farm/t/x")) == 2+i })
			at.until("it leaves", func() bool { return !at.uplink.Status().Online })
		}
		s := at.uplink.Status()
		if u, least := at.used(), int64(s.Connections)*20_000; s.Connections < 11 || u < least || u > least+40_000 {
			t.Errorf("%d B used in %d sessions", u, s.Connections)
		}
		if l := s.Links[0]; l.Mode != config.OnDemand || !strings.Contains(l.Why, "billed") {
			t.Errorf("%s: %s", l.Mode, l.Why)
		}
	})
}

// TestBudgetZone: days begin where the provider is.
func TestBudgetZone(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(10_000_000)
		at.config.Links[0].Budget.Zone = config.Zone{Location: time.FixedZone("X", 5*3600)}
		at.start()
		at.online()
		if f := at.budget().Forecasts[0]; f.End.UTC().Hour() != 19 || f.End.Sub(f.Begin) != 24*time.Hour {
			t.Errorf("the day is from %v to %v", f.Begin, f.End)
		}
	})
}
