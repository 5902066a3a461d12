package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// A Bucket is a set of pairs.
type Bucket byte

// The buckets of a checkpoint. The numbers are on people's disks.
const (
	Sessions Bucket = 1
	Facts    Bucket = 2
	Retained Bucket = 3
	Marks    Bucket = 4
	Extents  Bucket = 5
)

var buckets = [...]Bucket{Sessions, Facts, Retained, Marks, Extents}

func (b Bucket) name() []byte { return []byte{byte(b)} }

var (
	metaBucket = []byte("meta")
	formatKey  = []byte("format")
	headKey    = []byte("head")
	slackKey   = []byte("slack")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

const (
	magic = "SKERRYC\x00"
	major = 1
	minor = 0

	formatLen = 20
	headLen   = 32
	crcLen    = 4

	slack = 64 << 10
)

// A Head says whose a checkpoint is and what it covers.
type Head struct {
	UUID    [16]byte // of the log
	Covered uint64   // the last segment that is in it
	State   []byte   // the caller's

	sum uint64
}

// A Tx is one transaction.
type Tx struct {
	tx  *bbolt.Tx
	sum uint64 // of the checksums of all pairs
}

// format makes the buckets of a new file.
func (t *Tx) format() error {
	for _, b := range buckets {
		if _, err := t.tx.CreateBucket(b.name()); err != nil {
			return err
		}
	}
	m, err := t.tx.CreateBucket(metaBucket)
	if err != nil {
		return err
	}
	if err := m.Put(slackKey, make([]byte, slack)); err != nil {
		return err
	}
	v := append([]byte(magic), major, minor, 0, 0, 0, 0, 0, 0)
	return m.Put(formatKey, appendSum(v, crc32.Checksum(v, castagnoli)))
}

// dropSlack frees what format has put in for later.
func dropSlack(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(slackKey) }

// checkFormat reads what every format to come keeps where it is.
func (t *Tx) checkFormat() (*bbolt.Bucket, error) {
	m := t.tx.Bucket(metaBucket)
	if m == nil {
		return nil, unreadable("no format")
	}
	v := m.Get(formatKey)
	if len(v) < formatLen || string(v[:len(magic)]) != magic || !sumFits(v, crc32.Checksum(v[:len(v)-crcLen], castagnoli)) {
		return nil, unreadable("no format")
	}
	switch features := binary.LittleEndian.Uint32(v[12:]); {
	case v[8] != major:
		return nil, fmt.Errorf("format %d.%d: %w", v[8], v[9], ErrFormat)
	case features != 0:
		return nil, fmt.Errorf("format %d.%d with features that are not known here (incompat %#x): %w", v[8], v[9], features, ErrFormat)
	}
	return m, nil
}

// Head of the file.
func (t *Tx) Head() (h Head, err error) {
	m, err := t.checkFormat()
	if err != nil {
		return h, err
	}
	v := m.Get(headKey)
	if len(v) < headLen+crcLen || !sumFits(v, crc32.Checksum(v[:len(v)-crcLen], castagnoli)) {
		return h, unreadable("no head")
	}
	copy(h.UUID[:], v)
	h.Covered, h.sum = binary.LittleEndian.Uint64(v[16:]), binary.LittleEndian.Uint64(v[24:])
	h.State = bytes.Clone(v[headLen : len(v)-crcLen])
	return h, nil
}

// SetHead is the last thing that a transaction does.
func (t *Tx) SetHead(h Head) error {
	v := append([]byte(nil), h.UUID[:]...)
	v = binary.LittleEndian.AppendUint64(v, h.Covered)
	v = binary.LittleEndian.AppendUint64(v, t.sum)
	v = append(v, h.State...)
	return t.tx.Bucket(metaBucket).Put(headKey, appendSum(v, crc32.Checksum(v, castagnoli)))
}

// Get returns the value of a key, valid until the transaction changes something.
func (t *Tx) Get(b Bucket, key []byte) ([]byte, error) {
	v := t.tx.Bucket(b.name()).Get(key)
	if v == nil {
		return nil, nil
	}
	return unseal(b, key, v)
}

// Put sets the value of a key. What is there already is not written again.
func (t *Tx) Put(b Bucket, key, value []byte) error {
	bucket := t.tx.Bucket(b.name())
	sum := sumOf(b, key, value)
	if old := bucket.Get(key); old != nil {
		have, err := unseal(b, key, old)
		if err != nil {
			return err
		}
		if bytes.Equal(have, value) {
			return nil
		}
		t.sum -= uint64(binary.LittleEndian.Uint32(old[len(have):]))
	}
	t.sum += uint64(sum)
	return bucket.Put(key, appendSum(append(make([]byte, 0, len(value)+crcLen), value...), sum))
}

// Delete removes a key, if it is there.
func (t *Tx) Delete(b Bucket, key []byte) error {
	bucket := t.tx.Bucket(b.name())
	old := bucket.Get(key)
	if old == nil {
		return nil
	}
	if _, err := unseal(b, key, old); err != nil {
		return err
	}
	t.sum -= uint64(binary.LittleEndian.Uint32(old[len(old)-crcLen:]))
	return bucket.Delete(key)
}

// Each yields the pairs of a bucket whose keys begin with a prefix, in order of the keys. Nothing may be changed
// meanwhile.
func (t *Tx) Each(b Bucket, prefix []byte, yield func(key, value []byte) error) error {
	c := t.tx.Bucket(b.name()).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && k != nil; k, v = c.Next() {
		value, err := unseal(b, k, v)
		if err != nil {
			return err
		}
		if err := yield(k, value); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads everything and compares the sum.
func readAll(t *Tx, pair func(Bucket, []byte, []byte) bool) (Head, error) {
	h, err := t.Head()
	if err != nil {
		return h, err
	}
	var sum uint64
	for _, b := range buckets {
		bucket := t.tx.Bucket(b.name())
		if bucket == nil {
			return h, unreadable("bucket %d is missing", b)
		}
		err := bucket.ForEach(func(k, v []byte) error {
			value, err := unseal(b, k, v)
			if err != nil {
				return err
			}
			sum += uint64(binary.LittleEndian.Uint32(v[len(value):]))
			if pair != nil && !pair(b, k, value) {
				return unreadable("a value of bucket %d", b)
			}
			return nil
		})
		if err != nil {
			return h, err
		}
	}
	if sum != h.sum {
		return h, unreadable("pages of different age")
	}
	return h, nil
}

// sumOf is the checksum of a pair: a value under another key is not valid.
func sumOf(b Bucket, key, value []byte) uint32 {
	return crc32.Update(crc32.Update(crc32.Checksum(b.name(), castagnoli), castagnoli, key), castagnoli, value)
}

func appendSum(v []byte, sum uint32) []byte { return binary.LittleEndian.AppendUint32(v, sum) }

func sumFits(v []byte, sum uint32) bool { return binary.LittleEndian.Uint32(v[len(v)-crcLen:]) == sum }

// unseal checks a stored value and takes its checksum off.
func unseal(b Bucket, key, v []byte) ([]byte, error) {
	if len(v) < crcLen || !sumFits(v, sumOf(b, key, v[:len(v)-crcLen])) {
		return nil, unreadable("checksum of a value of bucket %d", b)
	}
	return v[:len(v)-crcLen], nil
}
