package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	linesKept = 1024                   // that wait for a reader
	lastLines = 500 * time.Millisecond // that Close gives the reader
)

// lineQueue is a log that never keeps anybody waiting: a terminal that was stopped with ^S, or a full pipe, would stop the
// station otherwise. Lines that nobody reads are counted and left out.
type lineQueue struct {
	out   io.Writer
	lines chan []byte
	lost  atomic.Int64
	end   func()
	ended chan struct{} // by end
	done  chan struct{} // everything is written
}

func newLineQueue(out io.Writer) *lineQueue {
	q := &lineQueue{out: out, lines: make(chan []byte, linesKept), ended: make(chan struct{}), done: make(chan struct{})}
	q.end = sync.OnceFunc(func() { close(q.ended) })
	go q.run()
	return q
}

// Write takes one line, or counts it as lost.
func (q *lineQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.lost.Add(1)
	}
	return len(line), nil
}

// Close waits a moment for the lines that are left.
func (q *lineQueue) Close() {
	q.end()
	select {
	case <-q.done:
	case <-time.After(lastLines):
	}
}

func (q *lineQueue) run() {
	defer close(q.done)
	for {
		select {
		case line := <-q.lines:
			q.write(line)
			continue
		default:
		}
		select {
		case line := <-q.lines:
			q.write(line)
		case <-q.ended:
			if len(q.lines) == 0 {
				return
			}
		}
	}
}

// write writes a line, and behind it how many are missing there. A log that fails has nobody to be told.
func (q *lineQueue) write(line []byte) {
	q.out.Write(line)
	if n := q.lost.Swap(0); n > 0 {
		fmt.Fprintf(q.out, "time=%s level=WARN msg=\"log lines are lost: nobody read them in time\" lines=%d\n",
			time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), n)
	}
}
