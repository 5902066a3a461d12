package queue

import (
	"reflect"
	"testing"
)

// TestKeptAndFreed: a version that knows of nothing kept may have freed the segment of such a message. PUBREL is left of it then.
func TestKeptAndFreed(t *testing.T) {
	st := newSessionState(4, SessionOptions{})
	st.base, st.next, st.second = 3, 30, true
	st.kept = spans{{5, 7}, {20, 22}}
	st.marks = []mark{{segment: 2, lowest: 3, highest: 10}}
	x := newSession(newStore("", nil, Options{}.withDefaults()), st.number, true, st.o)
	x.kept, x.marks = st.kept, st.marks
	x.missKept()
	if want := (spans{{5, 7}}); !reflect.DeepEqual(x.kept, want) {
		t.Errorf("kept %v, want %v", x.kept, want)
	}
	if want := (spans{{20, 22}}); !reflect.DeepEqual(x.released, want) {
		t.Errorf("released %v, want %v", x.released, want)
	}
}

// TestSpansCut: a run is taken out, and found, wherever it lies.
func TestSpansCut(t *testing.T) {
	for _, test := range []struct {
		cut          span
		rest, within spans
	}{
		{span{1, 2}, spans{{3, 6}, {8, 10}}, nil},
		{span{3, 4}, spans{{4, 6}, {8, 10}}, spans{{3, 4}}},
		{span{4, 5}, spans{{3, 4}, {5, 6}, {8, 10}}, spans{{4, 5}}},
		{span{5, 9}, spans{{3, 5}, {9, 10}}, spans{{5, 6}, {8, 9}}},
		{span{6, 8}, spans{{3, 6}, {8, 10}}, nil},
		{span{0, 99}, nil, spans{{3, 6}, {8, 10}}},
	} {
		s := spans{{3, 6}, {8, 10}}
		within := s.within(test.cut)
		if s.cut(test.cut); !reflect.DeepEqual(s, test.rest) || !reflect.DeepEqual(within, test.within) || within.ordinals()+s.ordinals() != 5 {
			t.Errorf("%v: %v is left, %v is within", test.cut, s, within)
		}
	}
}
