package checkpoint

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
)

// The layout of a bbolt file, as far as it takes to see that walking it is safe: bbolt itself follows any page number,
// and a branch that points to one above it would end the process.
const (
	pageHeader  = 16
	element     = 16
	branchPage  = 0x01
	leafPage    = 0x02
	freePage    = 0x10
	bucketEntry = 0x01
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaLen     = 64
	noFreelist  = 1<<64 - 1
	manyIDs     = 0xffff
	mostPages   = maxSize / pageSize
	mostDepth   = 32
	firstPages  = 4 // bbolt writes them at once when it begins a file, with 0 and 1 for the transaction of the meta pages
	firstCommit = 2
)

// walker reads the pages of a file that a transaction would.
type walker struct {
	f    *os.File
	meta meta
	seen map[uint64]bool
}

type meta struct{ root, free, pages, txid uint64 }

// walk tells whether the pages of a file are a sound tree.
func walk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := walker{f: f, seen: map[uint64]bool{}}
	if err := w.chooseMeta(); err != nil {
		return err
	}
	if w.meta.txid < firstCommit {
		return ErrUnfinished
	}
	if err := w.tree(w.meta.root, 0); err != nil {
		return err
	}
	return w.freelist()
}

// chooseMeta takes the one that bbolt would.
func (w *walker) chooseMeta() error {
	found, newer := false, false
	var b [pageHeader + metaLen]byte
	for i := range 2 {
		if _, err := w.f.ReadAt(b[:], int64(i)*pageSize); err != nil {
			continue
		}
		m, ok, isNewer := decodeMeta(b[pageHeader:])
		newer = newer || isNewer
		if ok && (!found || m.txid > w.meta.txid) {
			found, w.meta = true, m
		}
	}
	switch {
	case found:
		return nil
	case newer:
		return ErrFormat
	}
	if info, err := w.f.Stat(); err == nil && info.Size() <= firstPages*pageSize { // with anything in it a file is larger
		return ErrUnfinished
	}
	return unreadable("no valid meta page")
}

func decodeMeta(b []byte) (m meta, ok, newer bool) {
	le := binary.LittleEndian
	h := fnv.New64a()
	h.Write(b[:metaLen-8])
	if le.Uint32(b) != metaMagic || le.Uint64(b[metaLen-8:]) != h.Sum64() {
		return m, false, false
	}
	m = meta{root: le.Uint64(b[16:]), free: le.Uint64(b[32:]), pages: le.Uint64(b[40:]), txid: le.Uint64(b[48:])}
	version := le.Uint32(b[4:])
	return m, version == metaVersion && le.Uint32(b[8:]) == pageSize && m.pages <= mostPages, version > metaVersion
}

// page reads a page with what overflows from it, once.
func (w *walker) page(id uint64, kinds ...uint16) ([]byte, error) {
	if id < 2 || id >= w.meta.pages || w.seen[id] {
		return nil, unreadable("page %d is out of place", id)
	}
	first := make([]byte, pageSize)
	if err := w.readAt(first, id); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	overflow := uint64(le.Uint32(first[12:]))
	if le.Uint64(first) != id || id+overflow >= w.meta.pages {
		return nil, unreadable("page %d says it is another", id)
	}
	for i := range overflow + 1 {
		if w.seen[id+i] {
			return nil, unreadable("page %d belongs to two", id+i)
		}
		w.seen[id+i] = true
	}
	for _, kind := range kinds {
		if le.Uint16(first[8:]) == kind {
			all := append(first, make([]byte, overflow*pageSize)...)
			return all, w.readAt(all[pageSize:], id+1)
		}
	}
	return nil, unreadable("page %d is of another kind", id)
}

func (w *walker) readAt(b []byte, id uint64) error {
	if len(b) == 0 {
		return nil
	}
	_, err := w.f.ReadAt(b, int64(id)*pageSize)
	if errors.Is(err, io.EOF) {
		return unreadable("page %d is missing", id)
	}
	var broken *fs.PathError
	if errors.As(err, &broken) {
		return unreadable("page %d: %v", id, broken.Err)
	}
	return err
}

// tree walks what hangs below a page.
func (w *walker) tree(id uint64, depth int) error {
	if depth > mostDepth {
		return unreadable("too deep")
	}
	p, err := w.page(id, branchPage, leafPage)
	if err != nil {
		return err
	}
	return w.elements(p, depth)
}

func (w *walker) elements(p []byte, depth int) error {
	le := binary.LittleEndian
	kind, count := le.Uint16(p[8:]), int(le.Uint16(p[10:]))
	if pageHeader+count*element > len(p) || kind == branchPage && count == 0 {
		return unreadable("page of %d elements", count)
	}
	for i := range count {
		at := pageHeader + i*element
		e := p[at:]
		if kind == branchPage {
			if uint64(at)+uint64(le.Uint32(e))+uint64(le.Uint32(e[4:])) > uint64(len(p)) {
				return unreadable("key outside its page")
			}
			if err := w.tree(le.Uint64(e[8:]), depth+1); err != nil {
				return err
			}
			continue
		}
		value := uint64(at) + uint64(le.Uint32(e[4:])) + uint64(le.Uint32(e[8:]))
		end := value + uint64(le.Uint32(e[12:]))
		if end > uint64(len(p)) {
			return unreadable("value outside its page")
		}
		if le.Uint32(e)&bucketEntry != 0 {
			if err := w.bucket(p[value:end], depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket walks a bucket: on pages of its own, or inside the entry.
func (w *walker) bucket(b []byte, depth int) error {
	const header = 16
	if len(b) < header || depth > mostDepth {
		return unreadable("short bucket")
	}
	if root := binary.LittleEndian.Uint64(b); root != 0 {
		return w.tree(root, depth+1)
	}
	if b = b[header:]; len(b) < pageHeader || binary.LittleEndian.Uint16(b[8:]) != leafPage {
		return unreadable("short bucket")
	}
	return w.elements(b, depth+1)
}

// freelist makes sure that no page in use would be given out as a free one.
func (w *walker) freelist() error {
	if w.meta.free == noFreelist {
		return nil
	}
	p, err := w.page(w.meta.free, freePage)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	count, ids := uint64(le.Uint16(p[10:])), p[pageHeader:]
	if count == manyIDs {
		count, ids = le.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return unreadable("free list of %d pages", count)
	}
	last := uint64(1)
	for i := range count {
		id := le.Uint64(ids[i*8:])
		if id <= last || id >= w.meta.pages || w.seen[id] {
			return unreadable("page %d is not free", id)
		}
		last = id
	}
	return nil
}
