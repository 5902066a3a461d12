package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// publisher sends messages one behind the other and keeps the account of their acknowledgements.
type publisher struct {
	ctx    context.Context // of one call of pub: ends with the connection
	client *client.Client

	pending sync.WaitGroup
	mu      sync.Mutex
	failed  error // the first refusal
	open    int   // not acknowledged yet
}

// send returns as soon as the window of the server has room. It refuses when an earlier message failed.
func (p *publisher) send(m *packet.Publish, what string) error {
	if err := p.failure(); err != nil {
		return nil // wait tells it
	}
	p.count(1, nil)
	err := p.client.Send(p.ctx, m, func(err error) {
		if err != nil {
			err = &stageError{what, err}
		}
		p.count(-1, err)
	})
	if err != nil {
		p.count(-1, nil)
		return &stageError{what, err}
	}
	return nil
}

// count keeps the number of open messages and the first failure.
func (p *publisher) count(n int, err error) {
	p.mu.Lock()
	p.open += n
	if p.failed == nil {
		p.failed = err
	}
	p.mu.Unlock()
	p.pending.Add(n)
}

func (p *publisher) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// wait returns when every message is acknowledged, or when that cannot happen any more.
func (p *publisher) wait() error {
	all := make(chan struct{})
	go func() {
		p.pending.Wait()
		close(all)
	}()
	select {
	case <-all:
		return p.failure()
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == 0 || p.failed != nil {
		return p.failed
	}
	return &stageError{fmt.Sprintf("%d not acknowledged", p.open), context.Cause(p.ctx)}
}

// lines publishes each line without its end. It stops at the end of the input, at the first failure and with the connection.
func (p *pubCmd) lines(out *publisher, in io.Reader) error {
	lines := make(chan []byte)
	ended := make(chan error, 1)
	// A read from a terminal cannot be broken off: the goroutine may outlive this call, but not the process.
	go func() { ended <- readLines(out.ctx, in, lines) }()
	for n := 1; ; n++ {
		select {
		case line := <-lines:
			if err := out.send(p.message(line), fmt.Sprintf("line %d", n)); err != nil || out.failure() != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-out.ctx.Done():
			return &stageError{fmt.Sprintf("after line %d", n-1), context.Cause(out.ctx)}
		}
	}
}

// readLines gives each line a buffer of its own; the last one may lack its end.
func readLines(ctx context.Context, in io.Reader, lines chan<- []byte) error {
	buffered := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := buffered.ReadBytes('\n')
		if len(line) > 0 {
			select {
			case lines <- chop(line):
			case <-ctx.Done():
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
	}
}

// chop takes the end of a line away, \n or \r\n.
func chop(line []byte) []byte {
	if n := len(line) - 1; n >= 0 && line[n] == '\n' {
		line = line[:n]
	}
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		line = line[:n]
	}
	return line
}
