package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/cutdisk"
	"skerry/scripts/rig"
)

// A point is one power cut.
type point struct {
	cut    int // ops before it
	garble bool
	lies   int
	again  bool // another one follows, while the daemon recovers and goes on
	seed   uint64
}

func (p point) String() string {
	text := fmt.Sprintf("cut after op %d", p.cut)
	if p.garble {
		text += ", garbled"
	}
	if p.lies > 0 {
		text += fmt.Sprintf(", %d flushes lied about", p.lies)
	}
	if p.again {
		text += ", and once more"
	}
	return fmt.Sprintf("%s, seed %d", text, p.seed)
}

// An outcome is what became of a point.
type outcome struct {
	point    point
	err      error // the broken promise
	repaired bool  // the file system could be mounted, or after a lie written to, only after e2fsck
	unusable bool  // after a lie: it could not be mounted at all
	lost     int   // deliveries of messages acknowledged before the cut; after a lie only, else it is in err
	repeated int   // QoS 2 deliveries that came twice; the same
	alarm    bool  // the daemon reported damage or a lie
	start    time.Duration
}

// A bench is the place of one worker: a disk, a folder to mount it, a daemon.
type bench struct {
	folder    string
	scratch   *cutdisk.Scratch
	boot      *cutdisk.Boot
	station   *station
	recording *recording
	block     int

	second *recording // what followed the cut, if there is another one
	cut    int        // in it
}

// harm makes the disk of a point, and out of that the disk of the second cut.
func (b *bench) harm(c *cutdisk.Cutter, p point) {
	c.Cut(b.scratch.Disk, p.cut, p.garble, rand.New(rand.NewPCG(p.seed, uint64(p.cut))))
	if b.second != nil {
		garble := p.seed%2 == 1
		b.second.trace.NewCutter(0).Cut(b.scratch.Disk, b.cut, garble, rand.New(rand.NewPCG(p.seed, uint64(b.cut))))
	}
}

// try makes the disk of a point, starts the daemon on it, lets the witnesses go on where they were and checks what they got. The
// error is one of the laboratory.
func (b *bench) try(c *cutdisk.Cutter, p point) (o outcome, err error) {
	o.point = p
	b.second = nil
	b.harm(c, p)
	if p.again {
		if b.second, o.err = b.live(p); o.err != nil {
			return o, nil
		}
		b.cut = b.second.chooseEarly(p.seed)
		b.harm(c, p)
	}
	if err := b.boot.Next(); err != nil {
		return o, err
	}
	if o.repaired, o.err = b.scratch.Mount(b.folder); o.err != nil {
		o.err = fmt.Errorf("the file system cannot be mounted: %w", o.err)
		if p.lies > 0 { // that is between ext4 and a device that lies
			o.err, o.unusable = nil, true
		}
		return o, nil
	}
	begun := time.Now()
	if o.err = b.station.start(); o.err != nil && p.lies > 0 && !o.repaired {
		if err := b.repair(&o); err != nil || o.unusable {
			return o, err
		}
		begun = time.Now()
		o.err = b.station.start()
	}
	if o.err == nil {
		o.start = time.Since(begun)
		o.err = b.check(p, &o)
		o.alarm = strings.Contains(b.station.process.Log(), "level=ERROR")
		b.station.kill()
	}
	return o, cutdisk.Unmount(b.folder)
}

// repair has e2fsck look at a file system that could be mounted. A device that lied may leave one to which nothing can be written, because
// a bitmap is not the one that its checksum was made of: "no space left". A board repairs that when it starts.
func (b *bench) repair(o *outcome) error {
	if err := cutdisk.Unmount(b.folder); err != nil {
		return err
	}
	o.repaired, o.err = true, b.scratch.Repair()
	if o.err == nil {
		_, o.err = b.scratch.Mount(b.folder)
	}
	if o.err != nil {
		o.err, o.unusable = nil, true
	}
	return nil
}

// check continues from the cut and looks at what comes of it.
func (b *bench) check(p point, o *outcome) error {
	w := b.witnesses(p)
	defer w.close()
	before := [publishers]int{}
	for i, pub := range w.pubs {
		before[i] = pub.next - 1
	}
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.retained(b.station.address); err != nil && p.lies == 0 {
		return err
	}
	for _, s := range w.subs {
		lost, repeated, err := w.judge(s, before, p.lies > 0)
		o.lost += lost
		o.repeated += repeated
		if err != nil {
			return err
		}
	}
	return nil
}

// party is the witnesses of one point.
type party struct {
	pubs [publishers]*publisher
	subs [subscribers]*subscriber
}

// witnesses gives them the state that they had at the cut.
func (b *bench) witnesses(p point) *party {
	var w party
	for i := range w.pubs {
		x := newPublisher(i, b.station.address)
		until(b.recording.publishers[i], p.cut, x.apply)
		if b.second != nil {
			until(b.second.publishers[i], b.cut, x.apply)
		}
		x.lax = p.lies > 0
		if x.lax {
			// The broker may have lost a PUBREL and then takes a new message with that identifier for the old one: nothing can
			// be done about that. Other identifiers are another matter.
			x.first = 1000
		}
		w.pubs[i] = x
	}
	for i := range w.subs {
		x := newSubscriber(i, b.station.address)
		until(b.recording.subscribers[i], p.cut, x.apply)
		if b.second != nil {
			until(b.second.subscribers[i], b.cut, x.apply)
		}
		x.lax = p.lies > 0
		w.subs[i] = x
	}
	return &w
}

// settle lets all come back, publish a few more messages each, and take what comes until the last of them is there.
func (w *party) settle() error {
	for _, s := range w.subs {
		if err := s.reconnect(); err != nil {
			return err
		}
	}
	if err := w.publish(); err != nil {
		return err
	}
	var last [publishers]int
	for i, p := range w.pubs {
		if !p.retains {
			last[i] = p.next - 1
		}
	}
	errs := make([]error, subscribers)
	var wg sync.WaitGroup
	for i, s := range w.subs {
		wg.Go(func() {
			if errs[i] = s.follow(func() bool { return s.has(last) }, 10*time.Second); errs[i] == nil {
				errs[i] = s.fence()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// publish sends again what is not complete, and new messages behind it.
func (w *party) publish() error {
	errs := make([]error, publishers)
	var wg sync.WaitGroup
	for i, p := range w.pubs {
		wg.Go(func() {
			if errs[i] = p.reconnect(); errs[i] == nil {
				errs[i] = p.publish(4, 100, 5000, 100)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *party) close() {
	for _, p := range w.pubs {
		p.close()
	}
	for _, s := range w.subs {
		s.leave()
	}
}

// judge compares what a subscriber got with what was published: all of it, in order, at QoS 2 once. After a lie that holds for
// what was published after the cut, and the rest is counted.
func (w *party) judge(s *subscriber, before [publishers]int, lied bool) (lost, repeated int, err error) {
	for _, p := range w.pubs {
		if p.retains {
			continue
		}
		l := ledger{subscriber: s.index, publisher: p.index, exact: min(s.qos, p.qos) == 2, last: p.next - 1}
		if lied {
			l.before = before[p.index]
		}
		if err := l.check(s.got[p.index]); err != nil {
			return lost, repeated, err
		}
		lost += l.lost
		repeated += l.repeated
	}
	return lost, repeated, nil
}

// ledger is the account of one publisher's messages at one subscriber.
type ledger struct {
	subscriber, publisher int
	exact                 bool // QoS 2
	before                int  // up to this number losses and repetitions are counted, beyond it they are errors
	last                  int
	lost, repeated        int
}

func (l *ledger) check(got []int) error {
	times := make([]int, l.last+1)
	highest := 0
	for _, seq := range got {
		if seq < 1 || seq > l.last {
			return broken("subscriber %d got message %d of publisher %d, which was never sent", l.subscriber, seq, l.publisher)
		}
		times[seq]++
		if times[seq] == 1 && seq < highest && seq > l.before {
			return broken("subscriber %d got message %d of publisher %d after %d", l.subscriber, seq, l.publisher, highest)
		}
		highest = max(highest, seq)
	}
	for seq := 1; seq <= l.last; seq++ {
		if err := l.count(seq, times[seq]); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) count(seq, times int) error {
	switch {
	case times == 0 && seq <= l.before:
		l.lost++
	case times == 0:
		return broken("subscriber %d never gets message %d of publisher %d (of %d)", l.subscriber, seq, l.publisher, l.last)
	case times > 1 && l.exact && seq <= l.before:
		l.repeated++
	case times > 1 && l.exact:
		return broken("subscriber %d gets message %d of publisher %d (QoS 2) %d times", l.subscriber, seq, l.publisher, times)
	}
	return nil
}

// retained checks that every topic has the last message that was published to it, or none.
func (w *party) retained(address string) error {
	var p *publisher
	for _, x := range w.pubs {
		if x.retains {
			p = x
		}
	}
	wire, _, err := rig.Connect(address, "retained", true)
	if err != nil {
		return err
	}
	defer wire.Close()
	got, err := collect(wire)
	if err != nil {
		return err
	}
	want := map[string]int{}
	for seq := 1; seq < p.next; seq++ {
		want[p.topic(seq)] = seq
		if clears(seq) {
			want[p.topic(seq)] = 0
		}
	}
	for topic, seq := range want {
		if got[topic] != seq {
			return broken("topic %s retains message %d instead of %d (0: none)", topic, got[topic], seq)
		}
	}
	return nil
}

// collect gives the number of the retained message of each topic.
func collect(wire *rig.Wire) (map[string]int, error) {
	if err := wire.Subscribe(1, "r/#"); err != nil {
		return nil, err
	}
	if err := wire.Send(packet.Pingreq{}); err != nil {
		return nil, err
	}
	got := map[string]int{}
	for {
		h, err := wire.Receive()
		if err != nil || h.Type == packet.PINGRESP {
			return got, err
		}
		var m packet.Publish
		if err := m.Decode(packet.V311, h); err != nil {
			return nil, err
		}
		_, seq, err := read(m.Payload)
		if err != nil {
			return nil, err
		}
		got[string(m.TopicName)] = seq
	}
}
