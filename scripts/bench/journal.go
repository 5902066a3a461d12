package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// A journal is the least that a store must do which acknowledges after fdatasync: what has come while the disk was busy goes into the next
// group, with one write and one sync on a file that already has its blocks. It only ever writes.
type journal struct {
	file *os.File
	at   int64
	wake chan struct{} // one place: there is something

	mu    sync.Mutex
	group []byte
	owed  []debt
}

// debt is what a Client gets when its group is on the disk.
type debt struct {
	conn    net.Conn
	answers []byte
}

const journalSize = 64 << 20

// openJournal makes the file and writes all of it, so that later no sync has to touch the file system's own journal.
func openJournal(path string) (*journal, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < journalSize; at += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros, at); err != nil {
			return nil, err
		}
	}
	return &journal{file: file, wake: make(chan struct{}, 1)}, file.Sync()
}

// append adds messages to the next group. Both slices are copied.
func (j *journal) append(messages, answers []byte, conn net.Conn) {
	j.mu.Lock()
	j.group = append(j.group, messages...)
	if n := len(j.owed); n > 0 && j.owed[n-1].conn == conn {
		j.owed[n-1].answers = append(j.owed[n-1].answers, answers...)
	} else {
		j.owed = append(j.owed, debt{conn: conn, answers: append([]byte(nil), answers...)})
	}
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// run commits group after group, for ever. An error of the disk ends the program.
func (j *journal) run() {
	for range j.wake {
		j.mu.Lock()
		group, owed := j.group, j.owed
		j.group, j.owed = nil, nil
		j.mu.Unlock()
		if len(group) == 0 {
			continue
		}
		if err := j.commit(group); err != nil {
			fmt.Fprintln(os.Stderr, "journal:", err)
			os.Exit(1)
		}
		for _, d := range owed {
			_, _ = d.conn.Write(d.answers)
		}
	}
}

func (j *journal) commit(group []byte) error {
	if j.at+int64(len(group)) > journalSize {
		j.at = 0
	}
	if _, err := j.file.WriteAt(group, j.at); err != nil {
		return err
	}
	j.at += int64(len(group))
	return syscall.Fdatasync(int(j.file.Fd()))
}
