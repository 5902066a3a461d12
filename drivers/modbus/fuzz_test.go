package modbus

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"skerry/drivers"
	"skerry/drivers/modbus/modbustest"
)

// FuzzFind: what is found in any bytes is a whole reply with a right checksum, and one behind garbage is found.
func FuzzFind(f *testing.F) {
	f.Add([]byte{}, []byte{0, 1})
	f.Add([]byte{1, 3, 4, 0, 1}, []byte{0, 1, 0, 2})
	f.Add([]byte{1, 0x83, 2, 0xC0}, []byte{9})
	f.Fuzz(func(t *testing.T, before, data []byte) {
		check := func(b []byte) (found []reply) {
			for {
				p, n := find(b, nil)
				if n == 0 {
					return found
				}
				size := exceptionSize
				if p.exception == 0 {
					size = replyOverhead + len(p.data)
				}
				frame := b[n-size : n]
				if frame[0] != p.unit || modbustest.CRC(frame[:size-2]) != uint16(frame[size-2])|uint16(frame[size-1])<<8 {
					t.Fatalf("%x was found in %x", frame, b)
				}
				p.data = bytes.Clone(p.data)
				found, b = append(found, p), b[n:]
			}
		}
		check(before)
		if len(data) == 0 || len(data) > 250 {
			return
		}
		whole := modbustest.Frame(append([]byte{17, 4, byte(len(data))}, data...)...)
		all := check(append(bytes.Clone(before), whole...))
		if len(all) == 0 {
			t.Fatalf("%x was not found behind %x", whole, before)
		}
		if last := all[len(all)-1]; len(before) == 0 && (last.unit != 17 || !bytes.Equal(last.data, data)) {
			t.Fatalf("%x was read as %+v", whole, last)
		}
	})
}

// FuzzMessage reads any bytes as Modbus TCP.
func FuzzMessage(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7})
	f.Add([]byte{0, 1, 0, 0, 0, 3, 1, 0x83, 2})
	f.Fuzz(func(t *testing.T, in []byte) {
		var b [headerSize + maxPDU]byte
		_, n, err := readMessage(bytes.NewReader(in), b[:])
		if err != nil {
			return
		}
		if n > len(in) || !bytes.Equal(b[:n], in[:n]) {
			t.Fatalf("%d bytes of %x", n, in)
		}
		if p, ok := parsePDU(b[headerSize-1], b[headerSize:n]); ok && (p.exception == 0) != (len(p.data) > 0) {
			t.Fatalf("%+v", p)
		}
	})
}

// FuzzDecode lays any bytes into registers: each type and order gives a number or none, and never panics.
func FuzzDecode(f *testing.F) {
	f.Add(byte(8), byte(1), byte(0), byte(0), uint64(0), []byte{0x43, 0x67, 0x80, 0, 0, 0, 0, 0})
	f.Add(byte(10), byte(3), byte(2), byte(9), uint64(0x8000), []byte("SN 42\x00\xff\x01"))
	f.Fuzz(func(t *testing.T, kind, order, low, top byte, missing uint64, data []byte) {
		r := register{name: "x", table: Input, kind: Bool + Type(kind)%Text, order: ABCD + Order(order)%DCBA, length: 8,
			bits: Bits{Set: low%2 == 0, Low: uint(low % 16), Top: uint(low%16) + uint(top)%(16-uint(low%16))}, missing: Raw{Set: missing != 0, n: missing, bits: low%3 == 0}}
		if kind%2 == 0 {
			scale := uint16(4)
			r.scale = &scale
		}
		look := func(_ Table, address, n uint16) ([]byte, bool) {
			from, to := 2*int(address), 2*int(address)+2*int(n)
			if to > len(data) {
				return nil, false
			}
			return data[from:to], true
		}
		before := bytes.Clone(data)
		x, ok := r.reading(look)
		if !bytes.Equal(before, data) {
			t.Fatal("what was read was changed")
		}
		if !ok {
			return
		}
		number, text := !math.IsNaN(x.Number), x.Text != ""
		if math.IsInf(x.Number, 0) || number && text || (x.Quality == drivers.Good) != (number || text) {
			t.Fatalf("%+v", x)
		}
	})
}

// FuzzProfile: a profile that is read has values that make sense.
func FuzzProfile(f *testing.F) {
	for _, name := range Profiles() {
		text, err := shipped.ReadFile("profiles/" + name + extension)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("title: x\n\nname,reference,type,bits\na,40001,uint16,3\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProfile(text)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		for _, v := range p.values {
			if err := v.opts.check(v.name, &profile{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
