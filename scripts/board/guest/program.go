package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is another one on this machine, and the lines that it has written.
type program struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and all that it wrote is in lines
	state error         // of its end, valid from then on

	mu    sync.Mutex
	lines []string
}

func start(name, path string, arguments ...string) (*program, error) {
	p := &program{name: name, cmd: exec.Command(path, arguments...), ended: make(chan struct{})}
	from, to := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = to, to
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		read := make(chan struct{})
		go func() {
			defer close(read)
			for lines := bufio.NewScanner(from); lines.Scan(); {
				p.mu.Lock()
				p.lines = append(p.lines, lines.Text())
				p.mu.Unlock()
			}
		}()
		p.state = p.cmd.Wait()
		to.Close()
		<-read
	}()
	return p, nil
}

// command runs one to its end, and gives what it has written.
func command(timeout time.Duration, path string, arguments ...string) ([]string, error) {
	p, err := start(path+" "+strings.Join(arguments, " "), path, arguments...)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.ended:
	case <-time.After(timeout):
		p.cmd.Process.Kill()
		return p.said(0), fmt.Errorf("%s has not ended after %v; it said: %s", p.name, timeout, tail(p.said(0)))
	}
	if p.state != nil {
		return p.said(0), fmt.Errorf("%s: %w; it said: %s", p.name, p.state, tail(p.said(0)))
	}
	return p.said(0), nil
}

// said are the lines that it has written, but for those before from.
func (p *program) said(from int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[from:]
}

// await is the first line from a number on that is wanted. It does not wait for a program that has ended. Its error has the last lines
// that came.
func (p *program) await(from int, timeout time.Duration, wanted func(string) bool) (string, error) {
	for end := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		over := p.over() // asked first: then all its lines are there
		lines := p.said(from)
		if i := slices.IndexFunc(lines, wanted); i >= 0 {
			return lines[i], nil
		}
		switch {
		case over:
			return "", fmt.Errorf("%s has ended (%w); it said: %s", p.name, cmp.Or(p.state, errors.New("status 0")), tail(p.said(0)))
		case time.Now().After(end):
			return "", fmt.Errorf("%s did not say it in %v; of %d lines since then the last are: %s", p.name, timeout, len(lines), tail(lines))
		}
	}
}

// over tells whether it has ended.
func (p *program) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// tail is the end of what was said.
func tail(lines []string) string {
	return strings.Join(lines[max(0, len(lines)-8):], " / ")
}

// stop ends it as systemd does. It must obey, and end with status 0.
func (p *program) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%w; it said: %s", err, tail(p.said(0)))
	}
	select {
	case <-p.ended:
		if p.state != nil {
			return fmt.Errorf("%w; it said: %s", p.state, tail(p.said(0)))
		}
		return nil
	case <-time.After(awake):
		return fmt.Errorf("it has not ended; it said: %s", tail(p.said(0)))
	}
}
