package queue

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"skerry/queue/checkpoint"
	"skerry/queue/slotlog"
)

// advance is one transaction on one checkpoint file: it replays some segments onto what the file holds. Of facts and
// retained messages only those are touched that the segments name; sessions are read when a record names them.
type advance struct {
	c      *checkpointer
	file   *checkpointFile
	other  *checkpointFile // what a file that has to be made again is copied from
	sealed []slotlog.Extent

	tx   *checkpoint.Tx
	g    *image
	news *news // what this transaction has found in the log; nil: too much to remember
	err  error // of a read in the middle of the replay

	to      uint64 // the last segment that was replayed
	rep     slotlog.Replayed
	written int64
}

// errCopy: the other file knows what the log has lost.
var errCopy = errors.New("to be copied from the other checkpoint")

// errBoth: to begin anew would leave out what was in segments that are free now.
var errBoth = errors.New("both have become unreadable, and they alone know what was in segments that were freed (hint: `skerry queue export` saves what waits)")

func (a *advance) write() (err error) {
	if a.file.good {
		a.written, err = checkpoint.Update(a.c.fs, a.file.name, a.apply)
		return err
	}
	if a.bothLost() {
		return errBoth
	}
	a.written, err = checkpoint.Create(a.c.fs, a.file.name, func(tx *checkpoint.Tx) error {
		if err := a.begin(tx); err != nil {
			return err
		}
		return a.apply(tx)
	})
	if err != nil && a.bothLost() {
		return errBoth
	}
	return err
}

func (a *advance) bothLost() bool { return !a.other.good && !a.c.alone && a.sealed[0].Segment > 1 }

// begin fills a new file with what the other one holds, or with nothing.
func (a *advance) begin(tx *checkpoint.Tx) error {
	if a.other.good {
		return a.copy(tx)
	}
	return tx.SetHead(a.head(headState{}))
}

func (a *advance) copy(tx *checkpoint.Tx) error {
	var failed error
	h, err := checkpoint.Read(a.c.fs, a.other.name, func(b checkpoint.Bucket, key, value []byte) bool {
		failed = tx.Put(b, bytes.Clone(key), value)
		return failed == nil
	})
	switch {
	case failed != nil:
		return failed
	case err != nil:
		a.other.good = false
		return err
	}
	return tx.SetHead(h)
}

func (a *advance) apply(tx *checkpoint.Tx) error {
	h, err := tx.Head()
	if err != nil {
		return err
	}
	st, ok := decodeState(h.State)
	if !ok {
		return checkpoint.ErrUnreadable
	}
	a.tx, a.g, a.news = tx, newImage(a), newNews(h.Covered)
	a.g.fetch, a.g.fetchAll, a.g.journey = a.fetch, a.fetchAll, st.journey
	a.replay(a.learn(h.Covered))
	if a.err != nil {
		return a.err
	}
	if a.other.good && slices.ContainsFunc(a.rep.Segments, func(n uint64) bool { return n <= a.other.covered }) {
		return errCopy
	}
	for number, x := range a.g.sessions {
		if err := a.putSession(number, x); err != nil {
			return err
		}
	}
	st.journey = a.g.journey
	a.news.end(a)
	if err := a.putExtents(&st); err != nil {
		return err
	}
	return tx.SetHead(a.head(st))
}

func (a *advance) head(st headState) checkpoint.Head {
	return checkpoint.Head{UUID: a.c.s.log.UUID(), Covered: st.covered.Segment, State: st.append(nil)}
}

// replay applies the next segments.
func (a *advance) replay(covered uint64) {
	next := slices.IndexFunc(a.sealed, func(e slotlog.Extent) bool { return e.Segment > covered })
	if next < 0 { // the other file covers everything, and was copied or told all
		a.to = covered
		return
	}
	a.to = a.sealed[min(next+atOnce, len(a.sealed))-1].Segment
	a.rep = a.g.replay(func(yield func(slotlog.Record)) slotlog.Replayed {
		return a.c.s.log.ReadSegments(covered+1, a.to, yield)
	})
}

// fetch reads a session.
func (a *advance) fetch(number uint64) *sessionState {
	b, err := a.tx.Get(checkpoint.Sessions, numberKey(number))
	if err != nil || b == nil {
		a.fail(err)
		return nil
	}
	return a.session(b)
}

func (a *advance) session(b []byte) *sessionState {
	x, ok := decodeSessionState(b)
	if !ok {
		a.fail(checkpoint.ErrUnreadable)
		return nil
	}
	a.fail(a.tx.Each(checkpoint.Marks, numberKey(x.number), func(key, value []byte) error {
		_, segment, _ := cutMarkKey(key)
		k, ok := decodeMark(segment, value)
		if !ok {
			return checkpoint.ErrUnreadable
		}
		x.marks = append(x.marks, k)
		return nil
	}))
	return x
}

func (a *advance) fetchAll() {
	a.fail(a.tx.Each(checkpoint.Sessions, nil, func(_, value []byte) error {
		x, ok := decodeSessionState(value)
		if !ok {
			return checkpoint.ErrUnreadable
		}
		if _, ok := a.g.sessions[x.number]; !ok {
			a.g.sessions[x.number] = a.session(value)
		}
		return nil
	}))
}

func (a *advance) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// putSession writes a session and its marks; nil: it has ended.
func (a *advance) putSession(number uint64, x *sessionState) error {
	key := numberKey(number)
	kept := map[uint64]bool{}
	if x == nil {
		if err := a.tx.Delete(checkpoint.Sessions, key); err != nil {
			return err
		}
	} else {
		if err := a.tx.Put(checkpoint.Sessions, key, x.append(nil)); err != nil {
			return err
		}
		cleared := x.cleared()
		x.marks = slices.DeleteFunc(x.marks, func(k mark) bool { return !k.needed(&cleared) })
		for i := range x.marks {
			k := &x.marks[i]
			kept[k.segment] = true
			if err := a.tx.Put(checkpoint.Marks, markKey(number, k.segment), k.append(nil)); err != nil {
				return err
			}
		}
	}
	return a.deleteOthers(checkpoint.Marks, key, func(key []byte) bool {
		_, segment, ok := cutMarkKey(key)
		return ok && kept[segment]
	})
}

// putExtents writes which segments the file needs: those up to the one it covers that are not freed.
func (a *advance) putExtents(st *headState) error {
	kept := map[uint64]bool{}
	for _, e := range a.sealed {
		if e.Segment > a.to {
			break
		}
		kept[e.Segment] = true
		if e.Segment == a.to {
			st.covered = e
		}
		if err := a.tx.Put(checkpoint.Extents, numberKey(e.Segment), appendExtent(nil, &e)); err != nil {
			return err
		}
	}
	return a.deleteOthers(checkpoint.Extents, nil, func(key []byte) bool {
		return len(key) == 8 && kept[binary.BigEndian.Uint64(key)]
	})
}

// deleteOthers removes the keys with a prefix that are not to be kept.
func (a *advance) deleteOthers(b checkpoint.Bucket, prefix []byte, keep func(key []byte) bool) error {
	var gone [][]byte
	err := a.tx.Each(b, prefix, func(key, _ []byte) error {
		if !keep(key) {
			gone = append(gone, bytes.Clone(key))
		}
		return nil
	})
	for _, key := range gone {
		if err == nil {
			err = a.tx.Delete(b, key)
		}
	}
	return err
}

func (a *advance) putFact(space byte, key string, value []byte) {
	k, long := factKey(space, key)
	v := appendString(nil, key)
	if !long {
		v = nil
	}
	a.put(checkpoint.Facts, k, append(v, value...))
}

func (a *advance) deleteFact(space byte, key string) {
	k, _ := factKey(space, key)
	a.delete(checkpoint.Facts, k)
}

func (a *advance) retain(order uint64, boot uint32, m *messageRecord) {
	a.put(checkpoint.Retained, topicKey(m.topic), appendRetained(nil, order, boot, m))
}

func (a *advance) unretain(topic []byte) { a.delete(checkpoint.Retained, topicKey(topic)) }

func (a *advance) put(b checkpoint.Bucket, key, value []byte) {
	a.news = a.news.note(b, key, newValue{value: value})
	a.fail(a.tx.Put(b, key, value))
}

func (a *advance) delete(b checkpoint.Bucket, key []byte) {
	a.news = a.news.note(b, key, newValue{gone: true})
	a.fail(a.tx.Delete(b, key))
}

// mostKey is where a key is replaced by its hash: the database takes no more than 32 KiB, and long keys make small
// pages.
const mostKey = 1024

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func markKey(session, segment uint64) []byte {
	return binary.BigEndian.AppendUint64(numberKey(session), segment)
}

func cutMarkKey(key []byte) (session, segment uint64, ok bool) {
	if len(key) != 16 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[8:]), true
}

// factKey is the space, whether the key is a hash, and the key. The value of a long key begins with the key.
func factKey(space byte, key string) (k []byte, long bool) {
	if len(key) <= mostKey {
		return append([]byte{space, 0}, key...), false
	}
	h := sha256.Sum256([]byte(key))
	return append([]byte{space, 1}, h[:]...), true
}

// topicKey is the topic, or 0 and its hash: no topic contains 0.
func topicKey(topic []byte) []byte {
	if len(topic) <= mostKey && len(topic) > 0 {
		return bytes.Clone(topic)
	}
	h := sha256.Sum256(topic)
	return append([]byte{0}, h[:]...)
}
