package packet_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"skerry/broker/packet"
)

// fuzz feeds the bodies of one packet type to its decoder. What is read must
// survive being written and read again, and what is refused must say why.
func fuzz(f *testing.F, types ...packet.Type) {
	for _, pattern := range []string{"valid.txt", "malformed.txt"} {
		for _, vector := range readVectors(f, pattern) {
			if h, err := packet.Split(vector.bytes); err == nil {
				f.Add(byte(vector.version), byte(h.Type)<<4|h.Flags, h.Body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, version, first byte, body []byte) {
		v := packet.V31 + packet.Version(version%3)
		kind := types[int(first>>4)%len(types)]
		frame := append(appendLength([]byte{byte(kind)<<4 | first&0x0F}, len(body)), body...)
		p, err := decode(v, frame)
		if err != nil {
			var refusal *packet.Error
			if !errors.As(err, &refusal) || !refusal.Code.IsError() || refusal.Clause == "" || refusal.Problem == "" {
				t.Fatalf("refused without a reason: %#v", err)
			}
			return
		}
		checkRoundTrip(t, v, p)
	})
}

func checkRoundTrip(t *testing.T, v packet.Version, p decoder) {
	t.Helper()
	written := p.Append(nil, v)
	again, err := decode(v, written)
	if err != nil {
		t.Fatalf("%x was written by ourselves, and refused: %v", written, err)
	}
	if !reflect.DeepEqual(p, again) {
		t.Fatalf("read  %+v\nagain %+v", p, again)
	}
	if twice := again.Append(nil, v); !bytes.Equal(written, twice) {
		t.Fatalf("written %x\nagain   %x", written, twice)
	}
	checkSize(t, "fuzz", v, p)
}

func FuzzConnect(f *testing.F)     { fuzz(f, packet.CONNECT) }
func FuzzConnack(f *testing.F)     { fuzz(f, packet.CONNACK) }
func FuzzPublish(f *testing.F)     { fuzz(f, packet.PUBLISH) }
func FuzzAck(f *testing.F)         { fuzz(f, packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP) }
func FuzzSubscribe(f *testing.F)   { fuzz(f, packet.SUBSCRIBE) }
func FuzzSuback(f *testing.F)      { fuzz(f, packet.SUBACK) }
func FuzzUnsubscribe(f *testing.F) { fuzz(f, packet.UNSUBSCRIBE) }
func FuzzUnsuback(f *testing.F)    { fuzz(f, packet.UNSUBACK) }
func FuzzPing(f *testing.F)        { fuzz(f, packet.PINGREQ, packet.PINGRESP) }
func FuzzDisconnect(f *testing.F)  { fuzz(f, packet.DISCONNECT) }
func FuzzAuth(f *testing.F)        { fuzz(f, packet.AUTH) }

// FuzzNext cuts a stream into packets and checks that it does not matter how the bytes arrive.
func FuzzNext(f *testing.F) {
	for _, vector := range readVectors(f, "valid.txt") {
		f.Add(vector.bytes, uint32(64))
	}
	f.Fuzz(func(t *testing.T, stream []byte, limit uint32) {
		n, need, err := packet.Next(stream, limit)
		if n > len(stream) || n > 0 && limit > 0 && uint64(n) > uint64(limit) {
			t.Fatalf("length %d of %d bytes, limit %d", n, len(stream), limit)
		}
		if n == 0 && err == nil && need <= len(stream) {
			t.Fatalf("asks for %d bytes and has %d", need, len(stream))
		}
		for have := range min(len(stream), 8) {
			part, _, partErr := packet.Next(stream[:have], limit)
			if part != 0 && part != n || partErr != nil && err == nil {
				t.Fatalf("with %d bytes: %d, %v; with all: %d, %v", have, part, partErr, n, err)
			}
		}
	})
}

// FuzzProperties reads lists that nobody has checked.
func FuzzProperties(f *testing.F) {
	f.Add([]byte(list()))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Properties(b)
		size := 0
		for property := range p.All() {
			size += 1 + len(property.Data) + len(property.Value)
			if !p.Has(property.ID) {
				t.Fatalf("%v is there and is not found", property.ID)
			}
		}
		if size > len(b) {
			t.Fatalf("%d bytes out of %d", size, len(b))
		}
		if left := p.Without(packet.UserProperty); p.Check(packet.PUBLISH) == nil && left.Check(packet.PUBLISH) != nil {
			t.Fatalf("%x is right, %x is not", p, left)
		}
	})
}
