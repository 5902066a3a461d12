package packet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"skerry/broker/packet"
)

func TestValidPacketsAreWrittenAsTheyWereRead(t *testing.T) {
	vectors := readVectors(t, "valid.txt")
	for i, vector := range vectors {
		if len(vector.columns) > 0 {
			continue
		}
		want := vector.bytes
		if i+1 < len(vectors) && len(vectors[i+1].columns) > 0 {
			want = vectors[i+1].bytes
		}
		d, err := decode(vector.version, vector.bytes)
		if err != nil {
			t.Errorf("%s: %v", vector.where, err)
			continue
		}
		if got := d.Append(nil, vector.version); !bytes.Equal(got, want) {
			t.Errorf("%s: written again\n got %x\nwant %x", vector.where, got, want)
		}
		checkSize(t, vector.where, vector.version, d)
	}
}

// checkSize compares what Size promises with what Append does.
func checkSize(t *testing.T, where string, v packet.Version, d decoder) {
	t.Helper()
	sized, ok := d.(interface{ Size(packet.Version) int })
	if !ok {
		return
	}
	if got, want := sized.Size(v), len(d.Append(nil, v)); got != want {
		t.Errorf("%s: Size is %d, Append writes %d bytes", where, got, want)
	}
}

func TestMalformedPacketsAreRefused(t *testing.T) {
	for _, vector := range readVectors(t, "malformed.txt") {
		code, clause := vector.columns[0], vector.columns[1]
		_, err := decode(vector.version, vector.bytes)
		var refusal *packet.Error
		if !errors.As(err, &refusal) {
			t.Errorf("%s: got error %v, want a *packet.Error", vector.where, err)
			continue
		}
		got := fmt.Sprintf("%02x", byte(refusal.Code))
		if got != code || strings.Fields(refusal.Clause)[0] != clause {
			t.Errorf("%s: got code %s, clause %s, want %s, %s (%v)", vector.where, got, refusal.Clause, code, clause, err)
		}
		if !errors.Is(err, refusal.Code) {
			t.Errorf("%s: errors.Is does not find the Reason Code", vector.where)
		}
	}
}

// Every valid packet, cut anywhere and made whole by a right Remaining Length, is refused or
// read, but never panics and never reads beyond its end.
func TestTruncatedPacketsDoNotPanic(t *testing.T) {
	for _, vector := range readVectors(t, "valid.txt") {
		h, err := packet.Split(vector.bytes)
		if err != nil {
			t.Fatalf("%s: %v", vector.where, err)
		}
		for n := range len(h.Body) {
			body := append([]byte(nil), h.Body[:n]...)
			cut := packet.Header{Type: h.Type, Flags: h.Flags, Body: body}
			_ = newDecoder(h.Type).Decode(vector.version, cut)
		}
	}
}

func TestDecodeChecksTheType(t *testing.T) {
	h := packet.Header{Type: packet.SUBACK}
	for kind := packet.CONNECT; kind <= packet.AUTH; kind++ {
		if kind == packet.SUBACK {
			continue
		}
		if err := newDecoder(kind).Decode(packet.V5, h); !errors.Is(err, packet.ProtocolError) {
			t.Errorf("%v read a SUBACK: error is %v", kind, err)
		}
	}
}

func TestSplitWantsOneWholePacket(t *testing.T) {
	for name, frame := range map[string][]byte{
		"empty": {}, "one byte": {0xC0}, "cut": {0x40, 2, 0}, "two packets": {0xC0, 0, 0xC0, 0},
	} {
		if _, err := packet.Split(frame); !errors.Is(err, packet.MalformedPacket) {
			t.Errorf("%s: error is %v, want Malformed Packet", name, err)
		}
	}
}

func TestNamesOfTypesAndVersions(t *testing.T) {
	for got, want := range map[string]string{
		packet.PUBREL.String(): "PUBREL", packet.Type(0).String(): "reserved packet", packet.Type(16).String(): "packet type 16",
		packet.V31.String(): "3.1", packet.V311.String(): "3.1.1", packet.V5.String(): "5.0", packet.Version(9).String(): "protocol level 9",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorNamesPacketProblemAndClause(t *testing.T) {
	_, err := decode(packet.V5, []byte{0x36, 0})
	want := "malformed packet: PUBLISH: QoS 3 [MQTT-3.3.1-4]"
	if err == nil || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
