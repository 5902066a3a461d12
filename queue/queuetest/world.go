package queuetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// Plan of one run.
type Plan struct {
	Seed      uint64
	Cuts      []Cut // one for each boot
	Steps     int   // random steps in each boot
	Fate      vfs.Fate
	Lie       int         // so many operations before a cut Sync begins to do nothing: what was acknowledged may be lost, nothing later
	Faults    int         // one of so many writes and syncs fails; 0: none
	PacketIDs queue.Range // of the subscribers; a few make them wrap
	Window    int
	Options   queue.Options
}

// A Cut ends a boot.
type Cut struct {
	At   int  // the operation of the disk, counted from the opening; 0: after all steps
	Kill bool // only the process goes: what was written stays, but may still be lost later
}

// world is one run.
type world struct {
	Plan
	r      *rand.Rand
	disk   *vfs.Disk
	s      *queue.Store
	kernel uint64
	clock  time.Duration
	pubs   []*publisher
	subs   []*subscriber
	put    uint64 // the value of the facts, counted up
	kept   uint64 // acknowledged
	putR   queue.Receipt
	err    error // the first broken promise
}

const factSpace = 7

// Run plays a plan. It returns how many operations each boot took, and the first promise that was broken.
func Run(p Plan) (ops []int, err error) {
	w := &world{Plan: p, r: rand.New(rand.NewPCG(p.Seed, 42)), disk: vfs.NewDisk()}
	for i, q := range []byte{1, 2, 2, 1} {
		w.pubs = append(w.pubs, &publisher{w: w, name: i, qos: q, gateway: i == 0 && p.Seed%2 == 0, batch: i == 3})
	}
	for i, q := range []byte{1, 2, 2} {
		w.subs = append(w.subs, &subscriber{w: w, name: i, qos: q, held: map[uint16]bool{}, last: map[int]int{}, latest: map[int]int{}, forgiven: map[int]int{}})
	}
	for boot, cut := range p.Cuts {
		before := w.disk.Ops()
		w.setCut(cut)
		w.boot()
		ops = append(ops, w.disk.Ops()-before)
		if w.err != nil {
			return ops, fmt.Errorf("seed %d boot %d: %w", p.Seed, boot, w.err)
		}
		w.powerOff(cut)
	}
	w.settle()
	if w.err != nil {
		return ops, fmt.Errorf("seed %d at the end: %w", p.Seed, w.err)
	}
	return ops, nil
}

func (w *world) setCut(c Cut) {
	if c.At == 0 {
		return
	}
	if w.Faults > 0 {
		w.disk.Hook(w.fault)
	}
	at := w.disk.Ops() + c.At
	w.disk.CutAt(at)
	if w.Lie > 0 {
		w.disk.LieFrom(max(1, at-w.Lie))
	}
}

func (w *world) fault(op vfs.Op) error {
	if (op.Kind == vfs.OpWrite || op.Kind == vfs.OpSync) && w.r.IntN(w.Faults) == 0 {
		return syscall.EIO
	}
	return nil
}

// powerOff is a power cut, or a kill of the process: then everything written is still there.
func (w *world) powerOff(c Cut) {
	for _, p := range w.pubs {
		p.disconnect()
	}
	for _, s := range w.subs {
		s.disconnect()
	}
	w.s, w.putR = nil, 0
	if w.Lie > 0 {
		w.forgive()
	}
	if c.Kill {
		w.disk = w.disk.Killed()
		return
	}
	w.kernel++
	w.clock = 0
	w.disk = w.disk.Crash(w.r, w.Fate)
}

// forgive counts nothing as acknowledged that a lying disk may have lost. Publishers give up what is in flight: the
// first messages after the restart shall be new ones, which must not meet a packet id that a receiver still holds.
func (w *world) forgive() {
	w.kept = 0
	for _, p := range w.pubs {
		p.out = nil
	}
	for _, s := range w.subs {
		for _, p := range w.pubs {
			s.forgiven[p.name] = p.next
		}
	}
}

func (w *world) breaks(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// boot opens the store and takes random steps until the power goes.
func (w *world) boot() {
	if !w.open() {
		return
	}
	for range w.Steps {
		if w.err != nil || !w.step() {
			return
		}
	}
	if w.r.IntN(4) == 0 {
		_ = w.s.Close()
	}
}

// open returns false if the power went meanwhile.
func (w *world) open() bool {
	o := w.Options
	binary.LittleEndian.PutUint64(o.Boot.ID[:], w.kernel+1)
	o.Boot.Clock = func() time.Duration { return w.clock }
	s, rec, err := queue.Open(w.disk, "q", o)
	if errors.Is(err, vfs.ErrPower) || errors.Is(err, syscall.EIO) {
		return false
	}
	if err != nil {
		w.breaks("open: %w", err)
		return false
	}
	if w.Lie == 0 && (rec.Report.Damaged != 0 || rec.Report.Unknown != 0) {
		w.breaks("an honest power cut taken for damage: %+v", rec.Report)
	}
	w.s = s
	w.checkFacts(rec)
	return w.bind()
}

func (w *world) checkFacts(rec *queue.Recovery) {
	a, b := w.fact("a"), w.fact("b")
	if a != b || a < w.kept || a > w.put {
		w.breaks("facts %d and %d after %d was acknowledged and %d put", a, b, w.kept, w.put)
	}
	w.put, w.kept = max(w.put, a), a
	for _, m := range rec.Retained {
		for _, p := range w.pubs {
			if p.topic() == m.TopicName {
				p.checkRetained(m, w.Lie > 0)
			}
		}
	}
}

func (w *world) fact(key string) uint64 {
	v, _ := w.s.Fact(factSpace, key)
	n, _ := binary.Uvarint(v)
	return n
}

// bind finds the sessions of the clients by a fact, as the broker does, and makes those that are missing.
func (w *world) bind() bool {
	b := w.s.NewBatch()
	missing := false
	find := func(name string, created bool, o queue.SessionOptions) *queue.Session {
		if v, ok := w.s.Fact(factSpace, name); ok {
			n, _ := binary.Uvarint(v)
			if x := w.s.Session(n); x != nil {
				return x
			}
			w.breaks("session %d of %s has no state", n, name)
		} else if created && w.Lie == 0 {
			w.breaks("session of %s lost", name)
		}
		x := b.Create(o)
		b.Put(factSpace, name, binary.AppendUvarint(nil, x.Number()))
		missing = true
		return x
	}
	for _, p := range w.pubs {
		switch {
		case p.qos != 2:
		case w.Lie > 0: // a PUBREL that the disk forgot would swallow a message: there is no defence on this side
			p.x = w.s.NewVolatile(queue.SessionOptions{})
		default:
			p.x = find(fmt.Sprint("pub", p.name), p.created, queue.SessionOptions{})
		}
	}
	for _, s := range w.subs {
		s.x = find(s.fact(), s.created, s.options())
	}
	if missing {
		if _, err := w.s.Apply(b); err != nil {
			w.breaks("create sessions: %w", err)
		}
		if w.s.Commit() != nil {
			return false
		}
	}
	for _, p := range w.pubs {
		p.created = true
	}
	for _, s := range w.subs {
		s.created = true
		if s.cleaning != 0 {
			s.cleanStart()
		}
	}
	return true
}

// step does one random thing. It returns false when the power went.
func (w *world) step() bool {
	w.clock += time.Millisecond
	p, s := w.pubs[w.r.IntN(len(w.pubs))], w.subs[w.r.IntN(len(w.subs))]
	switch n := w.r.IntN(100); {
	case n < 25:
		p.send()
	case n < 45:
		p.hear()
	case n < 65:
		s.pull(1 + w.r.IntN(5))
	case n < 85:
		s.answer()
	case n < 95:
		return w.commit() && w.keepUp()
	case n < 97:
		w.putFacts()
	case n < 98:
		p.disconnect()
	case n < 99:
		s.disconnect()
	case w.r.IntN(4) == 0 && w.Lie == 0:
		s.cleanStart()
	default:
		s.connect()
	}
	return true
}

func (w *world) commit() bool {
	if w.s.Commit() != nil {
		return false
	}
	if w.putR != 0 && w.s.Durable() >= w.putR {
		w.kept, w.putR = w.put, 0
	}
	return true
}

// keepUp lets the subscribers of a lying disk hold what it is about to forget.
func (w *world) keepUp() bool {
	for _, s := range w.subs {
		if w.Lie > 0 {
			s.pull(20)
		}
	}
	return true
}

func (w *world) putFacts() {
	if w.putR != 0 {
		return
	}
	w.put++
	b := w.s.NewBatch()
	b.Put(factSpace, "a", binary.AppendUvarint(nil, w.put))
	b.Put(factSpace, "between", make([]byte, w.r.IntN(3000))) // a block ends between the two, and a write may tear there
	b.Put(factSpace, "b", binary.AppendUvarint(nil, w.put))
	r, err := w.s.Apply(b)
	if err != nil {
		w.breaks("apply: %w", err)
	}
	w.putR = r
}

// settle opens the store for the last time, with the power on, takes some more steps, and lets everything come to
// rest.
func (w *world) settle() {
	if w.err != nil {
		return
	}
	if !w.open() {
		w.breaks("power went at the end")
		return
	}
	for range w.Steps {
		w.step()
	}
	idle := 0
	for rounds := 0; idle < 4 && w.err == nil; rounds++ {
		busy := false
		for _, p := range w.pubs {
			busy = p.finish() || busy
		}
		for _, s := range w.subs {
			busy = s.finish() || busy
		}
		if !w.commit() {
			w.breaks("commit: %w", w.s.Err())
		}
		idle++
		if busy {
			idle = 0
		}
		if rounds > 100000 {
			w.breaks("does not come to rest: %+v", w.s.Stats())
		}
	}
	for _, s := range w.subs {
		s.checkAll()
	}
}
