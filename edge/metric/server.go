package metric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"skerry/broker/server"
)

// patience is how long an asker may take for its question, and for the answer.
const patience = 10 * time.Second

// mostAskers is how many connections there may be at a time.
const mostAskers = 8

// A Server answers GET /metrics.
type Server struct {
	listener net.Listener
	http     http.Server
	early    bool
}

// Listen opens a TCP address, also one that no interface has yet. look gives the metrics of that moment; it is called from many goroutines. Nobody is answered before Run.
func Listen(address string, look func() []Metric) (*Server, error) {
	l, err := net.Listen("tcp", address)
	early := errors.Is(err, syscall.EADDRNOTAVAIL)
	if early {
		l, err = (&net.ListenConfig{Control: server.FreeBind}).Listen(context.Background(), "tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("metrics: %w (hint: another program may have the port; broker.metrics.http names it)", err)
	}
	return &Server{listener: &bounded{l, make(chan struct{}, mostAskers)}, early: early, http: http.Server{
		Handler: page(look), MaxHeaderBytes: 4 << 10, ErrorLog: silent,
		ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: 3 * time.Minute,
	}}, nil
}

// page answers GET and HEAD of one path. A ServeMux would do the same; that it remembers where in the source each pattern was
// registered touches half a megabyte of the program's tables, which then stays in memory.
func page(look func() []Metric) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/metrics":
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		default:
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			w.Write(Append(nil, look()))
		}
	}
}

// Address is where it listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Early tells whether no interface had the address yet, as at a start without a network: it is answered there once one has it.
func (s *Server) Early() bool { return s.early }

// Run answers until ctx ends, and returns nil then.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Close closes the address of a Server that never ran.
func (s *Server) Close() error { return s.listener.Close() }
