package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	mostClients = 16
	// askWithin is how long a client may take to say what it wants, and progressWithin how long it may leave an answer unread.
	askWithin      = 10 * time.Second
	progressWithin = 30 * time.Second
)

// A Server answers requests on the socket of a running station.
type Server struct {
	station  *Station
	dir      string
	log      *slog.Logger
	listener *net.UnixListener
	slots    chan struct{} // one for each client
	once     sync.Once
}

// Listen makes the socket in dir, whose store the caller has open. Nobody is answered before Run.
func Listen(dir string, s *Station, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("make the control socket: %w", err)
	}
	return &Server{station: s, dir: dir, log: log, listener: l, slots: make(chan struct{}, mostClients)}, nil
}

// Run answers until ctx ends, and returns nil then. Answers under way are cut off.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	for {
		c, err := s.listener.AcceptUnix()
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			if c != nil {
				c.Close()
			}
			return nil
		case err != nil: // out of file descriptors, for instance
			s.log.Warn("control socket", "error", err)
			pause(ctx, time.Second)
			continue
		}
		s.admit(ctx, &wg, c)
	}
}

// Close ends the listening and removes the socket.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() { err = errors.Join(removeSocket(s.dir), s.listener.Close()) })
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// admit serves a client in a goroutine of its own, if it may come in and there is room.
func (s *Server) admit(ctx context.Context, wg *sync.WaitGroup, c *net.UnixConn) {
	if !admitted(c) {
		s.log.Warn("control socket: a user was turned away who is neither root nor the one that this program runs as")
		c.Close()
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		refuse(c, fmt.Errorf("%d others are asking already; try again in a moment", mostClients))
		c.Close()
		return
	}
	wg.Go(func() {
		defer func() { <-s.slots }()
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		defer c.Close()
		s.serve(ctx, c)
	})
}

// serve reads one request and answers it.
func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	c.SetReadDeadline(time.Now().Add(askWithin))
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, mostRequest)
	if !lines.Scan() {
		if errors.Is(lines.Err(), bufio.ErrTooLong) {
			refuse(c, errors.New("the request is too long"))
		}
		return // it has gone, or never said what it wants
	}
	r, err := parse(lines.Bytes())
	if err != nil {
		refuse(c, err)
		return
	}
	s.answer(ctx, c, r)
}

func parse(line []byte) (r Request, err error) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("not a request: %w", err)
	}
	if r.Version != protocolVersion {
		return r, fmt.Errorf("the station speaks version %d of this language, not %d (hint: restart it, so that both are the same skerry)", protocolVersion, r.Version)
	}
	return r, nil
}

// answer also watches for the end of the client, which says no more.
func (s *Server) answer(ctx context.Context, c *net.UnixConn, r Request) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer c.CloseRead()
	watch.Go(func() {
		c.SetReadDeadline(time.Time{})
		io.Copy(io.Discard, c)
		end()
	})
	out := &writer{c: c, buf: bufio.NewWriterSize(c, 64<<10)}
	last := reply{End: true}
	row := out.row
	if r.Do == Trace { // nobody knows when the next one comes
		row = out.rowNow
	}
	if err := s.station.Answer(ctx, r, row); err != nil {
		if ctx.Err() != nil {
			return // the station stops, or nobody listens: an answer without an end says that it was cut off
		}
		last = reply{Error: err.Error()}
	}
	if out.put(last) == nil {
		out.buf.Flush()
	}
}

func refuse(c *net.UnixConn, err error) {
	out := &writer{c: c, buf: bufio.NewWriter(c)}
	if out.put(reply{Error: err.Error()}) == nil {
		out.buf.Flush()
	}
}

// writer writes the lines of an answer; a client that does not read them is given up.
type writer struct {
	c   *net.UnixConn
	buf *bufio.Writer
	err error
}

func (w *writer) row(v any) error {
	text, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return err
		}
	}
	return w.put(reply{Row: text})
}

func (w *writer) rowNow(v any) error {
	if err := w.row(v); err != nil {
		return err
	}
	w.err = w.buf.Flush()
	return w.err
}

func (w *writer) put(r reply) error {
	if w.err != nil {
		return w.err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	w.c.SetWriteDeadline(time.Now().Add(progressWithin))
	_, w.err = w.buf.Write(append(line, '\n'))
	return w.err
}
