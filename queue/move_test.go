package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// export gives the lines of a store.
func export(t testing.TB, s *queue.Store, final bool) []string {
	t.Helper()
	var lines []string
	counts, err := s.Export(t.Context(), final, func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	t.Logf("exported %+v", counts)
	return lines
}

func importLines(fs vfs.FS, lines []string) (queue.Counts, error) {
	return queue.Import(fs, "q", strings.NewReader(strings.Join(lines, "")), small)
}

// midway is a store in the middle of everything, closed in good order.
func midway(t testing.TB) *vfs.Disk {
	t.Helper()
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	b := s.NewBatch()
	b.Put(1, "text", []byte("value"))
	b.Put(1, "gone", []byte("value"))
	b.Put(2, "\xff\x00", []byte{0xfe})
	apply(t, s, b)
	a := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 100, Count: 500}, Window: 40})
	c := create(t, s, queue.SessionOptions{})
	ended := create(t, s, queue.SessionOptions{})
	pub := create(t, s, queue.SessionOptions{})
	b = s.NewBatch()
	b.End(ended)
	b.Delete(1, "gone")
	apply(t, s, b)
	for i := range 300 { // through several slots
		m := &queue.Message{TopicName: "a/" + fmt.Sprint(i%7), Payload: fmt.Appendf(nil, "%d %700d", i, i), QoS: byte(1 + i%2), Retain: i%5 == 0}
		if i%11 == 0 {
			m.Properties, m.Payload, m.Expiry, m.HasExpiry = []byte{1, 2}, []byte{0xff, byte(i), byte(i >> 8)}, 1000, true
		}
		publish(t, s, m, queue.Target{Session: a, QoS: m.QoS, SubscriptionIDs: []uint32{7, uint32(i)}}, queue.Target{Session: c, QoS: 1, Retain: true})
		if i%5 == 0 {
			commit(t, s)
		}
	}
	if _, err := pub.Receive(9, message("held"), []queue.Target{at(a, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := pub.Receive(10, message("released"), []queue.Target{at(a, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, ok := pub.Release(10); !ok {
		t.Fatal("10 is not held")
	}
	publish(t, s, retain(&queue.Message{TopicName: "a/1"})) // deletes, though messages to it wait
	commit(t, s)
	a.Resume(30)
	ds := a.Next(nil, 30)
	ack(t, a, ds[0], ds[2], ds[4]) // out of order; QoS 1
	if _, ok := a.Received(ds[1].PacketID); !ok {
		t.Fatal("no PUBREC")
	}
	commit(t, s)
	ack(t, a, ds[1]) // its PUBCOMP
	if _, ok := a.Received(ds[3].PacketID); !ok {
		t.Fatal("no PUBREC")
	}
	closeStore(t, s)
	return disk
}

// volatile is what an export says of itself or of time.
var volatile = regexp.MustCompile(`"age_ms":\d+,`)

// steady is what must not change by a move.
func steady(lines []string) (kept []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"skerry_export"`) && !strings.HasPrefix(line, `{"store"`) && !strings.HasPrefix(line, `{"end"`) {
			kept = append(kept, volatile.ReplaceAllString(line, ""))
		}
	}
	return kept
}

// TestExportOfImport: what was imported is exported as the same lines, also once more.
func TestExportOfImport(t *testing.T) {
	disk := midway(t)
	s, _ := open(t, disk, small)
	want := export(t, s, true)
	closeStore(t, s)
	if !strings.HasPrefix(want[0], `{"skerry_export":{"version":1,"skip":false}}`) {
		t.Errorf("%s", want[0])
	}
	last := want
	for range 2 {
		disk = vfs.NewDisk()
		if _, err := importLines(disk, last); err != nil {
			t.Fatal(err)
		}
		s, found := open(t, disk, small)
		if found.Report.Unclean || found.Report.Damaged > 0 || found.Report.Unknown > 0 {
			t.Errorf("%+v", found.Report)
		}
		last = export(t, s, true)
		closeStore(t, s)
		if a, b := steady(want), steady(last); !slices.Equal(a, b) {
			for i := range max(len(a), len(b)) {
				if i >= len(a) || i >= len(b) || a[i] != b[i] {
					t.Fatalf("line %d of %d and %d:\n%s%s", i, len(a), len(b), strings.Join(a[i:min(i+1, len(a))], ""), strings.Join(b[i:min(i+1, len(b))], ""))
				}
			}
		}
	}
}

// TestMovedMidway goes on where the exchanges stood.
func TestMovedMidway(t *testing.T) {
	from, _ := open(t, midway(t), small)
	lines := export(t, from, true)
	var want, got []string
	for x := range from.Sessions() {
		want = append(want, owed(t, from, x)...)
	}
	disk := vfs.NewDisk()
	if _, err := importLines(disk, lines); err != nil {
		t.Fatal(err)
	}
	s, found := open(t, disk, small)
	for x := range s.Sessions() {
		got = append(got, owed(t, s, x)...)
	}
	if len(got) < 300 {
		t.Errorf("%d deliveries", len(got))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("it gives %q\nnot %q", got, want)
	}
	if _, held := s.Session(4).Held(9); !held {
		t.Error("a packet id is not held any more: its PUBLISH would be taken twice")
	}
	if _, held := s.Session(4).Held(10); held {
		t.Error("a packet id is held again: the next message would be swallowed")
	}
	var retained []string
	for _, m := range found.Retained {
		retained = append(retained, m.TopicName)
	}
	if !slices.IsSorted(retained) || slices.Contains(retained, "a/1") || len(retained) != 6 {
		slices.Sort(retained)
		if len(retained) != 6 || slices.Contains(retained, "a/1") {
			t.Errorf("retained: %q", retained)
		}
	}
	if v, ok := s.Fact(2, "\xff\x00"); !ok || !bytes.Equal(v, []byte{0xfe}) {
		t.Error("a fact is lost")
	}
	// What comes now gets the packet ids that it would have got there.
	for _, store := range []*queue.Store{from, s} {
		publish(t, store, message("new"), at(store.Session(1), 2))
		commit(t, store)
	}
	a, b := owed(t, from, from.Session(1)), owed(t, s, s.Session(1))
	if len(a) == 0 || !slices.Equal(a, b) {
		t.Errorf("behind the move %q, not %q", b, a)
	}
	// Numbers of sessions are not given again.
	if n := create(t, s, queue.SessionOptions{}).Number(); n != 5 {
		t.Errorf("session %d", n)
	}
	closeStore(t, s)
	closeStore(t, from)
}

// owed takes everything that a session is owed, in order.
func owed(t testing.TB, s *queue.Store, x *queue.Session) (all []string) {
	t.Helper()
	x.Resume(0)
	var ds []queue.Delivery
	for more := true; more; {
		commit(t, s) // reads on
		n := len(ds)
		ds = x.Next(ds, 10_000)
		more = len(ds) > n
	}
	for _, d := range ds {
		what := "PUBREL"
		if d.Message != nil {
			what = fmt.Sprintf("%s %x %x %v %v %v", d.Message.TopicName, d.Message.Payload, d.Message.Properties, d.Retain, d.SubscriptionIDs, d.Message.HasExpiry)
		}
		all = append(all, fmt.Sprintf("%d/%d %d dup %v %s", x.Number(), d.PacketID, d.QoS, d.Dup, what))
	}
	return all
}

// TestLiveExport: packet ids that the store uses after its export are not used by who goes on from it.
func TestLiveExport(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{})
	publish(t, s, message("before"), at(x, 2))
	lines := export(t, s, false)
	publish(t, s, message("after"), at(x, 2))
	stop()
	closeStore(t, s)
	disk := vfs.NewDisk()
	if _, err := importLines(disk, lines); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, disk, small)
	defer closeStore(t, s)
	x = s.Session(1)
	publish(t, s, message("elsewhere"), at(x, 2))
	commit(t, s)
	x.Resume(0)
	commit(t, s)
	ds := x.Next(nil, 1)
	if got := texts(ds); !slices.Equal(got, []string{"before"}) || ds[0].PacketID != 1 {
		t.Fatalf("%q, packet id %d", got, ds[0].PacketID)
	}
	if ds = x.Next(nil, 1); len(ds) != 1 || !ds[0].Release || ds[0].PacketID != 2 {
		t.Errorf("packet id 2 is not freed before it is used again: %q", texts(ds))
	}
}

// TestExportBesidePublishers: what was acknowledged before an export began is in it, whoever publishes, drains and seals meanwhile.
func TestExportBesidePublishers(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{})
	busy := create(t, s, queue.SessionOptions{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		busy.Resume(0)
		for i := 0; i < 3000 && t.Context().Err() == nil; i++ {
			if _, err := s.Publish(message("%d %200d", i, i), []queue.Target{at(busy, 1)}); err != nil {
				return
			}
			for _, d := range busy.Next(nil, 10) {
				busy.Ack(d.PacketID)
			}
		}
	}()
	for n := range 20 {
		r := publish(t, s, message("mine %d", n), at(x, 1))
		if err := s.Wait(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		lines := export(t, s, false)
		disk := vfs.NewDisk()
		if _, err := importLines(disk, lines); err != nil {
			t.Fatal(err)
		}
		moved, found := open(t, disk, small)
		if found.Report.Damaged > 0 {
			t.Fatalf("%+v", found.Report)
		}
		if got := len(owed(t, moved, moved.Session(1))); got != n+1 {
			t.Fatalf("%d messages of %d", got, n+1)
		}
		closeStore(t, moved)
	}
	<-done
	stop()
	closeStore(t, s)
}

// TestAgeMoves: a message is as old behind a move as before, and the time of the move does not make it younger.
func TestAgeMoves(t *testing.T) {
	clock := time.Hour
	o := small
	o.Boot = queue.Boot{ID: [16]byte{1}, Clock: func() time.Duration { return clock }}
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{})
	publish(t, s, message("old"), at(x, 1))
	clock += time.Hour
	lines := export(t, s, true)
	closeStore(t, s)
	o.Boot.ID = [16]byte{2} // another machine
	clock = time.Minute
	disk = vfs.NewDisk()
	if _, err := queue.Import(disk, "q", strings.NewReader(strings.Join(lines, "")), o); err != nil {
		t.Fatal(err)
	}
	clock += time.Minute
	s, _ = open(t, disk, o)
	defer closeStore(t, s)
	for w := range s.Session(1).Peek() {
		if w.Age < time.Hour || w.Age > time.Hour+2*time.Minute {
			t.Errorf("%v old", w.Age)
		}
	}
}

// TestBadImports: what is not a whole export is refused.
func TestBadImports(t *testing.T) {
	s, _ := open(t, midway(t), small)
	lines := export(t, s, true)
	closeStore(t, s)
	for n := range lines {
		if n%17 == 0 || n > len(lines)-4 {
			if _, err := importLines(vfs.NewDisk(), lines[:n]); !errors.Is(err, queue.ErrCutOff) {
				t.Errorf("%d lines of %d: %v", n, len(lines), err)
			}
		}
	}
	for name, change := range map[string]func([]string) []string{
		"half a line":     func(l []string) []string { l[len(l)-1] = l[len(l)-1][:20]; return l },
		"no end of line":  func(l []string) []string { l[len(l)-1] = strings.TrimSpace(l[len(l)-1]); return l },
		"a line twice":    func(l []string) []string { return slices.Insert(l, 5, l[5]) },
		"a line missing":  func(l []string) []string { return slices.Delete(l, 5, 6) },
		"a changed text":  func(l []string) []string { l[2] = strings.Replace(l[2], "text", "tent", 1); return l },
		"more behind":     func(l []string) []string { return append(l, l[2]) },
		"another version": func(l []string) []string { l[0] = `{"skerry_export":{"version":2}}` + "\n"; return l },
		"another thing":   func([]string) []string { return []string{"{}\n"} },
		"no JSON":         func([]string) []string { return []string{"hello\n"} },
	} {
		_, err := importLines(vfs.NewDisk(), change(slices.Clone(lines)))
		if err == nil {
			t.Errorf("%s: taken", name)
		}
		if name == "another version" && !errors.Is(err, queue.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	disk := midway(t)
	if _, err := importLines(disk, lines); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a store: %v", err)
	}
}

// FuzzImport: whatever somebody calls an export, it is taken or refused.
func FuzzImport(f *testing.F) {
	f.Add(`{"skerry_export":{"version":1,"skip":true}}` + "\n" +
		`{"store":{"boot":1,"session":1,"order":1,"runs":[{"boot":1,"kernel":"01000000000000000000000000000000","first_ms":1,"last_ms":2,"dates_ms":[1,2]}]}}` + "\n" +
		`{"fact":{"space":1,"key":{"base64":"/wA="},"value":"dg=="}}` + "\n" +
		`{"session":{"number":1,"packet_ids":[1,9],"window":4,"ring_messages":8,"ring_bytes":99,"next":5,"base":2,"complete":[[3,4]],"held":[1],"logged":[4,4],"acked":[1,1],"dropped":[1]}}` + "\n" +
		`{"message":{"topic":"a","qos":1,"boot":1,"at_ms":5,"age_ms":1,"payload":"x","to":[{"session":1,"ordinal":2,"qos":1,"subscription_ids":[1]}]}}` + "\n" +
		`{"retained":{"topic":"a","qos":1,"retain":true,"boot":1,"at_ms":5,"age_ms":1,"payload":"x"}}` + "\n")
	f.Fuzz(func(t *testing.T, lines string) {
		disk := vfs.NewDisk()
		if _, err := queue.Import(disk, "q", strings.NewReader(lines), small); err != nil {
			return
		}
		s, _, err := queue.Open(disk, "q", small)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}
