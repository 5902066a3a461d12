package slotlog

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

var testUUID = UUID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// The bytes below are on people's disks. A test that has to be changed here means a new format version.
func TestGoldenHeader(t *testing.T) {
	h := header{
		major: 1, minor: 2, incompat: 3, rocompat: 4, blockSize: 4096, slotSize: 4 << 20, uuid: testUUID, segment: 5, generation: 6, boot: 7,
		firstChunk: 8, firstSeq: 9, prevChunk: 10, prevUsed: 11, wall: 12, lowest: 13,
	}
	b := h.append(nil)
	want := strings.ReplaceAll(`534b455252595100 0102 0000 03000000 04000000 00100000 0000400000000000
		000102030405060708090a0b0c0d0e0f 0500000000000000 06000000 07000000 0800000000000000 0900000000000000
		0a00000000000000 0b000000 00000000 0c00000000000000 0d00000000000000`, " ", "")
	want = strings.NewReplacer("\n", "", "\t", "").Replace(want)
	if got := hex.EncodeToString(b[:len(want)/2]); got != want {
		t.Errorf("header\n%s, want\n%s", got, want)
	}
	if len(b) != 512 || len(bytes.Trim(b[len(want)/2:508], "\x00")) != 0 || hex.EncodeToString(b[508:]) != "b52b59ac" {
		t.Errorf("the rest is %x", b[len(want)/2:])
	}
	if got, ok := decodeHeader(b); !ok || got != h {
		t.Errorf("comes back as %+v", got)
	}
}

func TestGoldenBlock(t *testing.T) {
	b := block{
		firstRec: 2, segment: 3, chunk: 4, durable: 5, durableUsed: 6, group: 7, seq: 8, boot: 9,
		payload: []byte("payload"),
	}
	got := bytes.Repeat([]byte{0xff}, 80)
	b.put(got, testUUID.seed())
	want := strings.ReplaceAll("60b467e6 0700 0200 0300000000000000 0400000000000000 0500000000000000 0700000000000000 0800000000000000 "+
		"09000000 0600 0000 7061796c6f6164 0000000000000000 0000000000000000 00", " ", "")
	if hex.EncodeToString(got) != want {
		t.Errorf("block\n%x, want\n%s", got, want)
	}
	if _, ok := decodeBlock(got, UUID{}.seed()); ok {
		t.Error("a block of another store is valid")
	}
	for i := range blockHeader + len(b.payload) {
		bad := bytes.Clone(got)
		bad[i] ^= 0x40
		if _, ok := decodeBlock(bad, testUUID.seed()); ok {
			t.Errorf("a block with byte %d wrong is valid", i)
		}
	}
}

// TestGoldenLife: what segments have that can be resumed, in bytes that were 0 in those before.
func TestGoldenLife(t *testing.T) {
	h := header{incompat: resumable, life: 0x1234, flags: prevFailed | prevUnknown}
	b := h.append(nil)
	if hex.EncodeToString(b[12:16]) != "01000000" || hex.EncodeToString(b[92:96]) != "34120300" {
		t.Errorf("header %x", b[:112])
	}
	if got, ok := decodeHeader(b); !ok || got != h {
		t.Errorf("comes back as %+v", got)
	}
	s := &segment{number: 3, life: 0x1234}
	m, got := marker(s, 9, Position{5, 6}, 7), make([]byte, 64)
	m.put(got, testUUID.seed())
	want := strings.ReplaceAll("92ee6197 0100 ffff 0300000000000000 0000000000000000 0500000000000000 0700000000000000 0700000000000000 "+
		"09000000 0600 3412 01 00000000000000", " ", "")
	if hex.EncodeToString(got) != want {
		t.Errorf("marker\n%x, want\n%s", got, want)
	}
}

func TestGoldenRecord(t *testing.T) {
	b := AppendRecord(nil, 0x81, bytes.Repeat([]byte{7}, 200))
	if hex.EncodeToString(b[:4]) != "81c80107" || len(b) != 203 {
		t.Errorf("record %x", b)
	}
	typ, body, rest, ok := CutRecord(append(b, 1))
	if typ != 0x81 || len(body) != 200 || len(rest) != 1 || !ok {
		t.Errorf("comes back as type %x, %d bytes, %d left, %t", typ, len(body), len(rest), ok)
	}
	for _, bad := range []string{"", "\x00\x01a", "\x01", "\x01\x02a", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if _, _, _, ok := CutRecord([]byte(bad)); ok {
			t.Errorf("%q is taken for a record", bad)
		}
	}
}

func FuzzSlot(f *testing.F) {
	h := header{major: 1, blockSize: 1024, uuid: testUUID}
	f.Add(h.append(nil))
	b := make([]byte, 1024)
	(&block{firstRec: 0, segment: 1, chunk: 1, payload: AppendRecord(nil, 1, []byte("x"))}).put(b, testUUID.seed())
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := decodeHeader(b); ok && !bytes.Equal(h.append(nil)[:112], b[:112]) && b[10]|b[11] == 0 {
			t.Errorf("header %+v comes back differently", h)
		}
		if x, ok := decodeBlock(b, testUUID.seed()); ok {
			again := make([]byte, len(b))
			x.put(again, testUUID.seed())
			if len(x.payload) == 0 {
				t.Error("a block without payload")
			}
		}
		for len(b) > 0 {
			_, _, n, framing := cut(b, 1<<20)
			if framing != whole {
				break
			}
			b = b[n:]
		}
	})
}
