package alarm_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/edge/alarm"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/edge/sampler"
	"skerry/queue"
	"skerry/queue/vfs"
)

// life is one run of a station on a disk: its alarms, and a client that keeps its session and fetches what came.
type life struct {
	t       *testing.T
	present *mapping.Present
	broker  *broker.Broker
	end     func()
}

func begin(t *testing.T, disk *vfs.Disk, rules ...config.Alarm) *life {
	t.Helper()
	store, found, err := queue.Open(disk, "data", queue.Options{CommitWindow: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := sampler.NewSession(b)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, present: mapping.NewPresent(), broker: b}
	set := alarm.New(rules, l.present, alarm.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) }) // the disk may be dead
	running.Go(func() { _ = b.Run(ctx) })
	running.Go(func() { set.Run(ctx, session) })
	l.end = func() {
		cancel()
		running.Wait()
		session.Close()
		_ = store.Close()
	}
	synctest.Wait()
	return l
}

// quiet is a connection that asks by itself.
type quiet struct{}

func (quiet) Wake()                   {}
func (quiet) Flush()                  {}
func (quiet) Close(packet.ReasonCode) {}

// fetch returns what waits for the client: r for raised, c for cleared.
func (l *life) fetch() string {
	l.t.Helper()
	client, _, err := l.broker.Connect(broker.ConnectOptions{ClientID: "anna", Version: packet.V5, SessionExpiryInterval: broker.Never, Conn: quiet{}})
	if err != nil {
		l.t.Fatal(err)
	}
	client.Subscribe([]broker.Subscription{{TopicFilter: "lake/#", QoS: 1, RetainHandling: 2}}, nil)
	var all strings.Builder
	for range 5 { // some of it may wait for the disk
		for _, d := range client.Next(nil, 100) {
			what := "r"
			if strings.Contains(string(d.Message.Payload), `"state":"cleared"`) {
				what = "c"
			}
			all.WriteString(what)
			client.Ack(d.PacketID)
		}
		time.Sleep(3 * time.Second)
	}
	client.Disconnect(broker.DisconnectOptions{})
	return all.String()
}

func (l *life) temperature(x float64) {
	l.present.Set("air.temperature", mapping.Now{Number: x, Time: time.Now(), Quality: drivers.Good})
	synctest.Wait()
}

// TestPowerCut cuts the power at each operation of the disk, while an alarm is raised, cleared and raised again. Whatever was on the
// disk then: with the values of now the next run comes to the right state, an alarm that somebody was told of is not forgotten, and it
// is never cleared without having been raised.
func TestPowerCut(t *testing.T) {
	const cuts = 12
	outcomes := 2
	if testing.Short() {
		outcomes = 1
	}
	for i := range cuts * outcomes {
		cut := i%cuts + 1
		synctest.Test(t, func(t *testing.T) {
			frost := rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 0)
			disk := vfs.NewDisk()
			l := begin(t, disk, frost)
			l.fetch() // makes the session
			time.Sleep(10 * time.Second)
			before := disk.Ops()
			disk.CutAt(before + cut)
			last := 0.0
			for _, x := range []float64{-1, 2, -1, -2} {
				l.temperature(x)
				time.Sleep(3 * time.Second)
				if last = x; disk.Ops() > before+cut {
					break
				}
			}
			l.end()

			l = begin(t, disk.Crash(rand.New(rand.NewPCG(uint64(i), 0)), vfs.Garbling), frost)
			l.temperature(last)
			time.Sleep(3 * time.Second)
			heard := l.fetch()
			want := "r"
			if last > 1 {
				want = "c"
			}
			switch {
			case heard == "" && last > 1: // the raise was never written, and its reason is gone
			case !strings.HasSuffix(heard, want) || strings.HasPrefix(heard, "c") || strings.Contains(heard, "cc"):
				t.Errorf("cut %d at %v: heard %q", cut, last, heard)
			}
			l.temperature(last)
			time.Sleep(time.Minute)
			if again := l.fetch(); again != "" {
				t.Errorf("cut %d: once more %q", cut, again)
			}
			l.end()
		})
	}
}
