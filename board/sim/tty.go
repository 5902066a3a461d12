package sim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"skerry/drivers"
)

// Tty is a device at a simulated serial port. The port has a path that stays the same over unplugging, as those under
// /dev/serial/by-id do.
type Tty struct {
	name string

	mu     sync.Mutex
	dir    string // holds the link; empty until the first Plug
	say    func(at time.Time) string
	hear   Hearing
	master *os.File      // nil: unplugged
	stop   chan struct{} // closed to end the talk
	talk   sync.WaitGroup
	closed bool
}

// Hearing is a device that answers: it takes what was written to it, and says something at once or later.
type Hearing func(written []byte, say func(after time.Duration, text string))

func newTty(name string, d Talk) *Tty { return &Tty{name: name, say: d.Say, hear: d.Hear} }

// Device is the path of the port.
func (t *Tty) Device() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.path()
}

func (t *Tty) path() string { return filepath.Join(t.dir, strings.ReplaceAll(t.name, "/", "-")) }

// Say changes what the device says once a second; nil: nothing.
func (t *Tty) Say(say func(at time.Time) string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.say = say
}

// Hear changes what the device does with what it hears; nil: nothing, and Read reads it. Only an unplugged device can be changed.
func (t *Tty) Hear(hear Hearing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hear = hear
}

// Write says something now. What the port cannot take is lost, as on a real line.
func (t *Tty) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.master == nil {
		return 0, drivers.ErrUnplugged
	}
	return t.send(b)
}

func (t *Tty) send(b []byte) (int, error) {
	if err := t.master.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return 0, err
	}
	return t.master.Write(b)
}

// Read reads what a program wrote to the port.
func (t *Tty) Read(b []byte) (int, error) {
	t.mu.Lock()
	master := t.master
	t.mu.Unlock()
	if master == nil {
		return 0, drivers.ErrUnplugged
	}
	return master.Read(b)
}

// Plug connects the device; it talks from now on. It does nothing when it is connected.
func (t *Tty) Plug() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return os.ErrClosed
	case t.master != nil:
		return nil
	}
	master, slave, err := openPTY()
	if err != nil {
		return err
	}
	if err := t.link(slave); err != nil {
		master.Close()
		return err
	}
	t.master, t.stop = master, make(chan struct{})
	stop, hear := t.stop, t.hear
	t.talk.Go(func() { t.speak(stop) })
	if hear != nil {
		t.talk.Go(func() { t.listen(master, stop, hear) })
	}
	return nil
}

// link gives the port its path.
func (t *Tty) link(slave string) error {
	if t.dir == "" {
		dir, err := os.MkdirTemp("", "skerry-sim-")
		if err != nil {
			return fmt.Errorf("make a folder for the link to the port: %w", err)
		}
		t.dir = dir
	}
	return os.Symlink(slave, t.path())
}

// Unplug disconnects the device: the path is gone, and a program that has the port open sees it hang up.
func (t *Tty) Unplug() error {
	t.mu.Lock()
	if t.master == nil {
		t.mu.Unlock()
		return nil
	}
	close(t.stop)
	err := errors.Join(os.Remove(t.path()), t.master.Close())
	t.master = nil
	t.mu.Unlock()
	t.talk.Wait()
	return err
}

func (t *Tty) close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	err := t.Unplug()
	if t.dir != "" {
		err = errors.Join(err, os.RemoveAll(t.dir))
	}
	return err
}

// ready tells why the port cannot be opened although it should exist: a machine without pseudo-terminals.
func (t *Tty) ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dir == "" && !t.closed {
		return fmt.Errorf("simulated port %s: this machine gives no pseudo-terminals; mount devpts", t.name)
	}
	return nil
}

// speak says something every second, until stop.
func (t *Tty) speak(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case at := <-tick.C:
			t.speakOnce(stop, at)
		}
	}
}

func (t *Tty) speakOnce(stop <-chan struct{}, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-stop:
		return
	default:
	}
	if t.say != nil {
		t.send([]byte(t.say(at))) // what does not fit is lost
	}
}

// listen hands to the device what a program writes, until stop. While no program has the port open reading fails at once.
func (t *Tty) listen(master *os.File, stop <-chan struct{}, hear Hearing) {
	say := func(after time.Duration, text string) {
		if after == 0 {
			t.Write([]byte(text)) // what does not fit is lost
			return
		}
		time.AfterFunc(after, func() { t.Write([]byte(text)) })
	}
	b := make([]byte, 256)
	for {
		n, err := master.Read(b)
		if n > 0 {
			hear(b[:n], say)
		}
		if err == nil {
			continue
		}
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
