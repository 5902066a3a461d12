package queue

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestExportHoldsAll: a field that is added to the state of a session or of the store goes through an export as well.
func TestExportHoldsAll(t *testing.T) {
	x := newSessionState(3, SessionOptions{PacketIDs: Range{100, 50}, Window: 7, RingMessages: 8, RingBytes: 9})
	x.next, x.base, x.second, x.hurt, x.doubt = 40, 20, true, true, true
	x.complete, x.released, x.sweeps = spans{{22, 23}, {25, 30}}, spans{{31, 32}}, spans{{33, 35}}
	x.kept = spans{{35, 37}}
	x.hold(9)
	x.hold(4)
	x.logged, x.acked = load{30, 3000}, load{20, 2000}
	for why := range x.drops {
		x.drops[why] = uint64(why + 1)
	}
	testsAll(t, *x, "marks") // made anew
	got, err := through[exportSession](t, exportSessionOf(x)).state()
	if err != nil || !bytes.Equal(got.append(nil), x.append(nil)) {
		t.Errorf("session\n%+v became\n%+v, %v", x, got, err)
	}
	j := journey{boot: 9, session: 8, order: 7, last: recEnd, damaged: true, runs: runs{
		{boot: 1, id: [16]byte{1, 2}, first: time.Second, last: time.Minute, moved: true, dates: dates{true, time.Hour, 2 * time.Hour}},
		{boot: 2},
	}}
	testsAll(t, j)
	testsAll(t, j.runs[0])
	k, err := through[exportStore](t, exportStoreOf(&j)).journey()
	k.last, k.damaged = j.last, j.damaged // said elsewhere
	if err != nil || !reflect.DeepEqual(j, k) {
		t.Errorf("store\n%+v became\n%+v, %v", j, k, err)
	}
}

func through[T any](t *testing.T, v *T) *T {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

// testsAll fails where a field is zero: the test does not know it.
func testsAll(t *testing.T, v any, but ...string) {
	t.Helper()
	r := reflect.ValueOf(v)
fields:
	for i := range r.NumField() {
		name := r.Type().Field(i).Name
		for _, b := range but {
			if b == name {
				continue fields
			}
		}
		if r.Field(i).IsZero() {
			t.Errorf("%T.%s is not tested", v, name)
		}
	}
}
