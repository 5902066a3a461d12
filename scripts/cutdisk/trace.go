package cutdisk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// An op is one thing the device was asked, in the order in which it was done.
type op struct {
	kind   byte
	at     int64  // write, discard: the first byte
	length int64  // discard
	covers int    // flush: the number of ops that were complete when it began
	data   []byte // write
}

const (
	opWrite   = 'W'
	opDiscard = 'D'
	opFlush   = 'F'
)

// opHeader is kind, position, length; the data of a write follows.
const opHeader = 17

func appendOp(w io.Writer, o *op) error {
	var h [opHeader]byte
	h[0] = o.kind
	n := int64(len(o.data))
	switch o.kind {
	case opDiscard:
		n = o.length
	case opFlush:
		n = int64(o.covers)
	}
	binary.LittleEndian.PutUint64(h[1:], uint64(o.at))
	binary.LittleEndian.PutUint64(h[9:], uint64(n))
	if _, err := w.Write(h[:]); err != nil {
		return err
	}
	_, err := w.Write(o.data)
	return err
}

func readOp(r io.Reader) (op, error) {
	var h [opHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return op{}, err
	}
	o := op{kind: h[0], at: int64(binary.LittleEndian.Uint64(h[1:]))}
	n := int64(binary.LittleEndian.Uint64(h[9:]))
	switch o.kind {
	case opWrite:
		if n > 64<<20 {
			return op{}, fmt.Errorf("a write of %d bytes", n)
		}
		o.data = make([]byte, n)
		if _, err := io.ReadFull(r, o.data); err != nil {
			return op{}, fmt.Errorf("cut short: %w", err)
		}
	case opDiscard:
		o.length = n
	case opFlush:
		o.covers = int(n)
	default:
		return op{}, fmt.Errorf("an op of kind %d", o.kind)
	}
	return o, nil
}

// A Trace is all that a device was asked, and what was on it before.
type Trace struct {
	Base []byte // the disk before the first op
	ops  []op
}

// Len is the number of ops.
func (t *Trace) Len() int { return len(t.ops) }

// String says how many ops of each kind there are, and what they wrote.
func (t *Trace) String() string {
	var writes, flushes, discards, written int
	for i := range t.ops {
		switch t.ops[i].kind {
		case opWrite:
			writes++
			written += len(t.ops[i].data)
		case opDiscard:
			discards++
		case opFlush:
			flushes++
		}
	}
	return fmt.Sprintf("%d writes, %d flushes, %d discards, %.1f MB", writes, flushes, discards, float64(written)/1e6)
}

// readTrace reads the ops from where f stands.
func readTrace(f *os.File) ([]op, error) {
	r := bufio.NewReaderSize(f, 1<<20)
	var ops []op
	for {
		o, err := readOp(r)
		if errors.Is(err, io.EOF) {
			return ops, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read op %d of the trace: %w", len(ops)+1, err)
		}
		ops = append(ops, o)
	}
}
