package interfaces

import (
	"context"
	"net"
	"testing"
	"time"
)

// TestPatient: on a link on which an answer takes long, the resolver's few seconds do not end a question.
func TestPatient(t *testing.T) {
	names, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	for lookup, waits := range map[time.Duration]bool{0: false, 10 * time.Second: false, 40 * time.Second: true} {
		d := NewDialer(Options{Lookup: lookup, Counted: func(d Dial) Dial { return d }})
		conn, err := d.wait(d.net.DialContext(context.Background(), "udp", names.LocalAddr().String()))
		if err != nil {
			t.Fatal(err)
		}
		if _, packets := conn.(net.PacketConn); !packets {
			t.Error("the resolver would take it for a stream")
		}
		if err := conn.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(200*time.Millisecond, func() { names.WriteTo([]byte("late"), conn.LocalAddr()) })
		if _, err := conn.Read(make([]byte, 10)); (err == nil) != waits {
			t.Errorf("with %v: %v", lookup, err)
		}
		conn.Close()
	}
}
