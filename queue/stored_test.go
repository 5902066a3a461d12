package queue_test

import (
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

var keepStore = flag.String("store.keep", "", "a new folder to leave the store in that TestStoredContents writes, and what is in it")

// A past is the life of a store over several boots, on a false clock. A boot ends as with SIGKILL: the folder is copied while the
// store is open, and the next boot goes on there.
type past struct {
	t      *testing.T
	dir    string
	now    time.Duration
	kernel byte
	s      *queue.Store
	left   string // the folder that the last kill left
}

func storedOptions(kernel byte, now func() time.Duration) queue.Options {
	return queue.Options{SlotSize: 64 << 10, BlockSize: 1024, Boot: queue.Boot{
		ID: [16]byte{kernel}, Clock: now,
		Wall: func() (int64, bool) { return 1_780_000_000_000 + now().Milliseconds(), true },
	}}
}

func (p *past) open() {
	p.t.Helper()
	s, _, err := queue.Open(vfs.OS{}, p.dir, storedOptions(p.kernel, func() time.Duration { return p.now }))
	must(p.t, err)
	p.s = s
}

// kill ends a boot. Another kernel: the power was lost.
func (p *past) kill(kernel byte) {
	p.t.Helper()
	next := filepath.Join(p.t.TempDir(), "q")
	must(p.t, os.CopyFS(next, os.DirFS(p.dir)))
	_ = p.s.Close()
	p.left = filepath.Join(p.t.TempDir(), "left")
	must(p.t, os.CopyFS(p.left, os.DirFS(next)))
	p.dir, p.kernel, p.now = next, kernel, p.now+time.Minute
	p.open()
}

func (p *past) publish(topic, format string, x *queue.Session, qos byte, ids ...uint32) {
	p.t.Helper()
	p.now += time.Second
	m := message(format, len(ids))
	m.TopicName, m.QoS = topic, 2
	publish(p.t, p.s, m, queue.Target{Session: x, QoS: qos, Retain: len(ids) == 1, SubscriptionIDs: ids})
	commit(p.t, p.s)
}

// write lives that life: five boots, the last four of them in one slot. What the first segments said of facts,
// retained messages, held packet ids and PUBRECs stands only in the checkpoints at the end.
func (p *past) write() {
	p.t.Helper()
	p.open()
	p.first()
	p.free()
	closeStore(p.t, p.s)
	p.now += time.Minute
	p.open()
	p.backlog()
	segments := p.s.Stats().Segments
	p.kill(1)
	p.publish("same/kernel", "after a kill, %d", p.s.Session(3), 1)
	receive(p.t, p.s.Session(1), 502, "held late", at(p.s.Session(3), 1))
	p.kill(2)
	p.publish("other/kernel", "after a power cut, %d", p.s.Session(2), 2, 7, 300)
	p.limit()
	p.share()
	p.kill(2)
	p.last()
	if n := p.s.Stats().Segments; n != segments {
		p.t.Fatalf("%d segments, not %d: the boots are not in one slot", n, segments)
	}
}

// first fills what will be freed.
func (p *past) first() {
	t, s := p.t, p.s
	b := s.NewBatch()
	from := b.Create(queue.SessionOptions{})
	two := b.Create(queue.SessionOptions{PacketIDs: queue.Range{First: 5, Count: 200}, Window: 9})
	one := b.Create(queue.SessionOptions{})
	b.Create(queue.SessionOptions{RingMessages: 4})
	b.Create(queue.SessionOptions{})
	b.Put(1, "early", []byte{1, 0, 255})
	b.Put(1, "deleted", []byte{2})
	b.Put(2, strings.Repeat("long/", 500), []byte("value of a long key"))
	apply(t, s, b)
	for _, topic := range []string{"kept/early", "kept/cleared", "kept/twice", "kept/" + strings.Repeat("long/", 300)} {
		m := retain(own(message("retained")))
		m.TopicName, m.Properties, m.Expiry, m.HasExpiry, m.Unresolved = topic, []byte{1, 1}, 86400, true, true
		publish(t, s, m)
	}
	two.Resume(0)
	one.Resume(0)
	receive(t, from, 500, "held early", at(one, 1))
	receive(t, from, 501, "released", at(one, 1))
	from.Release(501)
	for i := range 4 {
		p.publish("qos/2", fmt.Sprint("early ", i, ", %d"), two, 2)
	}
	ds := two.Next(nil, 10)
	for _, d := range ds {
		if _, ok := two.Received(d.PacketID); !ok {
			t.Fatal("not in flight")
		}
	}
	commit(t, s)
	ack(t, two, ds[0], ds[2])
	ack(t, one, one.Next(nil, 10)...)
}

// free rolls segments over until both checkpoints stand and what came first is freed.
func (p *past) free() {
	t, s, one := p.t, p.s, p.s.Session(3)
	for i := 0; s.Stats().Freed < 3; i++ {
		if i == 2000 {
			t.Fatalf("nothing is freed: %+v", s.Stats())
		}
		publish(t, s, message("%0900d", i), at(one, 1))
		commit(t, s)
		ack(t, one, one.Next(nil, 10)...)
	}
	b := s.NewBatch()
	b.Delete(1, "deleted")
	b.Put(1, "late", []byte("late"))
	apply(t, s, b)
	for topic, payload := range map[string]string{"kept/cleared": "", "kept/twice": "newer"} {
		m := retain(message("%s", payload))
		m.TopicName = topic
		publish(t, s, m)
	}
	commit(t, s)
}

// backlog leaves messages in several segments, acknowledged out of order.
func (p *past) backlog() {
	one, two := p.s.Session(3), p.s.Session(2)
	for i := range 90 {
		p.publish("backlog/1", fmt.Sprintf("%0900d", i)+" %d", one, 1)
	}
	one.Resume(0)
	commit(p.t, p.s)
	ds := one.Next(nil, 40)
	ack(p.t, one, ds[:10]...)
	ack(p.t, one, ds[12], ds[13], ds[20])
	for range 5 {
		p.publish("qos/2", "late, %d", two, 2, 300)
	}
	two.Resume(0)
	commit(p.t, p.s)
	p.settle(two, 3)
	commit(p.t, p.s)
}

// settle lets a receiver of QoS 2 take so many deliveries and answer each for one step.
func (p *past) settle(x *queue.Session, n int) {
	for _, d := range x.Next(nil, n) {
		if d.Release {
			ack(p.t, x, d)
		} else if _, ok := x.Received(d.PacketID); !ok {
			p.t.Fatal("not in flight")
		}
	}
}

// limit drops the oldest of a session that is full.
func (p *past) limit() {
	x := p.s.Session(4)
	x.SetLimits(queue.Limits{Messages: 6})
	for range 20 {
		p.publish("limited", "%d", x, 1)
	}
}

// share binds messages at QoS 2 to a member: one whose record names it, one that is copied; and lends it another.
func (p *past) share() {
	b := p.s.NewBatch()
	x := b.Create(queue.SessionOptions{Shared: true, PacketIDs: queue.Range{First: 1, Count: 1}})
	member := b.Create(queue.SessionOptions{})
	b.Put(3, "share", []byte{byte(x.Number()), byte(member.Number())})
	apply(p.t, p.s, b)
	x.Resume(0)
	member.Resume(0)
	for i := range 4 {
		p.publish("shared", fmt.Sprint(i, ", %d"), x, 1)
	}
	x.Give(member, &queue.Share{QoS: 2})
	x.Give(member, &queue.Share{QoS: 1})
	x.Give(member, &queue.Share{QoS: 2, SubscriptionIDs: []uint32{9}})
	commit(p.t, p.s)
	for _, d := range member.Next(nil, 9) {
		if _, ok := member.Received(d.PacketID); d.Ordinal == 1 && !ok {
			p.t.Fatal("not in flight")
		}
	}
	p.publish("shared", "the last, %d", x, 1)
	m := message("not written yet")
	m.QoS = 2
	publish(p.t, p.s, m, at(x, 1))
	for x.Give(member, &queue.Share{QoS: 2}) == queue.Gave {
		continue
	}
	commit(p.t, p.s)
}

func (p *past) last() {
	b := p.s.NewBatch()
	b.End(p.s.Session(5))
	b.Publish(message("in a batch"), []queue.Target{at(p.s.Session(3), 1), at(p.s.Session(2), 0)})
	apply(p.t, p.s, b)
	p.publish("kept/no", "the last, %d", p.s.Session(2), 1)
}

// TestStoredContents writes a store and reads all of it again, with either checkpoint.
func TestStoredContents(t *testing.T) {
	p := &past{t: t, dir: filepath.Join(t.TempDir(), "q"), now: time.Hour, kernel: 1}
	p.write()
	p.kill(2)
	closeStore(t, p.s)
	dir := p.left
	contents := describe(t, dir, "")
	checkStored(t, dir, contents)
	if *keepStore != "" {
		keep(t, dir, contents)
	}
}

// TestStoresOfEarlierVersions reads the stores that earlier versions wrote, and finds in them all that was there then.
func TestStoresOfEarlierVersions(t *testing.T) {
	stores, err := filepath.Glob("testdata/store-*")
	if err != nil || len(stores) == 0 {
		t.Fatalf("no stores in testdata: %v", err)
	}
	for _, from := range stores {
		t.Run(filepath.Base(from), func(t *testing.T) {
			contents, err := os.ReadFile(filepath.Join(from, "contents.txt"))
			must(t, err)
			dir := t.TempDir()
			for _, name := range storedFiles(t, from) {
				unpack(t, filepath.Join(from, name), filepath.Join(dir, strings.TrimSuffix(name, ".gz")))
			}
			checkStored(t, dir, string(contents))
		})
	}
}

// checkStored opens a store as it is, and with each of its checkpoints alone: it must be the same every time.
func checkStored(t *testing.T, dir, want string) {
	t.Helper()
	for _, without := range []string{"", "ckpt-a.db", "ckpt-b.db"} {
		if got := describe(t, dir, without); got != want {
			t.Errorf("without %q: %s", without, firstDifference(got, want))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is\n%s\nnot\n%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(g), len(w))
}

// describe opens a copy of a store, says what is in it, and takes everything that waits.
func describe(t *testing.T, from, without string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "q")
	must(t, os.CopyFS(dir, os.DirFS(from)))
	if without != "" {
		must(t, os.Remove(filepath.Join(dir, without)))
	}
	s, rec, err := queue.Open(vfs.OS{}, dir, storedOptions(2, func() time.Duration { return 3 * time.Hour }))
	must(t, err)
	defer closeStore(t, s)
	r := rec.Report
	if r.Checkpoint == "" || r.Covered == 0 || len(r.UnreadableCheckpoints) > 0 {
		t.Fatalf("no checkpoint, or one that cannot be read: %+v", r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "unclean %v, power lost %v, lied %v, damaged %d, lost %d, unknown %d\n", r.Unclean, r.PowerLost, r.Lied, r.Damaged, r.LostRecords, r.Unknown)
	for space := range byte(8) {
		facts := maps.Collect(s.Facts(space))
		for _, key := range slices.Sorted(maps.Keys(facts)) {
			fmt.Fprintf(&b, "fact %d %.40q (%d) = %q\n", space, key, len(key), facts[key])
		}
	}
	for _, m := range rec.Retained {
		fmt.Fprintf(&b, "retained %s\n", describeMessage(m))
	}
	for x := range s.Sessions() {
		describeSession(&b, x)
	}
	for x := range s.Sessions() {
		fmt.Fprintf(&b, "session %d gets\n", x.Number())
		describeDeliveries(t, &b, s, x)
	}
	return b.String()
}

func describeMessage(m *queue.Message) string {
	return fmt.Sprintf("%.30q (%d) %.30q (%d) props %x qos %d retain %v at %d %v expiry %v %d unresolved %v",
		m.TopicName, len(m.TopicName), strings.TrimLeft(string(m.Payload), "0"), len(m.Payload), m.Properties, m.QoS, m.Retain, m.Stamp.Boot, m.Stamp.At, m.HasExpiry, m.Expiry, m.Unresolved)
}

func describeSession(b *strings.Builder, x *queue.Session) {
	st := x.Stats()
	fmt.Fprintf(b, "session %d: packet ids %v, %d messages, %d bytes, oldest %v, dropped %v, unfinished %d\n",
		x.Number(), x.PacketIDs(), st.Messages, st.Bytes, st.Oldest.Truncate(time.Minute), st.Dropped[:queue.DroppedEnded], x.Unfinished())
	for id := range uint16(1000) {
		if _, held := x.Held(id); held {
			fmt.Fprintf(b, "  holds %d\n", id)
		}
	}
	for w := range x.Peek() {
		fmt.Fprintf(b, "  waits %s\n", describeDelivery(w.Delivery))
	}
}

func describeDelivery(d queue.Delivery) string {
	text := fmt.Sprintf("ordinal %d id %d qos %d dup %v retain %v release %v subscriptions %v", d.Ordinal, d.PacketID, d.QoS, d.Dup, d.Retain, d.Release, d.SubscriptionIDs)
	if d.Message != nil {
		text += " " + describeMessage(d.Message)
	}
	return text
}

// describeDeliveries takes everything. The PUBRELs that sweep what was skipped after the loss of power are only counted.
func describeDeliveries(t *testing.T, b *strings.Builder, s *queue.Store, x *queue.Session) {
	t.Helper()
	x.Resume(0)
	releases := 0
	for idle := 0; idle < 3; idle++ {
		for _, d := range x.Next(nil, 1000) {
			idle = 0
			if d.Release {
				releases++
			} else {
				fmt.Fprintf(b, "  %s\n", describeDelivery(d))
			}
			if d.QoS == 2 && !d.Release {
				if _, ok := x.Received(d.PacketID); !ok {
					t.Fatal("not in flight")
				}
				commit(t, s)
			}
			ack(t, x, d)
		}
		commit(t, s)
	}
	fmt.Fprintf(b, "  %d PUBRELs, %d unfinished\n", releases, x.Unfinished())
}

func storedFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "contents.txt" && d.Name() != "lock" {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
		}
		return err
	}))
	return names
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	b, err := io.ReadAll(z)
	must(t, errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600)))
}

// keep packs a store into the folder that the command line names.
func keep(t *testing.T, dir, contents string) {
	t.Helper()
	for _, name := range storedFiles(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		to := filepath.Join(*keepStore, name+".gz")
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		f, err := os.Create(to)
		must(t, err)
		z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
		_, err = z.Write(b)
		must(t, errors.Join(err, z.Close(), f.Close()))
	}
	must(t, os.WriteFile(filepath.Join(*keepStore, "contents.txt"), []byte(contents), 0o644))
}
