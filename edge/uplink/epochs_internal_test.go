package uplink

import (
	"bytes"
	"testing"
)

func TestEpochs(t *testing.T) {
	var e epochs
	e = e.begin(1, 100, true)
	e = e.begin(50, 101, false)
	e = e.begin(50, 102, false) // nothing of the run before is on the disk
	e = e.begin(80, 103, false)
	for ordinal, want := range map[uint64]uint64{1: 100, 49: 100, 50: 102, 79: 102, 80: 103, 1 << 40: 103} {
		if got := e.of(ordinal).id; got != want {
			t.Errorf("message %d is of epoch %d, want %d", ordinal, got, want)
		}
	}
	if again, err := parseEpochs(e.append(nil)); err != nil || len(again) != 3 || again.of(60) != e.of(60) {
		t.Errorf("read again: %v %v", again, err)
	}
	marked, err := parseEpochs(append(epochs{single}, e...).append(nil))
	if rest, is := marked.takeSingle(); err != nil || !is || !bytes.Equal(rest.append(nil), e.append(nil)) {
		t.Errorf("with the mark: %v %v", marked, err)
	}
	if _, is := e.takeSingle(); is {
		t.Error("a mark without one")
	}
	if e = e.begin(90, 104, true); len(e) != 1 || e.of(5).id != 104 {
		t.Errorf("%v when nothing waits", e)
	}
	for i := range uint64(2 * mostEpochs) {
		e = e.begin(100+i, i, false)
	}
	if len(e) != mostEpochs || e.of(1<<40).id != 2*mostEpochs-1 {
		t.Errorf("%d epochs, the last is %d", len(e), e.of(1<<40).id)
	}
	if oldest := e.of(1); oldest.first > 1 {
		t.Errorf("message 1 is of an epoch that begins with %d", oldest.first)
	}
}

// FuzzEpochs: what a fact says is read back as it is written, or refused.
func FuzzEpochs(f *testing.F) {
	f.Add(epochs{{1, 2}, {3, 4}}.append(nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEpochs(b)
		if err != nil {
			return
		}
		again, err := parseEpochs(e.append(nil))
		if err != nil || !bytes.Equal(again.append(nil), e.append(nil)) {
			t.Errorf("%x: %v %v", b, again, err)
		}
		if len(e) > 0 {
			e.of(e[0].first)
			e.of(0)
		}
	})
}
