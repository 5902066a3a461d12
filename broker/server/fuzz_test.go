package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"skerry/broker/server"
)

// FuzzServer sends whatever the fuzzer makes of real sessions to a server, in pieces, from one Client while
// another one uses the same server: nothing panics, nothing hangs, the other one does not notice.
func FuzzServer(f *testing.F) {
	sessions := []string{
		"82: 0001 't/#' 02 | 30: 't/x' \"hello\" | 32: 't/x' 0001 \"1\" | 34: 't/x' 0002 \"2\" | 62: 0002 | 40: 0001 | 50: 0002 | 70: 0002 | c0: | a2: 0003 't/#' | e0:",
		"33: 'r' 0001 \"kept\" | 82: 0001 'r' 01 '+' 00 '#' 02 | 33: 'r' 0002 | c0: | 50: 0009 | 62: 0009",
	}
	sessions5 := []string{
		"82: 0001 02 0b 07 't/#' 2e | 30: 't' 07 23 0001 01 01 26 'a' 'b' \"x\" | 30: '' 03 23 0001 \"y\" | e0: 04 05 11 00000010",
		"82: 0001 00 '$share/g/t' 01 't' 01 | 34: 't' 0001 05 02 00000001 \"x\" | 62: 0001 00 00 | 50: 0001 80 | f0: 18 00 | 40: 0001 10 00",
	}
	connects := []string{
		"10: 'MQTT' 04 02 000a 'f' | ", "10: 'MQTT' 04 ce 000a 'f' 'will' 'gone' 'user' 'password' | ",
		"10: 'MQTT' 05 02 000a 05 11 00000010 'f' | ", "10: 'MQTT' 05 04 000a 11 11 00000010 21 0002 27 00000100 22 0004 17 00 'f' 05 18 00000001 'will' 'gone' | ",
	}
	for i, c := range connects {
		for _, s := range [][]string{sessions, sessions5}[i/2] {
			b := encode(f, c+s)
			f.Add(b, uint8(1))
			f.Add(b, uint8(7))
		}
	}
	_, address := start(f, server.Limits{Packet: 4096, Inflight: 10, Shutdown: 50 * time.Millisecond, Connections: 100})
	witness := dial(f, address)
	witness.script("> 10: 'MQTT' 04 02 0000 'witness'", "< 20: 00 00")
	f.Fuzz(func(t *testing.T, session []byte, pieces uint8) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		sendAndEnd(t, nc, session, pieces)
		unharmed(t, witness)
	})
}

// FuzzWebSocket does the same with what comes in front of packets: the request, and frames behind one that is right.
func FuzzWebSocket(f *testing.F) {
	packets := encode(f, "10: 'MQTT' 05 02 000a 05 11 00000010 'f' | 82: 0001 00 't' 01 | 32: 't' 0001 00 \"x\" | c0: | e0:")
	request := fmt.Appendf(nil, handshake, "/mqtt", wantMQTT+"\r\n")
	f.Add(false, request, uint8(3))
	f.Add(false, append(request, frame(final|binaryFrame, packets)...), uint8(0))
	f.Add(true, frame(final|binaryFrame, packets), uint8(1))
	fragments := append(frame(binaryFrame, packets[:20]), frame(final|pingFrame, []byte("x"))...)
	f.Add(true, append(fragments, frame(final|continuation, packets[20:])...), uint8(9))
	f.Add(true, append(frame(final|textFrame, packets), frame(final|closeFrame, []byte{3, 0xE8})...), uint8(2))
	f.Add(true, append(frame(final|binaryFrame, packets), frame(final|binaryFrame, make([]byte, 200))...), uint8(5))
	_, address := startWebSocket(f, server.Options{Limits: server.Limits{Packet: 4096, Shutdown: 50 * time.Millisecond, Connections: 100}}, server.ListenerConfig{})
	witness, _ := dialWebSocket(f, address)
	witness.script("> 10: 'MQTT' 04 02 0000 'witness'", "< 20: 00 00")
	f.Fuzz(func(t *testing.T, upgraded bool, bytes []byte, pieces uint8) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		if upgraded {
			upgrade(t, nc)
			nc.SetDeadline(time.Now().Add(patience))
		}
		sendAndEnd(t, nc, bytes, pieces)
		unharmed(t, witness)
	})
}

// sendAndEnd sends a session in pieces and then ends it; the server must do the same.
func sendAndEnd(t *testing.T, nc net.Conn, session []byte, pieces uint8) {
	size := len(session)/(int(pieces)+1) + 1
	for rest := session; len(rest) > 0; rest = rest[min(size, len(rest)):] {
		if _, err := nc.Write(rest[:min(size, len(rest))]); err != nil {
			break // closed, as it should be
		}
	}
	nc.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the server did not close a connection that had ended")
	}
}

// unharmed fails the test when another Client is not served any more.
func unharmed(t *testing.T, witness *peer) {
	witness.t = t
	witness.send([]byte{0xC0, 0})
	if got, err := witness.read(2); err != nil || !bytes.Equal(got, []byte{0xD0, 0}) {
		t.Fatalf("the other client gets %x (%v)", got, err)
	}
}
