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

// world is one run.
type world struct {
	Plan
	r      *rand.Rand
	disk   *vfs.Disk
	s      *queue.Store
	kernel uint64
	clock  time.Duration // since that kernel started
	real   time.Duration // since the world began: what no program knows for certain
	pubs   []*publisher
	subs   []*subscriber
	crowd  *crowd // nil unless Plan.Shares
	facts  facts
	began  time.Time
	result Result
	err    error // the first broken promise
}

const factSpace = 7

// Run plays a plan. The error is the first promise that was broken.
func Run(p Plan) (Result, error) {
	w := &world{Plan: p, r: rand.New(rand.NewPCG(p.Seed, 42)), disk: vfs.NewDisk(), began: time.Now()}
	w.facts.w = w
	for i, q := range []byte{1, 2, 2, 1} {
		w.pubs = append(w.pubs, &publisher{w: w, name: i, qos: q, gateway: i == 0 && p.Seed%2 == 0, batch: i == 3, kept: -1, refused: map[int]bool{}, unsure: map[int]bool{}})
	}
	for i, q := range []byte{1, 2, 2, 2} {
		w.subs = append(w.subs, newSubscriber(w, i, q))
	}
	if p.Shares {
		w.crowd = newCrowd(w)
	}
	w.disk.SetCapacity(p.Capacity)
	for boot, cut := range p.Cuts {
		w.move()
		before := w.disk.Ops()
		w.setCut(cut)
		w.boot()
		w.result.Ops = append(w.result.Ops, w.disk.Ops()-before)
		if w.err != nil {
			return w.result, fmt.Errorf("seed %d boot %d: %w", p.Seed, boot, w.err)
		}
		w.powerOff(cut)
	}
	w.move()
	w.settle()
	if w.err != nil {
		return w.result, fmt.Errorf("seed %d at the end: %w", p.Seed, w.err)
	}
	return w.result, nil
}

func (w *world) setCut(c Cut) {
	if c.At == 0 {
		return
	}
	if w.ReadFaults > 0 {
		w.disk.HookReads(w.readFault)
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

func (w *world) readFault(vfs.Op) error {
	if w.r.IntN(w.ReadFaults) == 0 {
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
		s.cutOff()
	}
	if w.crowd != nil {
		w.crowd.disconnect()
	}
	w.note()
	w.s, w.facts.receipt = nil, 0
	w.trace("the power goes: %+v", c)
	if w.lossy() {
		w.forgive()
	}
	w.pass(time.Duration(w.r.IntN(3000)) * time.Millisecond)
	if c.Kill {
		w.disk = w.disk.Killed()
		w.disk.SetCapacity(w.Capacity)
		return
	}
	w.kernel++
	w.clock = 0
	w.disk = w.disk.Crash(w.r, w.Fate)
	w.disk.SetCapacity(w.Capacity)
}

// note counts what the store did in a boot.
func (w *world) note() {
	if w.s == nil {
		return
	}
	st := w.s.Stats()
	w.result.Expired += st.Expired
	w.result.Dropped += st.Drops.Total()
	w.result.Freed += int(st.Freed)
	w.result.Checkpoints += int(st.Checkpoints)
	if st.Lied {
		w.result.Lied++
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.clock += d
	w.real += d
}

// wall is a clock that is right when it says so, and anything otherwise.
func (w *world) wall() (ms int64, trusted bool) {
	now := epoch.Add(w.real).UnixMilli()
	if !w.Expiry || w.kernel%3 == 1 {
		return now, w.Expiry
	}
	return now + int64(w.kernel%5-2)*86_400_000*400, false
}

// forgive counts nothing as acknowledged that a disk may have lost. Publishers give up what is in flight: the first
// messages after the restart shall be new ones, which must not meet a packet id that a receiver still holds.
func (w *world) forgive() {
	w.facts.acked = 0
	for _, p := range w.pubs {
		p.out, p.kept = nil, -1
	}
	for _, s := range w.subs {
		for _, p := range w.pubs {
			s.forgiven[p.name] = p.next
		}
	}
}

// trace tells what happens.
func (w *world) trace(format string, args ...any) {
	if w.Trace != nil {
		w.Trace("%6d %v "+format, append([]any{w.disk.Ops(), w.real}, args...)...)
	}
}

func (w *world) breaks(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// boot opens the store and takes random steps until the power goes.
func (w *world) boot() {
	if w.Twins && w.r.IntN(6) == 0 {
		w.compareTwins()
	}
	if w.err != nil || !w.open() {
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

func (w *world) options() queue.Options {
	o := w.Options
	binary.LittleEndian.PutUint64(o.Boot.ID[:], w.kernel+1)
	o.Boot.Clock = func() time.Duration { return w.clock }
	o.Boot.Wall = w.wall
	return o
}

// open returns false if the power went meanwhile.
func (w *world) open() bool {
	s, rec, err := queue.Open(w.disk, "q", w.options())
	if errors.Is(err, vfs.ErrPower) || w.Faults > 0 && errors.Is(err, syscall.EIO) {
		return false
	}
	if err != nil {
		w.breaks("open: %w", err)
		return false
	}
	w.s = s
	w.trace("open: %+v", rec.Report)
	w.checkReport(&rec.Report)
	w.facts.check()
	w.checkRetained(rec.Retained)
	return w.bind()
}

func (w *world) checkReport(r *queue.Report) {
	if !w.lossy() && (r.Damaged != 0 || r.Unknown != 0 || r.LostRecords != 0) {
		w.breaks("an honest power cut taken for damage: %+v", r)
	}
	// Before the first one is complete two cuts can leave two beginnings: there was none to keep then.
	w.result.Unreadable += len(r.UnreadableCheckpoints)
	if w.result.Checkpoints > 0 && w.ReadFaults == 0 && len(r.UnreadableCheckpoints) > 1 {
		w.breaks("both checkpoints are unreadable: %q", r.UnreadableCheckpoints)
	}
	if r.TornBlocks > 0 {
		w.result.Truncated++
	}
}
