package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/control"
	"skerry/queue"
	"skerry/queue/vfs"
)

// station is a running station as far as control needs one.
type station struct {
	*broker.Broker
	store *queue.Store
	dir   string
	stop  func()
}

func start(t *testing.T, dir string) *station {
	t.Helper()
	store, found, err := queue.Open(vfs.OS{}, dir, queue.Options{SlotSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := control.Listen(dir, &control.Station{Store: store, Report: found.Report, Retained: b.Retained, Live: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	running.Go(func() { _ = srv.Run(ctx) })
	s := &station{Broker: b, store: store, dir: dir}
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// session makes a durable session with a subscription, without a connection.
func (s *station) session(t *testing.T, clientID, filter string) {
	t.Helper()
	x, _, err := s.Connect(broker.ConnectOptions{ClientID: clientID, Version: packet.V5, SessionExpiryInterval: 3600})
	if err != nil {
		t.Fatal(err)
	}
	x.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: 2}}, nil)
	x.Disconnect(broker.DisconnectOptions{})
}

func (s *station) publish(t *testing.T, m *broker.Message) {
	t.Helper()
	x, _, err := s.Connect(broker.ConnectOptions{ClientID: "publisher", Version: packet.V5, CleanStart: true})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Disconnect(broker.DisconnectOptions{})
	var touched broker.Touched
	receipt, code := x.Publish(m, &touched)
	if code.IsError() {
		t.Fatal(code)
	}
	touched.Flush()
	if err := s.Wait(t.Context(), receipt); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) control.Desk {
	t.Helper()
	d, err := control.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func sessions(t *testing.T, d control.Desk) (all map[string]*control.Session, sum control.Totals) {
	t.Helper()
	all = map[string]*control.Session{}
	err := control.Rows(t.Context(), d, control.Request{Do: control.Sessions}, func(r control.SessionRow) error {
		if r.Session != nil {
			all[r.Session.Name] = r.Session
		}
		if r.Totals != nil {
			sum = *r.Totals
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, sum
}

func messages(t *testing.T, d control.Desk, r control.Request) (all []control.Message) {
	t.Helper()
	r.Do = control.Messages
	err := control.Rows(t.Context(), d, r, func(m control.Message) error {
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBothDesks asks a running and a stopped station the same questions.
func TestBothDesks(t *testing.T) {
	s := start(t, t.TempDir())
	s.session(t, "archive", "#")
	s.session(t, "display", "none")
	s.publish(t, &broker.Message{TopicName: "a", Payload: []byte("text"), QoS: 1, Retain: true})
	s.publish(t, &broker.Message{TopicName: "b", Payload: []byte{0, 0xff}, QoS: 2})
	look := func(t *testing.T, live bool) {
		d := open(t, s.dir)
		if d.Live() != live {
			t.Fatalf("live: %v", d.Live())
		}
		all, sum := sessions(t, d)
		if len(all) != 2 || all["archive"].Messages != 2 || all["archive"].Bytes != 8 || all["display"].Messages != 0 {
			t.Errorf("sessions: %+v", all["archive"])
		}
		if sum.Sessions != 2 || sum.Messages != 2 || sum.Retained != 1 || sum.RetainedBytes != 5 {
			t.Errorf("totals: %+v", sum)
		}
		got := messages(t, d, control.Request{Session: "archive", Payload: true})
		if len(got) != 2 || got[0].Topic != "a" || *got[0].Payload != "text" || got[1].QoS != 2 || *got[1].Base64 != "AP8=" {
			t.Errorf("messages: %+v", got)
		}
		if got := messages(t, d, control.Request{Session: "archive", Count: 1}); len(got) != 1 || got[0].Payload != nil || got[0].Size != 4 {
			t.Errorf("one message without its payload: %+v", got)
		}
		for name, hint := range map[string]string{"archiv": "did you mean archive?", "#99": "hint", "": "hint"} {
			err := d.Ask(t.Context(), control.Request{Do: control.Messages, Session: name}, nil)
			if err == nil || !strings.Contains(err.Error(), hint) {
				t.Errorf("session %q: %v", name, err)
			}
		}
		if err := d.Ask(t.Context(), control.Request{Do: "dance"}, nil); err == nil {
			t.Error("it dances")
		}
	}
	t.Run("live", func(t *testing.T) { look(t, true) })
	s.stop()
	t.Run("stopped", func(t *testing.T) { look(t, false) })
}

// TestLookingChangesNothing: not a byte, not a file, not a time of change.
func TestLookingChangesNothing(t *testing.T) {
	s := start(t, t.TempDir())
	s.session(t, "archive", "#")
	s.publish(t, &broker.Message{TopicName: "a", Payload: []byte("text"), QoS: 1})
	s.stop()
	before := tree(t, s.dir)
	d := open(t, s.dir)
	messages(t, d, control.Request{Session: "archive"})
	d.Close()
	if after := tree(t, s.dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		b.WriteString(path + " " + info.ModTime().String() + " " + info.Mode().String() + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpenWithoutStore(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := control.Open(name, false); err == nil || !strings.Contains(err.Error(), "there is no store") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it was made")
	}
}

func TestSocket(t *testing.T) {
	for name, dir := range map[string]string{
		"short": "data",
		"long":  strings.Repeat("a-long-way-down/", 12) + "data",
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), dir)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			s := start(t, dir)
			info, err := os.Stat(filepath.Join(dir, "control"))
			if err != nil || info.Mode() != fs.ModeSocket|0o600 {
				t.Fatalf("%v, %v", info, err)
			}
			if _, sum := sessions(t, open(t, dir)); sum.Sessions != 0 {
				t.Error(sum)
			}
			s.stop()
			if _, err := os.Stat(filepath.Join(dir, "control")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it was left behind: %v", err)
			}
		})
	}
}

// TestSocketLeftBehind: a killed station leaves its socket, the next one takes its place; anything else of that name stays.
func TestSocketLeftBehind(t *testing.T) {
	dir := t.TempDir()
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "control"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	s := start(t, dir)
	sessions(t, open(t, dir))
	s.stop()

	if err := os.WriteFile(filepath.Join(dir, "control"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(dir, nil, nil); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("%v", err)
	}
}

func dial(t *testing.T, dir string) *net.UnixConn {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(dir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.UnixConn)
}

// TestRequests that nobody should send.
func TestRequests(t *testing.T) {
	s := start(t, t.TempDir())
	for name, c := range map[string]struct{ send, want string }{
		"no JSON":       {"hello\n", "not a request"},
		"other version": {`{"version":2,"do":"stats"}` + "\n", "restart it"},
		"too long":      {strings.Repeat("x", 600<<10), "too long"},
		"nothing":       {"", ""},
		"half":          {`{"version":1,`, "not a request"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s.dir)
			if _, err := conn.Write([]byte(c.send)); err != nil && c.want != "too long" {
				t.Fatal(err)
			}
			conn.CloseWrite()
			line, _ := bufio.NewReader(conn).ReadString('\n')
			if !strings.Contains(line, c.want) || (line == "") != (c.want == "") {
				t.Errorf("answer %q", line)
			}
		})
	}
}

// TestClients: one that asks and does not read, and many that say nothing, keep nobody from anything for ever.
func TestClients(t *testing.T) {
	s := start(t, t.TempDir())
	s.session(t, "archive", "#")
	for range 40 {
		s.publish(t, &broker.Message{TopicName: "a", Payload: make([]byte, 100<<10), QoS: 1})
	}
	ask, err := json.Marshal(map[string]any{"version": 1, "do": "messages", "session": "archive", "count": 1000, "payload": true})
	if err != nil {
		t.Fatal(err)
	}
	lazy := dial(t, s.dir)
	if _, err := lazy.Write(append(ask, '\n')); err != nil {
		t.Fatal(err)
	}
	s.publish(t, &broker.Message{TopicName: "a", QoS: 1}) // while the answer is stuck
	if all, _ := sessions(t, open(t, s.dir)); all["archive"].Messages != 41 {
		t.Errorf("%+v", all["archive"])
	}
	lazy.Close()

	var silent []*net.UnixConn
	for range 16 {
		silent = append(silent, dial(t, s.dir))
	}
	busy := false
	for range 100 { // one of the silent may have come before the place of the lazy one was free, and been refused
		silent = append(silent, dial(t, s.dir))
		err := open(t, s.dir).Ask(t.Context(), control.Request{Do: control.Stats}, func(json.RawMessage) error { return nil })
		if busy = err != nil && strings.Contains(err.Error(), "try again"); busy {
			break
		}
	}
	if !busy {
		t.Error("there is no bound on clients")
	}
	for _, c := range silent {
		c.Close()
	}
	deadline := time.Now().Add(time.Minute)
	for {
		err := open(t, s.dir).Ask(t.Context(), control.Request{Do: control.Stats}, func(json.RawMessage) error { return nil })
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestCut: an answer without its last line is an error.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	store, _, err := queue.Open(vfs.OS{}, dir, queue.Options{SlotSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	x := store.NewBatch()
	x.Put(1, "a", []byte("b"))
	if _, err := store.Apply(x); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			bufio.NewReader(c).ReadString('\n')
			c.Write([]byte(`{"row":{}}` + "\n" + `{"row":{"live`))
			c.Close()
		}
	}()
	err = open(t, dir).Ask(t.Context(), control.Request{Do: control.Stats}, func(json.RawMessage) error { return nil })
	if !errors.Is(err, control.ErrCut) {
		t.Errorf("%v", err)
	}
}

// TestStopCutsOff: a station that stops does not wait for those who read its answers.
func TestStopCutsOff(t *testing.T) {
	s := start(t, t.TempDir())
	s.session(t, "archive", "#")
	for range 40 {
		s.publish(t, &broker.Message{TopicName: "a", Payload: make([]byte, 100<<10), QoS: 1})
	}
	err := open(t, s.dir).Ask(t.Context(), control.Request{Do: control.Messages, Session: "archive", Count: 1000, Payload: true}, func(json.RawMessage) error {
		s.stop()
		return nil
	})
	if !errors.Is(err, control.ErrCut) {
		t.Errorf("%v", err)
	}
}
