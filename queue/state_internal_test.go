package queue

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"skerry/queue/slotlog"
)

func someSession() *sessionState {
	x := newSessionState(4, SessionOptions{PacketIDs: Range{1, 65535}, Window: 20, RingMessages: 100, RingBytes: 1 << 20})
	x.base, x.next, x.second, x.hurt = 300, 500, true, true
	x.complete, x.released, x.sweeps = spans{{302, 305}, {400, 401}}, spans{{300, 301}}, nil
	x.kept = spans{{310, 312}}
	x.hold(7)
	x.hold(300)
	x.logged, x.acked = load{400, 40_000}, load{300, 30_000}
	x.drops[DroppedBytes] = 5
	return x
}

func someJourney() journey {
	return journey{
		boot: 3, session: 9, order: 1000, last: recEnd, damaged: true,
		runs: runs{
			{boot: 1, first: time.Second, last: time.Minute},
			{boot: 3, id: [16]byte{1, 15: 2}, first: time.Second, last: time.Hour, dates: dates{true, time.Second, -time.Second}},
		},
	}
}

// The bytes below are on people's disks, in checkpoints. A test that has to be changed here means a new format of
// checkpoints: older ones would be taken for damage, and then have to be refused.
func TestGoldenStates(t *testing.T) {
	k := mark{segment: 5, lowest: 300, highest: 302, count: 2, bytes: 200, first: Stamp{3, time.Second}, last: Stamp{3, time.Minute}, longest: 301}
	e := slotlog.Extent{Segment: 5, First: slotlog.Position{Chunk: 300}, End: slotlog.Position{Chunk: 310, Offset: 9}, FirstSeq: 1000, NextSeq: 2000}
	head := headState{covered: e, journey: journey{boot: 1}}
	j := someJourney()
	m, _ := decodeMessage([]byte("\x85\x01\x09\x01t\x00\x01x\x01\x01\x07"), 300)
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"session", someSession().append(nil), "04 01 ffff03 14 64 808040  03 ac02 f403  02 ae02 03 5f 01  02 ac02 01 09 02  00  02 07 ac02  9003 c0b802 ac02 b0ea01  01 03 05  01 b602 02"},
		{"mark", k.append(nil), "ac02 02 02 c801 03 e807 03 e0d403 ad02"},
		{"extent", appendExtent(nil, &e), "05 ac02 00 b602 09 e807 d00f"},
		{"head", head.append(nil), "0b 05 ac02 00 b602 09 e807 d00f  00 00 01 00 00 00"},
		{"journey", j.append(nil), "01 0c 03 09 e807 02  01 00000000000000000000000000000000 e807 e0d403 00  03 01000000000000000000000000000002 e807 80dddb01 01 d00f cf0f"},
		{"retained", appendRetained(nil, 12, 300, &m), "0c ac02 85 01 09 0174 00 0178"},
	} {
		if want := strings.ReplaceAll(c.want, " ", ""); hex.EncodeToString(c.got) != want {
			t.Errorf("%s: %x, want %s", c.name, c.got, want)
		}
	}
}

func TestStatesComeBack(t *testing.T) {
	k := mark{segment: 5, lowest: 300, highest: 302, count: 2, bytes: 200, first: Stamp{3, time.Second}, last: Stamp{3, time.Minute}, longest: 301}
	if again, ok := decodeMark(5, append(k.append(nil), 1, 2)); !ok || again != k {
		t.Errorf("a mark with fields of later: %+v, %t", again, ok)
	}
	first := k.append(nil)
	first = first[:len(first)-2] // without the longest interval
	if again, ok := decodeMark(5, first); !ok || again.longest != 0 || again.last != k.last {
		t.Errorf("a mark of the first stores: %+v, %t", again, ok)
	}
	x := someSession()
	if again, ok := decodeSessionState(append(x.append(nil), 1, 2, 3)); !ok || !reflect.DeepEqual(again, x) {
		t.Errorf("a session with fields of later: %+v, %t", again, ok)
	}
	old := someSession()
	old.kept, old.released = nil, spans{{300, 301}}
	first = old.append(nil)
	if again, ok := decodeSessionState(first[:len(first)-1]); !ok || !reflect.DeepEqual(again, old) { // without what is kept
		t.Errorf("a session of an older version: %+v, %t", again, ok)
	}
	j := someJourney()
	if again, ok := decodeJourney(j.append(nil)); !ok || !reflect.DeepEqual(again, j) {
		t.Errorf("%+v, %t", again, ok)
	}
}

// FuzzState gives anything to the decoders of checkpoint values: no panic, and what they take comes back as it is.
func FuzzState(f *testing.F) {
	j := someJourney()
	f.Add(someSession().append(nil))
	f.Add(j.append(nil))
	f.Add((&headState{journey: j}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, ok := decodeSessionState(b); ok {
			if again, ok := decodeSessionState(x.append(nil)); !ok || !reflect.DeepEqual(again, x) {
				t.Errorf("%+v comes back as %+v", x, again)
			}
		}
		if k, ok := decodeMark(7, b); ok {
			if again, ok := decodeMark(7, k.append(nil)); !ok || again != k {
				t.Errorf("%+v comes back as %+v", k, again)
			}
		}
		if j, ok := decodeJourney(b); ok {
			if again, ok := decodeJourney(j.append(nil)); !ok || !reflect.DeepEqual(again, j) {
				t.Errorf("%+v comes back as %+v", j, again)
			}
		}
		if st, ok := decodeState(b); ok {
			if again, ok := decodeState(st.append(nil)); !ok || !reflect.DeepEqual(again, st) {
				t.Errorf("%+v comes back as %+v", st, again)
			}
		}
		if _, _, m, ok := decodeRetained(b); ok {
			m.message()
		}
	})
}
