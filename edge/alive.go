package edge

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"skerry/board"
	"skerry/edge/watchdog"
	"skerry/queue"
)

const (
	// commitLimit is how long a commit may take until the log does not get on. No card that works is silent for so long.
	commitLimit = 30 * time.Second
	// boardTimeout is asked of the board's watchdog: a start with a large store on a slow card is over sooner.
	boardTimeout = time.Minute
	// statusEvery is how often the station looks whether its status is another one.
	statusEvery = 5 * time.Second
)

// startWatchdog has the service manager, and the board if the configuration says so, fed as long as log, sensors, broker and listeners get
// on. stop lets go of the board's watchdog. It goes on counting after an end that nobody has asked for: there may be nobody either who starts
// the program anew.
func (g *Gateway) startWatchdog(layers *layers, store *queue.Store) (stop func(told bool)) {
	stop = func(bool) {}
	fed := []watchdog.Fed{g.options.Service}
	if path := g.config.Gateway.Watchdog; path != "" && g.simulated == nil && g.options.Buses == nil {
		if w, err := board.OpenWatchdog(path, boardTimeout); err != nil {
			g.log.Error("the watchdog of the board is not used", "error", err)
		} else {
			g.log.Info("the board is reset when the station does not get on", "watchdog", path, "timeout", w.Timeout())
			fed, stop = append(fed, w), func(told bool) {
				if told {
					w.Close()
					return
				}
				g.log.Warn("the watchdog of the board is left counting: it resets the board if nobody starts the station anew", "timeout", w.Timeout())
				w.Leave()
			}
		}
	}
	log := &logProof{store: store, since: time.Now(), limit: max(g.config.Storage.CommitWindow, settledWindow) + commitLimit}
	w := watchdog.New(watchdog.Options{
		Proofs: []watchdog.Proof{
			{Of: "log", Made: log.made},
			{Of: "sensors", Made: func(context.Context) error { return g.sensors.Overdue() }},
			{Of: "broker", Made: g.Answers},
			{Of: "listeners", Made: g.server.Accepting},
		},
		Fed: fed, Status: g.tellSick, Stacks: g.options.Stacks, Log: g.log,
	})
	if w != nil {
		layers.start("watchdog", time.Second, w.Run)
	}
	return stop
}

// told is what the service manager knows of the station.
type told struct {
	mu   sync.Mutex
	sick string // what does not get on, as the watchdog has found
	last string
}

// startStatus keeps the status up to date that the service manager shows.
func (g *Gateway) startStatus(layers *layers) {
	if g.options.Service == nil {
		return
	}
	layers.start("status", time.Second, func(ctx context.Context) error {
		tick := time.NewTicker(statusEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				g.tellStatus()
			}
		}
	})
}

// tellSick tells the service manager what does not get on; "": that everything does.
func (g *Gateway) tellSick(text string) {
	g.told.mu.Lock()
	g.told.sick = text
	g.told.mu.Unlock()
	g.tellStatus()
}

// tellStatus tells the service manager how the station fares, if that is news.
func (g *Gateway) tellStatus() { g.tell(g.options.Service.Status, false) }

// tellReady tells it that the station has started, or has reloaded.
func (g *Gateway) tellReady() { g.tell(g.options.Service.Ready, true) }

// tell tells the state of the station in a line. What hangs goes before all else, and then nobody is asked: the watchdog, which tells it before it
// writes the stacks, is not to hang with what it has found. Who tells last has the last word: it is sent under the lock.
func (g *Gateway) tell(send func(string), always bool) {
	text := g.sick()
	if text == "" {
		text = g.condition()
	}
	g.told.mu.Lock()
	defer g.told.mu.Unlock()
	text = cmp.Or(g.told.sick, text)
	if text != g.told.last || always {
		g.told.last = text
		send(text)
	}
}

func (g *Gateway) sick() string {
	g.told.mu.Lock()
	defer g.told.mu.Unlock()
	return g.told.sick
}

// condition is the state of the station but for what hangs.
func (g *Gateway) condition() string {
	if err := g.broker.Err(); err != nil {
		return "runs without storage: " + storageFailure(err).Error()
	}
	if full := g.store.Full(); full != "" {
		return "runs with a full store: " + full
	}
	return "running"
}

// logProof shows that the log has committed what was due, or that nothing was. What a Client waits for is due at once, own readings have a window.
type logProof struct {
	store *queue.Store
	limit time.Duration // for what waits for its commit, due or not: the longest window, and a commit

	durable queue.Receipt // the last one seen
	since   time.Time     // since when, or since when nothing waited
}

func (p *logProof) made(context.Context) error {
	if p.store.Err() != nil {
		return nil // it has failed and ended, and that is told; see outlast
	}
	s, now, durable := p.store.Stats(), time.Now(), p.store.Durable()
	if durable != p.durable || s.Pending == 0 {
		p.durable, p.since = durable, now
	}
	switch waited := now.Sub(p.since); {
	case s.Committing > commitLimit:
		return fmt.Errorf("the disk has not confirmed a commit for %v", s.Committing.Round(time.Second))
	case s.Overdue > commitLimit:
		return fmt.Errorf("%d records wait for a commit that nobody begins, though it has been due for %v", s.Pending, s.Overdue.Round(time.Second))
	case waited > p.limit:
		return fmt.Errorf("%d records wait for a commit that nobody has begun for %v", s.Pending, waited.Round(time.Second))
	}
	return nil
}
