package drivertest

import (
	"os"
	"time"

	"skerry/drivers"
)

// Line is a GPIO line.
type Line struct {
	seq     uint32
	pending []drivers.Edge
}

// Edge makes n edges, now.
func (l *Line) Edge(n int) {
	for range n {
		l.seq++
		l.pending = append(l.pending, drivers.Edge{Seq: l.seq, Time: time.Now()})
	}
}

// Lose makes n edges that are numbered and not kept.
func (l *Line) Lose(n uint32) { l.seq += n }

type edges struct {
	m      *Machine
	closed bool
}

func (e *edges) Read(dst []drivers.Edge) ([]drivers.Edge, error) {
	if e.closed {
		return dst, os.ErrClosed
	}
	if err := e.m.transfer(); err != nil {
		return dst, err
	}
	if e.m.Line == nil {
		return dst, drivers.ErrUnplugged
	}
	dst = append(dst, e.m.Line.pending...)
	e.m.Line.pending = nil
	return dst, nil
}

func (e *edges) Close() error {
	e.closed = true
	return nil
}
