package queue

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/queue/slotlog"
)

// The bytes below are on people's disks. A test that has to be changed here means a new format version.
func TestGoldenRecords(t *testing.T) {
	m := &Message{
		TopicName: "a/b", Properties: []byte{1, 1}, Payload: []byte("hi"), QoS: 2, Retain: true, Origin: Gateway,
		Stamp: Stamp{Boot: 3, At: 1500 * time.Millisecond}, Expiry: 60, HasExpiry: true, Unresolved: true,
	}
	to := make([]logTarget, 3)
	to[0].number, to[0].ordinal, to[0].qos = 1, 300, 1
	to[1].number, to[1].ordinal, to[1].qos, to[1].retain, to[1].ids = 200, 7, 2, true, []uint32{5, 1000}
	to[2].number = 9
	to[2].complete()
	plain := &Message{TopicName: "t", QoS: 1, Stamp: Stamp{Boot: 3, At: time.Millisecond}}
	session := sessionRecord{4, SessionOptions{PacketIDs: Range{1, 65535}, Window: 20, RingMessages: 100, RingBytes: 1 << 20}}
	acked := ackedRecord{session: 4, base: 300, above: []span{{302, 305}, {400, 401}}}
	run := runRecord{4, 300, 2}
	boot := bootRecord{number: 3, flags: bootPowerLost, skip: 2048, wall: 1_700_000_000_000, at: 9 * time.Second, id: [16]byte{1, 15: 2}}
	now := timeRecord{at: time.Minute, wall: -1}
	trusted := timeRecord{at: time.Minute, wall: 1_700_000_000_000, trusted: true}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"message", appendMessage(nil, m, from{4, 10}, to, 3), "be 01 dc0b 3c 04 0a 03612f62 020101 026869 01 01 ac02 c801 0e 07 02 05 e807"},
		{"message of an earlier boot", appendMessage(nil, plain, from{}, nil, 300), "41 01 03 0174 00 00"},
		{"message to one", appendMessage(nil, plain, from{}, to[:1], 3), "01 01 0174 00 00 01 01 ac02"},
		{"session", session.append(nil), "04 01 ffff03 14 64 808040"},
		{"acked", acked.append(nil), "04 00 ac02 02 03 5f 01"},
		{"run", run.append(nil), "04 ac02 02"},
		{"taken", (&item{typ: recTaken, other: &other{body: binary.AppendUvarint(run.append(nil), 300)}}).encode(nil, 3), "04 ac02 02 ac02"},
		{"received", (&item{typ: recReceived, other: &other{run: run, bytes: 300}}).encode(nil, 3), "04 ac02 02 ac02"},
		{"received and kept", (&item{typ: recReceived, other: &other{run: run, what: receivedKept}}).encode(nil, 3), "04 ac02 02 00 01"},
		{"not received", (&item{typ: recReceived, other: &other{run: run, what: receivedBack}}).encode(nil, 3), "04 ac02 02 00 02"},
		{"acked with totals", (&ackedRecord{session: 4, flags: ackedKnown, base: 300, acked: load{200, 20_000}, drops: Drops{DroppedAge: 7}}).append(nil), "04 03 ac02 c801 a09c01 01 04 07"},
		{"fact", appendFact(nil, 1, "key", []byte("value")), "01 036b6579 76616c7565"},
		{"boot", boot.append(nil), "03 01 8010 80a0abfef962 a846 0100000000000000 0000000000000002"},
		{"time", now.append(nil), "e0d403 01 00"},
		{"trusted time", trusted.append(nil), "e0d403 80a0abfef962 01"},
	} {
		if want := strings.ReplaceAll(c.want, " ", ""); hex.EncodeToString(c.got) != want {
			t.Errorf("%s: %x, want %s", c.name, c.got, want)
		}
	}
	types := []byte{recMessage, recRelease, recReceived, recAcked, recSession, recSessionEnd, recPut, recDelete, recBatch, recBoot, recTime, recEnd}
	if !bytes.Equal(types, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) {
		t.Errorf("record types %v", types)
	}
}

func TestRecordsComeBack(t *testing.T) {
	acked := ackedRecord{session: 4, base: 300, above: []span{{300, 305}, {400, 401}}}
	if r, ok := decodeAcked(acked.append(nil)); !ok || !reflect.DeepEqual(r, acked) {
		t.Errorf("%+v, %t", r, ok)
	}
	session := sessionRecord{4, SessionOptions{PacketIDs: Range{7, 9}, Window: 20, RingMessages: 100, RingBytes: 1 << 20}}
	if r, ok := decodeSession(append(session.append(nil), 1, 2, 3)); !ok || r != session {
		t.Errorf("a session record with fields of later: %+v, %t", r, ok)
	}
	for _, b := range []byte{0, 1, 0xFE, 0xFF} {
		want := timeRecord{at: time.Minute, wall: -1, trusted: b&1 != 0}
		if r, ok := decodeTime([]byte{0xe0, 0xd4, 0x03, 0x01, b}); !ok || r != want {
			t.Errorf("quality %#x: %+v, %t", b, r, ok)
		}
	}
	boot := bootRecord{number: 3, flags: 1, skip: 2048, wall: -5, at: 9 * time.Second, id: [16]byte{1, 15: 2}}
	if r, ok := decodeBoot(boot.append(nil)); !ok || r != boot {
		t.Errorf("%+v, %t", r, ok)
	}
}

// FuzzRecord gives every decoder anything: no panic, no endless loop, and a store that takes it goes on.
func FuzzRecord(f *testing.F) {
	f.Add(byte(recMessage), []byte("\xbe\x01\xdc\x0b\x3c\x04\x0a\x03a/b\x02\x01\x01\x02hi\x01\x01\xac\x02\xc8\x01\x0e\x07\x02\x05\xe8\x07"))
	f.Add(byte(recAcked), []byte("\x01\x00\xac\x02\x02\x03\x5f\x01"))
	f.Add(byte(recBatch), []byte("\x05\x08\x02\x01\xff\xff\x03\x14\x64\x01"))
	f.Add(byte(recBoot), bytes.Repeat([]byte{1}, 30))
	f.Add(byte(recReceived), []byte("\x01\xac\x02\x02"))
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		s := newStore("q", nil, Options{Boot: Boot{Clock: func() time.Duration { return 0 }}}.withDefaults())
		s.log = &slotlog.Log{}
		c := newContents()
		g := newImage(c)
		g.sessions[1] = newSessionState(1, SessionOptions{})
		g.record(slotlog.Record{Type: typ, Body: body, Boot: 1})
		for _, st := range g.sessions {
			if st == nil {
				continue
			}
			if again, ok := decodeSessionState(st.append(nil)); !ok {
				t.Errorf("%+v comes back as %+v", st, again)
			}
			x := s.build(st)
			r, _ := x.snapshot(0)
			if again, ok := decodeAcked(r.append(nil)); !ok || again.base != r.base || !slices.Equal(again.above, r.above) {
				t.Errorf("%+v comes back as %+v", r, again)
			}
		}
		eachMessage(slotlog.Record{Type: typ, Body: body}, func(m *messageRecord) { m.collect(nil, 1, 0, slotlog.Position{}) })
	})
}

func TestSpans(t *testing.T) {
	var s spans
	for _, r := range []span{{5, 7}, {1, 2}, {10, 12}, {7, 8}, {3, 3}, {2, 4}} {
		s.add(r)
	}
	if want := (spans{{1, 4}, {5, 8}, {10, 12}}); !slices.Equal(s, want) {
		t.Fatalf("%v, want %v", s, want)
	}
	if got, want := s.gaps(2, 15), (spans{{4, 5}, {8, 10}, {12, 15}}); !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
	for o, want := range []bool{false, true, true, true, false, true, true, true, false, false, true, true, false} {
		if s.has(uint64(o)) != want {
			t.Errorf("has(%d)", o)
		}
	}
	for _, o := range []uint64{0, 3, 9, 12, 99, 11, 1, 6} {
		s.remove(o)
	}
	if want := (spans{{2, 3}, {5, 6}, {7, 8}, {10, 11}}); !slices.Equal(s, want) {
		t.Errorf("removed: %v, want %v", s, want)
	}
	s.add(span{5, 12})
	s.cutBelow(6)
	if want := (spans{{6, 12}}); !slices.Equal(s, want) {
		t.Errorf("%v, want %v", s, want)
	}
}
