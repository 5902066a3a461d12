package edge_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge"
	"skerry/queue/vfs"
)

const twoSensors = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: /data}
broker: {listeners: {}}
defaults: {every: 10s}
uplinks: {cloud: {mqtt: "tcp://up.example:1883", prefix: farm/, retry: 5s..1min}}
sensors:
  air: {driver: bme280}
  rain: {driver: pulse, pin: GPIO17}
`

// deaf is a connection that is not told anything: the test asks.
type deaf struct{}

func (*deaf) Wake()                   {}
func (*deaf) Flush()                  {}
func (*deaf) Close(packet.ReasonCode) {}

// listens connects a session that ends with its connection, and subscribes it.
func listens(t *testing.T, b *broker.Broker, client, filter string) *broker.Session {
	t.Helper()
	s, _, err := b.Connect(broker.ConnectOptions{ClientID: client, Version: packet.V5, CleanStart: true, Conn: &deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	if codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: 1}}, nil); codes[0].IsError() {
		t.Fatal(codes[0])
	}
	return s
}

// heard takes what there is and counts it by topic.
func heard(s *broker.Session) map[string]string {
	all := map[string]string{}
	for _, d := range s.Next(nil, 1000) {
		if d.Message != nil {
			all[d.Message.TopicName] = string(d.Message.Payload)
		}
	}
	return all
}

// TestOutlast: a station goes on without its storage, says so once, and ends when a new start may heal it, not before.
func TestOutlast(t *testing.T) {
	for _, c := range []struct {
		name   string
		fail   func(*vfs.Disk)
		heal   func(*vfs.Disk) // after half an hour
		least  time.Duration   // until it ends
		most   time.Duration
		reason error
	}{
		{"a passing error", passing, nil, 59 * time.Second, 61 * time.Second, syscall.EIO},
		{"read-only for half an hour", func(d *vfs.Disk) { d.SetReadOnly(true) }, func(d *vfs.Disk) { d.SetReadOnly(false) },
			30 * time.Minute, 32 * time.Minute, syscall.EROFS},
		{"read-only for ever", func(d *vfs.Disk) { d.SetReadOnly(true) }, nil, 0, 0, syscall.EROFS},
		{"full for half an hour", full, func(d *vfs.Disk) { d.Hook(nil); d.SetCapacity(0) }, 30 * time.Minute, 32 * time.Minute, syscall.ENOSPC},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configure(t, twoSensors)
			synctest.Test(t, func(t *testing.T) {
				up, disk, log := openShore(t, time.Second), vfs.NewDisk(), &record{}
				g, err := edge.New(cfg, edge.Options{FS: disk, Log: slog.New(slog.NewTextHandler(log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				g.DialUplinks(up.dial)
				ctx, end := context.WithCancel(context.Background())
				defer end()
				ended := make(chan error, 1)
				go func() { ended <- g.Run(ctx) }()
				<-g.Listening()
				time.Sleep(5 * time.Minute)
				ear := listens(t, g.Broker(), "ear", "lake/#")
				system := listens(t, g.Broker(), "system", "$SYS/broker/store/faults/down")
				heard(ear)
				heard(system)

				began := time.Now()
				c.fail(disk)
				for g.Store().Err() == nil { // until something is written
					time.Sleep(time.Second)
				}
				down := time.Now()
				if took := down.Sub(began); took > 10*time.Minute {
					t.Errorf("storage failed only after %v", took)
				}
				time.Sleep(30 * time.Second)
				heard(ear)
				time.Sleep(25 * time.Second)
				if got := heard(ear); !strings.HasPrefix(got["lake/wx/air/temperature"], `{"value":`) || !strings.HasPrefix(got["lake/wx/rain/total"], `{"value":`) {
					t.Errorf("without storage %v is heard", got)
				}
				if got := heard(system); got["$SYS/broker/store/faults/down"] != "1" {
					t.Errorf("faults/down: %v", got)
				}
				if c.heal != nil {
					time.AfterFunc(30*time.Minute, func() { c.heal(disk) })
				}
				failed := endedWithin(ended, 10*time.Hour)
				took := time.Since(down)
				if c.most == 0 {
					if took < 10*time.Hour {
						t.Fatalf("ended after %v: %v", took, failed)
					}
					end()
					failed = <-ended
				} else if took < c.least || took > c.most {
					t.Errorf("ended after %v with %v", took, failed)
				}
				if !errors.Is(failed, c.reason) || !strings.HasPrefix(failed.Error(), "storage: ") || !strings.Contains(failed.Error(), "(hint: ") {
					t.Errorf("Run returned %v", failed)
				}
				checkLog(t, log.String())
			})
		})
	}
}

// passing has one commit fail, where nothing is tried again.
func passing(d *vfs.Disk) {
	var after atomic.Bool
	d.Hook(func(op vfs.Op) error {
		if strings.HasPrefix(filepath.Base(op.Name), "slot-") && !after.Load() || op.Kind == vfs.OpCreate && strings.Contains(op.Name, "slot-") {
			return syscall.EIO
		}
		after.Store(after.Load() || filepath.Base(op.Name) == "probe")
		return nil
	})
}

// full lets nothing be written any more.
func full(d *vfs.Disk) {
	d.SetCapacity(1)
	d.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite || op.Kind == vfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
}

// endedWithin gives the end of Run, or nil when it has not come in time.
func endedWithin(ended <-chan error, d time.Duration) error {
	select {
	case err := <-ended:
		return err
	case <-time.After(d):
		return nil
	}
}

// checkLog wants one line about the failure, and none for each reading.
func checkLog(t *testing.T, log string) {
	t.Helper()
	if n := strings.Count(log, "storage has failed"); n != 1 {
		t.Errorf("%d lines say that storage has failed\n%s", n, log)
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=ERROR") && !strings.Contains(line, "(hint: ") && !strings.Contains(line, "readings are lost") {
			t.Errorf("%s", line)
		}
	}
	if n := strings.Count(log, "readings are lost"); n > 2 {
		t.Errorf("%d lines about readings\n%s", n, log)
	}
}
