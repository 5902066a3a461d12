package metric

import (
	"io"
	"log"
	"net"
	"sync"
)

// silent takes what package http has to say about bad askers: nobody needs to know.
var silent = log.New(io.Discard, "", 0)

// bounded is a listener that closes connections beyond a number at once.
type bounded struct {
	net.Listener
	slots chan struct{}
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.slots <- struct{}{}:
			return &slot{Conn: c, free: sync.OnceFunc(func() { <-b.slots })}, nil
		default:
			c.Close()
		}
	}
}

// slot is a connection that gives its place back.
type slot struct {
	net.Conn
	free func()
}

func (s *slot) Close() error {
	defer s.free()
	return s.Conn.Close()
}
