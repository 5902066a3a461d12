package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// remote is the desk of a running station.
type remote struct{ dir string }

func (d *remote) Live() bool   { return true }
func (d *remote) Close() error { return nil }

// ErrCut says that an answer ended in the middle.
var ErrCut = errors.New("the station ended in the middle of its answer")

func (d *remote) Ask(ctx context.Context, r Request, row func(json.RawMessage) error) error {
	c, err := dial(ctx, d.dir)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	r.Version = protocolVersion
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(line) >= mostRequest {
		return errors.New("the request is too long")
	}
	_, failed := c.Write(append(line, '\n')) // a station that refuses may have said why already
	err = read(c, row)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed != nil && errors.Is(err, ErrCut):
		return fmt.Errorf("ask the station: %w", failed)
	}
	return err
}

// read takes the lines of an answer.
func read(c io.Reader, row func(json.RawMessage) error) error {
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, mostReply)
	lines.Split(wholeLines)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("read the answer of the station: %w", err)
		}
		switch {
		case r.Error != "":
			return errors.New(r.Error)
		case r.End:
			return nil
		}
		if err := row(bytes.Clone(r.Row)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, ErrCut) && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("read the answer of the station: %w", err)
	}
	return ErrCut
}

// wholeLines splits into lines; one without an end was cut off, and says nothing.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	advance, line, err = bufio.ScanLines(data, false)
	if advance == 0 && atEOF {
		err = ErrCut
	}
	return advance, line, err
}

// awake is how long a station that has the lock of its store may take until it answers: it reads its log first.
const awake = 3 * time.Second

func dial(ctx context.Context, dir string) (net.Conn, error) {
	path, done, err := address(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	for until := time.Now().Add(awake); ; {
		c, err := d.DialContext(ctx, "unix", path)
		if err == nil {
			return c, nil
		}
		early := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
		if !early || time.Now().After(until) {
			return nil, fmt.Errorf("reach the running station: %w%s", err, dialHint(err))
		}
		pause(ctx, 50*time.Millisecond)
	}
}
