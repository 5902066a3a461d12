package rig

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Process is a program under test. Its methods are for one goroutine, Log for all.
type Process struct {
	cmd  *exec.Cmd
	log  journal
	over chan struct{} // closed when it has ended
	err  error         // why, valid then
}

// Start runs a program; what it writes goes to its Log.
func Start(name string, args ...string) (*Process, error) {
	return start(&syscall.SysProcAttr{}, name, args...)
}

// StartBound is Start for a program that the kernel kills when the calling thread ends, be it with this process. The goroutine must
// be locked to its thread.
func StartBound(name string, args ...string) (*Process, error) {
	return start(&syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, name, args...)
}

func start(attr *syscall.SysProcAttr, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), over: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = attr
	attr.Setpgid = true // a SIGINT of the terminal is for us: the program is killed when we say
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	return p, nil
}

// Pid is the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Log is what the process has written so far.
func (p *Process) Log() string { return p.log.text() }

// Listens waits until something accepts connections at address, which should be the process.
func (p *Process) Listens(address string, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.over:
			return fmt.Errorf("%s ended before it listened: %w; it wrote:\n%s", p.cmd.Path, errors.Join(p.err), p.Log())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not listen at %s after %v; it wrote:\n%s", p.cmd.Path, address, patience, p.Log())
		}
	}
}

// Kill ends the process with SIGKILL and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.over
}

// Stop asks the process to end with SIGTERM. An error: it did not, or said that something was wrong.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.cmd.Process.Signal(os.Signal(syscall.SIGTERM))
	select {
	case <-p.over:
		return p.err
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("%s did not end within %v", p.cmd.Path, patience)
	}
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// journal keeps the first part of what a process writes.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const journalLimit = 1 << 20

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.b.Len() < journalLimit {
		j.b.Write(b)
	}
	return len(b), nil
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.ToValidUTF8(j.b.String(), "?")
}
