package edge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestStatistics: a client of the station sees how its store does, cannot pretend to be the station, and watching costs no
// write.
func TestStatistics(t *testing.T) {
	leavesNothing(t)
	s := start(t, configure(t, plainBroker), edge.Options{})
	values := s.hear("local", "$SYS/broker/store/#")
	page, err := os.ReadFile("../docs/sys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ = bytes.Cut(page, []byte("\n## What waits\n"))
	missing := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_/]+)` \\|").FindAllSubmatch(page, -1) {
		missing[string(row[1])] = true
	}
	delete(missing, "written/per_day") // not yet
	seen := map[string]string{}
	values.wait("all that docs/sys.md names", func(topic, payload string) bool {
		name := strings.TrimPrefix(topic, "$SYS/broker/store/")
		seen[name] = payload
		delete(missing, name)
		return len(missing) == 0
	})
	number := regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	for name, value := range seen {
		if !number.MatchString(value) {
			t.Errorf("%s is %q", name, value)
		}
	}
	for name, want := range map[string]string{"messages/waiting": "0", "start/clean": "1", "commit_window": "2", "dropped/expired": "0", "faults/lied": "0"} {
		if seen[name] != want {
			t.Errorf("%s is %q, want %q", name, seen[name], want)
		}
	}
	for name := range seen {
		if !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("docs/sys.md does not name %s", name)
		}
	}
}

// sink is a subscriber that keeps what it is sent last on each topic.
type sink struct {
	session *broker.Session
	values  map[string]string
	count   int
}

func (s *sink) Wake()                   {}
func (s *sink) Flush()                  {}
func (s *sink) Close(packet.ReasonCode) {}

func (s *sink) pull() {
	for _, d := range s.session.Next(nil, 1000) {
		s.values[strings.TrimPrefix(d.Message.TopicName, "$SYS/broker/store/")] = string(d.Message.Payload)
		s.count++
	}
}

// TestStatisticsOfQuietStation: what does not change is not published again, a durable subscriber with QoS 1 has nothing
// written, and a hanging disk is seen.
func TestStatisticsOfQuietStation(t *testing.T) {
	cfg := configure(t, "gateway: {id: wx}\nstorage: {path: /data}\nbroker: {listeners: {}}\n")
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		g, err := edge.New(cfg, edge.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		<-g.Listening()
		s := &sink{values: map[string]string{}}
		s.session, _, err = g.Broker().Connect(broker.ConnectOptions{ClientID: "s", Version: packet.V5, SessionExpiryInterval: 3600, Conn: s})
		if err != nil {
			t.Fatal(err)
		}
		s.session.Subscribe([]broker.Subscription{{TopicFilter: "$SYS/broker/store/#", QoS: 1}}, nil)
		time.Sleep(time.Minute)
		s.pull()
		if s.values["sessions"] != "1" || s.values["disk/slots"] == "" {
			t.Errorf("%v", s.values)
		}
		before, groups := s.count, g.Store().Stats().Groups
		time.Sleep(8 * time.Minute)
		s.pull()
		if s.count > before || g.Store().Stats().Groups > groups {
			t.Errorf("%d values and %d commits while nothing happened: %v", s.count-before, g.Store().Stats().Groups-groups, s.values)
		}
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				time.Sleep(45 * time.Second)
			}
			return nil
		})
		if _, err := g.Broker().PutFact("k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		s.pull()
		if s.values["committing"] == "0" {
			t.Error("the commit under way is not shown")
		}
		time.Sleep(5 * time.Minute)
		s.pull()
		if s.values["committing"] != "0" || s.values["written/per_day"] == "" {
			t.Errorf("%v", s.values)
		}
		disk.Hook(nil)
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestReport: what was found at the start is said in words.
func TestReport(t *testing.T) {
	for _, c := range []struct {
		name   string
		report queue.Report
		want   []string
	}{
		{"clean", queue.Report{Messages: 3}, []string{"INFO storage is open\" waiting=5 records_read=0 clean=true"}},
		{"power lost", queue.Report{Unclean: true, PowerLost: true, TornBlocks: 2}, []string{"INFO storage is open", "INFO the power was lost"}},
		{"lied", queue.Report{Lied: true}, []string{"INFO storage is open", "ERROR the disk has confirmed writes that it had not made"}},
		{"damaged", queue.Report{Damaged: 1, LostRecords: 7, Quarantined: []string{"/data/quarantine/segment-3"}},
			[]string{"INFO storage is open", "ERROR storage was damaged", "WARN copies"}},
		{"checkpoint", queue.Report{UnreadableCheckpoints: []string{"ckpt-a.db: invalid"}}, []string{"INFO storage is open", "WARN a checkpoint cannot be used"}},
		{"forgotten", queue.Report{Damaged: 1, Forgotten: true, UnreadableCheckpoints: []string{"ckpt-a.db: rot", "ckpt-b.db: rot"}},
			[]string{"INFO storage is open", "ERROR there is no checkpoint that can be used", "ERROR storage was damaged"}},
		{"unknown", queue.Report{Unknown: 1}, []string{"INFO storage is open", "WARN storage has records that this version does not know"}},
	} {
		var out bytes.Buffer
		edge.Report(slog.New(slog.NewTextHandler(&out, nil)), c.report, 5)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%s: %q", c.name, lines)
			continue
		}
		for i, line := range lines {
			level, text, _ := strings.Cut(c.want[i], " ")
			if !strings.Contains(line, "level="+level) || !strings.Contains(line, text) {
				t.Errorf("%s: %q, want %q", c.name, line, c.want[i])
			}
		}
	}
}

// TestNoWindow: with a commit_window of 0 every reading is written at once, uplink or not.
func TestNoWindow(t *testing.T) {
	cfg := configure(t, strings.Replace(weather(false), "path: /data", "path: /data, commit_window: 0s", 1))
	synctest.Test(t, func(t *testing.T) {
		up, disk := openShore(t, time.Second), vfs.NewDisk()
		g, err := edge.New(cfg, edge.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		g.DialUplinks(up.dial)
		ctx, end := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		<-g.Listening()
		time.Sleep(10 * time.Minute)
		if st := g.Store().Stats(); st.Elided > 0 || g.Store().CommitWindow() > time.Millisecond {
			t.Errorf("window %v, %+v", g.Store().CommitWindow(), st)
		}
		end()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
