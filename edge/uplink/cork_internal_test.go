package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes notes what is written to a connection, one entry for each write.
type writes struct {
	net.Conn
	mu  sync.Mutex
	all [][]byte
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	w.all = append(w.all, slices.Clone(p))
	if w.Conn == nil {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

func (w *writes) Close() error { return nil }

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// TestCorkHandshake: in each version of TLS, full and resumed, a client that ends the handshake does so in one write with what follows.
func TestCorkHandshake(t *testing.T) {
	cert, pool := selfSigned(t)
	for _, tt := range []struct {
		name   string
		max    uint16
		writes []int // of the first connection, and of those that resume it
	}{
		{"TLS 1.3", tls.VersionTLS13, []int{2, 2}}, // ClientHello; Finished and what follows
		{"TLS 1.2", tls.VersionTLS12, []int{3, 2}}, // the server ends a full handshake
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tt.max}
			tickets := tls.NewLRUClientSessionCache(1)
			for i, want := range tt.writes {
				ours, theirs := streams(t)
				go echo(tls.Server(theirs, server))
				w := &writes{Conn: ours}
				c := newCork(w)
				secure := tls.Client(c, &tls.Config{ServerName: "localhost", RootCAs: pool, ClientSessionCache: tickets})
				if err := secure.HandshakeContext(t.Context()); err != nil {
					t.Fatal(err)
				}
				c.ended()
				if _, err := secure.Write([]byte("hello")); err != nil {
					t.Fatal(err)
				}
				answer := make([]byte, 5)
				if _, err := io.ReadFull(secure, answer); err != nil || string(answer) != "hello" {
					t.Fatalf("%q, %v", answer, err)
				}
				if secure.ConnectionState().DidResume != (i > 0) {
					t.Errorf("connection %d resumed: %v", i, i == 0)
				}
				if got := w.count(); got != want {
					t.Errorf("connection %d: %d writes, want %d", i, got, want)
				}
				ours.Close()
				theirs.Close()
			}
		})
	}
}

// streams are the two ends of a connection of TCP.
func streams(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ours, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func echo(c net.Conn) {
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err == nil {
		c.Write(b)
	}
}

// TestCorkLate: when nothing follows, the end of the handshake leaves by itself; an error of that is told at the next write.
func TestCorkLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		c := newCork(w)
		c.Write([]byte("finished"))
		c.ended()
		time.Sleep(corkTime - 1)
		synctest.Wait()
		if w.count() != 0 {
			t.Fatal("written too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if w.count() != 1 {
			t.Fatal("not written")
		}
		c.Write([]byte("connect"))
		c.Write([]byte("publish"))
		if w.count() != 3 {
			t.Errorf("%d writes", w.count())
		}

		w = &writes{err: errors.New("broken")}
		c = newCork(w)
		c.Write([]byte("finished"))
		c.ended()
		time.Sleep(corkTime)
		synctest.Wait()
		if _, err := c.Write([]byte("connect")); !errors.Is(err, w.err) {
			t.Errorf("error %v", err)
		}
		if _, err := c.Read(nil); !errors.Is(err, w.err) {
			t.Errorf("error %v", err)
		}
	})
}

// TestCorkAlert: the server is told why a handshake has failed.
func TestCorkAlert(t *testing.T) {
	cert, _ := selfSigned(t)
	ours, theirs := streams(t)
	told := make(chan error, 1)
	go func() {
		told <- tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		theirs.Close()
	}()
	c := newCork(ours)
	if err := tls.Client(c, &tls.Config{ServerName: "localhost"}).HandshakeContext(context.Background()); err == nil {
		t.Fatal("an unknown authority was believed")
	}
	c.Close()
	if err := <-told; err == nil || !strings.Contains(err.Error(), "bad certificate") {
		t.Errorf("the server was told %v", err)
	}
}
