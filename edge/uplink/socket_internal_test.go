package uplink

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/pace"
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
	if err := s.prepare(20 * time.Second); err != nil {
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

// TestKernelIsPatientToo: where answers take long, or the signal is poor, the kernel does not give the connection up before we would.
func TestKernelIsPatientToo(t *testing.T) {
	ours, _ := tcpPair(t)
	s, _ := socketOf(ours)
	w := &way{kind: kind.Of("cellular"), signal: func(string) Signal { return Signal{Answer: 4} }}
	if first := w.net(w.kind.DeadFloor); first <= 2*answerTime {
		t.Errorf("the kernel gives up after %v, and the answer to PINGREQ may take %v in a poor signal", first, 2*answerTime)
	}
	conn, server := net.Pipe()
	defer conn.Close()
	go serveOne(server)
	mqtt, err := client.Open(t.Context(), conn, &packet.Connect{Version: packet.V311, ClientID: []byte("a"), CleanStart: true}, client.ConnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u := &Uplink{ackTimeout: 90 * time.Second}
	l := &link{u: u, way: w, conn: mqtt, path: s.path, kernel: s.giveUp,
		flow: pace.New(), born: time.Now()}
	l.own.ask(nil) // something waits
	ctx, cancel := context.WithCancel(t.Context())
	watching := make(chan struct{})
	go func() { l.watchSilence(ctx); close(watching) }()
	defer func() { cancel(); <-watching }()
	told := 0
	for end := time.Now().Add(10 * time.Second); told != 96_000 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.Control(func(fd uintptr) { told, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) })
	}
	if told != 96_000 {
		t.Errorf("the kernel gives up after %d ms, and we call the link dead after 48 s", told)
	}
}

// serveOne accepts a session, and reads.
func serveOne(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 512)
	for _, err := conn.Read(buf); err == nil; _, err = conn.Read(buf) {
		if buf[0]>>4 == byte(packet.CONNECT) {
			conn.Write([]byte{0x20, 2, 0, 0})
		}
	}
}
