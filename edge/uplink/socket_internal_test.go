package uplink

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tcpPair is a connection over loopback.
func tcpPair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := l.Accept()
		accepted <- conn
	}()
	if ours, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs = <-accepted; theirs == nil {
		t.Fatal("not accepted")
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// wrapped is a stream on another one.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestSocketIsFound(t *testing.T) {
	ours, _ := tcpPair(t)
	for name, stream := range map[string]any{"TCP": ours, "TLS": tls.Client(ours, nil), "TLS on something": tls.Client(wrapped{ours}, nil)} {
		if _, ok := socketOf(stream); !ok {
			t.Errorf("%s: not found", name)
		}
	}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if _, ok := socketOf(pipe); ok {
		t.Error("a pipe was taken for TCP")
	}
}

// The kernel at the other end acknowledges what nobody has read: the path answers. When there is no room for more it waits.
func TestPath(t *testing.T) {
	ours, theirs := tcpPair(t)
	s, _ := socketOf(ours)
	if err := s.prepare(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.Control(func(fd uintptr) {
		if n, _ := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); n != 20_000 {
			t.Errorf("the kernel gives up after %d ms", n)
		}
	})
	until := func(what string, waiting bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if p, known := s.path(); known && p.Waiting == waiting {
				return
			} else if time.Now().After(end) {
				t.Fatalf("%s: %+v, known %v", what, p, known)
			}
		}
	}
	if _, err := ours.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	until("written", false)
	ours.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := io.Copy(ours, zeros{})
	if err == nil {
		t.Fatalf("%d bytes were written to nobody", n)
	}
	until("full", true)
	go io.Copy(io.Discard, theirs)
	until("read", false)
	ours.Close()
	if _, known := s.path(); known {
		t.Error("a closed connection has a path")
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
