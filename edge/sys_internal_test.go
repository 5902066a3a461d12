package edge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/broker/watch"
	"skerry/edge/control"
	"skerry/edge/output"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestSystem shows what mosquitto's names are given.
func TestSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStatistics(t)
		f := figures{
			up:     25 * time.Second,
			broker: broker.Stats{Connected: 3, Away: 2, Subscriptions: 7, Shared: 2, Retained: 4, RetainedBytes: 40, Expired: 1},
			server: server.Stats{
				Sockets: 9, Connects: 8, Slow: 2,
				Received: watch.Traffic{Packets: 100, Bytes: 1000, Publishes: 50, Payload: 500},
				Sent:     watch.Traffic{Packets: 200, Bytes: 2000, Publishes: 60, Payload: 600},
			},
			waiting: queue.SessionStats{Messages: 10, Bytes: 100},
		}
		f.store.Drops[queue.DroppedRing], f.store.Drops[queue.DroppedMessages] = 5, 6
		f.store.Drops[queue.DroppedExpired], f.store.Drops[queue.DroppedPurged] = 70, 80
		s.system(&f)
		f.broker.Connected, f.up = 1, 35*time.Second
		s.system(&f)
		for name, want := range map[string]string{
			"version": "skerry version v1", "uptime": "35 seconds",
			"clients/total": "3", "clients/connected": "1", "clients/active": "1", "clients/disconnected": "2", "clients/inactive": "2",
			"clients/maximum": "3", "clients/expired": "1", "clients/slow": "2",
			"messages/received": "100", "messages/sent": "200", "messages/stored": "14",
			"store/messages/count": "14", "store/messages/bytes": "140", "retained messages/count": "4",
			"publish/messages/received": "50", "publish/messages/sent": "60", "publish/messages/dropped": "11",
			"publish/bytes/received": "500", "publish/bytes/sent": "600", "bytes/received": "1000", "bytes/sent": "2000",
			"subscriptions/count": "7", "shared_subscriptions/count": "2",
			"load/sockets/1min": "6.23", "load/messages/received/15min": "6.50",
		} {
			if got := s.shown["broker/"+name]; got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, what := range []string{"messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped",
			"bytes/received", "bytes/sent", "sockets", "connections"} {
			for _, period := range []string{"1min", "5min", "15min"} {
				if s.shown["broker/load/"+what+"/"+period] == "" {
					t.Errorf("load/%s/%s is missing", what, period)
				}
			}
		}
	})
}

// newStatistics gives those of a broker that nothing listens on.
func newStatistics(t *testing.T) *statistics {
	t.Helper()
	store, found, err := queue.Open(vfs.NewDisk(), "data", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		store.Close()
	})
	return &statistics{store: store, broker: b, version: "v1", outputs: func() []output.Status { return nil }, uplinks: func() []control.Uplink { return nil }, shown: map[string]string{}, sys: system{loads: map[string]*load{}}}
}

// TestLoad: a steady rate is what all averages come to, the shorter ones sooner; nothing fades away.
func TestLoad(t *testing.T) {
	var l load
	total := uint64(0)
	after := func(d time.Duration, perLook uint64) {
		for range d / statisticsEvery {
			total += perLook
			l.update(total, statisticsEvery)
		}
	}
	near := func(i int, want float64) {
		t.Helper()
		if got := l.averages[i]; got < want*0.99-0.01 || got > want*1.01+0.01 {
			t.Errorf("average %d is %.2f, want %.2f", i, got, want)
		}
	}
	after(time.Minute, 10) // 60 in a minute
	near(0, 60*(1-1/2.718))
	after(2*time.Hour, 10)
	for i := range l.averages {
		near(i, 60)
	}
	after(15*time.Minute, 0)
	near(0, 0)
	near(2, 60/2.718)
	l.update(total+1000, 0) // no time has passed: nothing can be said
	near(0, 0)
}
