package uplink_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/interfaces"
)

// answerNames answers every question for an IPv4 address, and says of all else that there is none, until conn is closed.
func answerNames(conn net.PacketConn, addr [4]byte) {
	buf := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		end := 12
		for end < n && buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		if end += 5; end > n {
			continue
		}
		reply := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:end]...)
		if buf[end-3] == 1 { // A
			reply[7] = 1
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
			reply = append(reply, addr[:]...)
		}
		conn.WriteTo(reply, from)
	}
}

// TestNamesThroughTheInterface: the name server is asked over the link, also where the routes lead elsewhere; and when it is away, the
// server is found where it was.
func TestNamesThroughTheInterface(t *testing.T) {
	if !namespace(t) {
		return
	}
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 10.99.0.1\noptions timeout:3 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(resolv, "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	f := newBeyond(t)
	var names net.PacketConn
	var up net.Listener
	f.inside(func() {
		var err error
		if names, err = net.ListenPacket("udp4", "10.99.0.1:53"); err != nil {
			t.Error(err)
		}
		if up, err = net.Listen("tcp4", "10.99.0.1:1883"); err != nil {
			t.Error(err)
		}
	})
	if names == nil || up == nil {
		t.FailNow()
	}
	defer up.Close()
	go answerNames(names, [4]byte{10, 99, 0, 1})
	f.plug("eth7", 7, 2)
	f.plug("wwan0", 8, 2)
	f.ip("link set far7 down")
	account, err := budget.New(budget.Options{})
	if err != nil {
		t.Fatal(err)
	}
	meter := budget.NewMeter(account, budget.MeterOptions{})
	d := interfaces.NewDialer(interfaces.Options{
		Interface: "wwan0", Frugal: true, Fresh: time.Hour, Counted: func(dial interfaces.Dial) interfaces.Dial { return meter.Dialing(dial) },
	})
	reach := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		conn, err := d.Dial(ctx, "up.example", 1883)
		if err != nil {
			t.Fatal(err)
		}
		if a := localOf(conn); a != "10.8.0.2" {
			t.Errorf("our address is %s", a)
		}
		conn.Close()
	}
	reach()
	first := meter.Total()
	names.Close()
	reach()
	// Two questions and two answers are four packets with 28 bytes of headers each.
	if asked, second := first-(meter.Total()-first), meter.Total()-first; asked < 4*28+100 || asked > 400 || second < 300 {
		t.Errorf("the name cost %d B, a connection %d B", asked, second)
	}
}

func localOf(conn net.Conn) string { return conn.LocalAddr().(*net.TCPAddr).IP.String() }
