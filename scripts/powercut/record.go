package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skerry/scripts/cutdisk"
)

// A recording is what happened while no power was lost: the device's side and the witnesses' side.
type recording struct {
	trace       *cutdisk.Trace
	files       []string // of the store, at the end
	publishers  [publishers][]event
	subscribers [subscribers][]event
}

// A workload drives the daemon through what a station lives through.
type workload struct {
	disk    *cutdisk.Disk
	station *station
	chance  *rand.Rand
	pubs    [publishers]*publisher
	subs    [subscribers]*subscriber

	visits [subscribers]*visit // nil: the subscriber is away

	mu  sync.Mutex
	err error
}

// A visit is the time that a subscriber is connected.
type visit struct{ stop, over chan struct{} }

// diskSize of the partition in the laboratory.
const diskSize = 96 << 20

// record runs the workload on a new disk.
func record(binary, dir string, block, rounds int, seed uint64) (*recording, error) {
	dir, err := os.MkdirTemp(dir, "record-")
	if err != nil {
		return nil, err
	}
	disk, err := cutdisk.Open(dir, cutdisk.Options{Size: diskSize, Block: block, Trace: true})
	if err != nil {
		return nil, err
	}
	w, err := newWorkload(disk, binary, dir, block, seed)
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	err = w.run(rounds)
	w.end()
	files := storeFiles(disk.Folder)
	if err := errors.Join(err, disk.Close()); err != nil {
		return nil, err
	}
	return w.recording(files)
}

func newWorkload(disk *cutdisk.Disk, binary, dir string, block int, seed uint64) (*workload, error) {
	const port = 1883
	s, err := newStation(binary, dir, disk.Folder, block, port)
	if err != nil {
		return nil, err
	}
	w := &workload{disk: disk, station: s, chance: rand.New(rand.NewPCG(seed, 1))}
	for i := range w.pubs {
		w.pubs[i] = newPublisher(i, s.address)
		w.pubs[i].clock = disk.Op
	}
	for i := range w.subs {
		w.subs[i] = newSubscriber(i, s.address)
		w.subs[i].clock = disk.Op
	}
	return w, nil
}

// storeFiles lists the files of the store with their sizes.
func storeFiles(folder string) []string {
	var files []string
	_ = filepath.WalkDir(filepath.Join(folder, "queue"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil && info.Size() > 0 {
			files = append(files, fmt.Sprintf("%s %d KiB", d.Name(), info.Size()>>10))
		}
		return nil
	})
	return files
}

func (w *workload) recording(files []string) (*recording, error) {
	trace, err := w.disk.Trace()
	if err != nil {
		return nil, err
	}
	r := &recording{trace: trace, files: files}
	for i, p := range w.pubs {
		r.publishers[i] = p.events
	}
	for i, s := range w.subs {
		r.subscribers[i] = s.events
	}
	return r, nil
}

func (w *workload) run(rounds int) error {
	if err := w.station.start(); err != nil {
		return err
	}
	for i, s := range w.subs {
		if err := s.reconnect(); err != nil {
			return fmt.Errorf("subscriber %d: %w", i, err)
		}
	}
	w.come(0)
	for round := range rounds {
		w.presence(round)
		var trouble sync.WaitGroup
		after := time.Duration(w.chance.IntN(60)) * time.Millisecond
		trouble.Go(func() { w.fail(w.trouble(round, after)) })
		w.publish(round)
		trouble.Wait()
		if err := w.failed(); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// presence lets subscribers come and go: one every other round, one only now and then, so that it has several slots waiting.
func (w *workload) presence(round int) {
	if round%2 == 0 {
		w.come(1)
	} else {
		w.leave(1)
	}
	if round%8 == 7 {
		w.come(2)
	} else {
		w.leave(2)
	}
}

// trouble ends the daemon now and then, in the middle of what is going on: at once or in order.
func (w *workload) trouble(round int, after time.Duration) error {
	time.Sleep(after)
	switch round % 8 {
	case 3:
		w.station.kill()
		return w.station.start()
	case 6:
		if err := w.station.stop(); err != nil {
			return err
		}
		return w.station.start()
	}
	return nil
}

// publish sends the messages of one round, of all publishers at once.
func (w *workload) publish(round int) {
	var wg sync.WaitGroup
	for _, p := range w.pubs {
		if p.index == absent {
			size := 20 + w.chance.IntN(600)
			wg.Go(func() { w.fail(w.abandon(p, round, size)) })
			continue
		}
		sizes := w.sizes(p, round)
		window := 1 + w.chance.IntN(12)
		wg.Go(func() { w.fail(p.publish(window, sizes...)) })
	}
	wg.Wait()
}

// abandon lets slots be turned over between a PUBLISH and the same one again.
func (w *workload) abandon(p *publisher, round, size int) error {
	switch round % 3 {
	case 0:
		return p.publish(1)
	case 1:
		return p.abandon(size)
	}
	return nil
}

// sizes of the messages of a publisher: small ones, and in every third round as many large ones as turn slots over.
func (w *workload) sizes(p *publisher, round int) []int {
	var sizes []int
	for range 30 {
		sizes = append(sizes, 20+w.chance.IntN(600))
	}
	if round%3 == 2 && !p.retains {
		for range 40 {
			sizes = append(sizes, 20_000+w.chance.IntN(60_000))
		}
	}
	return sizes
}

func (w *workload) come(i int) {
	if w.visits[i] != nil {
		return
	}
	v := &visit{make(chan struct{}), make(chan struct{})}
	w.visits[i] = v
	go func() {
		defer close(v.over)
		w.fail(w.subs[i].follow(v.ending, time.Hour))
	}()
}

func (v *visit) ending() bool {
	select {
	case <-v.stop:
		return true
	default:
		return false
	}
}

func (w *workload) leave(i int) {
	if v := w.visits[i]; v != nil {
		close(v.stop)
		<-v.over
		w.visits[i] = nil
		w.subs[i].leave()
	}
}

func (w *workload) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = errors.Join(w.err, err)
}

func (w *workload) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *workload) end() {
	for i := range w.subs {
		w.leave(i)
	}
	for _, p := range w.pubs {
		p.close()
	}
	w.station.kill()
}
