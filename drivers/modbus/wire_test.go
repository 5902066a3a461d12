package modbus_test

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"skerry/drivers"
)

// wire is a serial line in memory. The master's end is a drivers.Port, the other one is slave.
type wire struct {
	mu       sync.Mutex
	news     chan struct{} // closed when something changed
	toMaster []byte
	toSlave  []byte
	deadline time.Time
	closed   bool
}

func newWire() *wire { return &wire{news: make(chan struct{})} }

// change does something to the wire and wakes who waits.
func (w *wire) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.news)
	w.news = make(chan struct{})
}

// wait takes from a queue what is there.
func (w *wire) wait(queue *[]byte, b []byte, deadline func() time.Time) (int, error) {
	for {
		w.mu.Lock()
		n := copy(b, *queue)
		*queue = (*queue)[n:]
		closed, news, end := w.closed, w.news, deadline()
		w.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case closed:
			return 0, os.ErrClosed
		case end.IsZero():
			<-news
			continue
		case !time.Now().Before(end):
			return 0, os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(time.Until(end))
		select {
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (w *wire) Read(b []byte) (int, error) {
	return w.wait(&w.toMaster, b, func() time.Time { return w.deadline })
}

func (w *wire) Write(b []byte) (int, error) {
	w.change(func() { w.toSlave = append(w.toSlave, b...) })
	return len(b), nil
}

func (w *wire) SetReadDeadline(t time.Time) error {
	w.change(func() { w.deadline = t })
	return nil
}

func (w *wire) Discard() error {
	w.change(func() { w.toMaster = nil })
	return nil
}

func (w *wire) Close() error { // frees the slave, too
	w.change(func() { w.closed = true })
	return nil
}

// slave is the other end of a wire.
type slave struct{ *wire }

func (s slave) Read(b []byte) (int, error) {
	return s.wait(&s.toSlave, b, func() time.Time { return time.Time{} })
}

func (s slave) Write(b []byte) (int, error) {
	s.change(func() {
		if !s.closed {
			s.toMaster = append(s.toMaster, b...)
		}
	})
	return len(b), nil
}

// machine has one serial port, or somebody to dial.
type machine struct {
	drivers.Buses // nil: nothing else is asked for
	commons       drivers.Commons
	port          func() (drivers.Port, error)
	dial          func(ctx context.Context, address string) (net.Conn, error)
}

func (m *machine) Serial(string, drivers.SerialConfig) (drivers.Port, error) { return m.port() }

func (m *machine) Dial(ctx context.Context, address string) (net.Conn, error) {
	return m.dial(ctx, address)
}

func (m *machine) Common(name string, make func() (io.Closer, error)) (io.Closer, func() error, error) {
	return m.commons.Common(name, make)
}

func onWire(w *wire) *machine {
	return &machine{port: func() (drivers.Port, error) { return w, nil }}
}
