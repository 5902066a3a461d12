package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// ErrPower is returned by every operation of a Disk that has lost power.
var ErrPower = errors.New("power lost")

// Kind of an operation.
type Kind byte

const (
	OpCreate Kind = iota
	OpRemove
	OpRename
	OpWrite
	OpSync
	OpSyncDir
	OpRead // not counted: it changes nothing; see HookReads
)

// An Op is one operation that changes a disk or makes a change durable.
type Op struct {
	N      int // counted from 1
	Kind   Kind
	Name   string
	Offset int64
	Length int
}

// A Disk is a disk in memory that can lose power. The zero value is not usable; see NewDisk.
type Disk struct {
	mu      sync.Mutex
	nodes   map[string]*node // what a program sees
	entries map[string]*node // what the directories say on the medium
	locks   map[string]bool
	ops     int
	cutAt   int
	lieFrom int
	hook    func(Op) error
	reads   func(Op) error

	capacity int64 // 0: no end
	readOnly bool
}

// node is a file. view is what reads return, medium is what a power cut leaves for certain, and later holds, in
// order, the writes since the last sync.
type node struct {
	view, medium []byte
	later        []write
}

type write struct {
	at   int64
	data []byte
	cut  bool // the file becomes at bytes long
}

// NewDisk makes an empty disk with power on.
func NewDisk() *Disk {
	return &Disk{nodes: map[string]*node{}, entries: map[string]*node{}, locks: map[string]bool{}}
}

// Ops counts the operations so far.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// CutAt takes the power away in the middle of operation n, counted from 1. 0: never.
func (d *Disk) CutAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt = n
}

// LieFrom lets every Sync from operation n on return nil and do nothing. 0: never.
func (d *Disk) LieFrom(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lieFrom = n
}

// Hook is asked before each operation: an error makes the operation fail with it. It is called without locks and
// may take its time.
func (d *Disk) Hook(f func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = f
}

// HookReads is asked before each read, Real included: an error makes it fail. Reads are not counted: N is 0.
func (d *Disk) HookReads(f func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads = f
}

// SetCapacity lets writes that make files longer fail with ENOSPC when all files together would hold more than that
// many bytes. What still fits is written. 0: no end.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// SetReadOnly lets every operation, and every Open, fail with EROFS, as after a remount.
func (d *Disk) SetReadOnly(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnly = on
}

// Free is what is left of the capacity.
func (d *Disk) Free(string) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free(), nil
}

func (d *Disk) free() int64 {
	if d.capacity == 0 {
		return 1 << 50
	}
	left := d.capacity
	for _, n := range d.nodes {
		left -= int64(len(n.view))
	}
	return max(0, left)
}

func (d *Disk) beginRead(op Op) error {
	d.mu.Lock()
	hook := d.reads
	d.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(op)
}

// begin counts an operation. With ErrPower the operation was under way when the power went.
func (d *Disk) begin(op Op) error {
	d.mu.Lock()
	d.ops++
	op.N = d.ops
	hook, cut, readOnly := d.hook, d.cutAt > 0 && op.N >= d.cutAt, d.readOnly
	d.mu.Unlock()
	if cut {
		return ErrPower
	}
	if readOnly {
		return syscall.EROFS
	}
	if hook != nil {
		return hook(op)
	}
	return nil
}

// dead tells whether the power went before the operation being begun.
func (d *Disk) dead() bool { return d.cutAt > 0 && d.ops > d.cutAt }

func (d *Disk) MkdirAll(string) error { return nil }

func (d *Disk) Open(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.nodes[filepath.Clean(name)]
	if ok && d.readOnly {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	}
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &diskFile{d, filepath.Clean(name), n}, nil
}

func (d *Disk) Create(name string) (File, error) {
	name = filepath.Clean(name)
	if err := d.begin(Op{Kind: OpCreate, Name: name}); err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.nodes[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	d.nodes[name] = &node{}
	return &diskFile{d, name, d.nodes[name]}, nil
}

func (d *Disk) Remove(name string) error {
	name = filepath.Clean(name)
	if err := d.begin(Op{Kind: OpRemove, Name: name}); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.nodes[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(d.nodes, name)
	return nil
}

func (d *Disk) Rename(from, to string) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	if err := d.begin(Op{Kind: OpRename, Name: from}); err != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.nodes[from] == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	d.nodes[to] = d.nodes[from]
	delete(d.nodes, from)
	return nil
}

func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.nodes {
		if filepath.Dir(name) == filepath.Clean(dir) {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *Disk) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	if err := d.begin(Op{Kind: OpSyncDir, Name: dir}); err != nil {
		return &fs.PathError{Op: "sync", Path: dir, Err: err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lieFrom > 0 && d.ops >= d.lieFrom {
		return nil
	}
	for name, n := range d.nodes {
		if filepath.Dir(name) == dir {
			d.entries[name] = n
		}
	}
	for name := range d.entries {
		if filepath.Dir(name) == dir && d.nodes[name] == nil {
			delete(d.entries, name)
		}
	}
	return nil
}

func (d *Disk) Lock(name string) (Lock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	if d.readOnly {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: syscall.EROFS}
	}
	if d.locks[name] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	d.locks[name] = true
	return unlocker(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locks, name)
	}), nil
}

type unlocker func()

func (u unlocker) Close() error { u(); return nil }
func (unlocker) Note()          {}

// Files lists the paths of all files, sorted; for tests that look at the medium.
func (d *Disk) Files() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]string, 0, len(d.nodes))
	for name := range d.nodes {
		names = append(names, strings.Clone(name))
	}
	slices.Sort(names)
	return names
}
