package topic

import "testing"

// TestDictWithEqualHashes is inside the package because no two keys with the same 64-bit hash can be made from outside.
func TestDictWithEqualHashes(t *testing.T) {
	for _, hashes := range [][3]uint64{{7, 7, 7}, {7, 7, 7 | 1<<63}, {7, 7 | 1<<60, 7}} {
		var d dict[int]
		for i, key := range []string{"a", "b", "c"} {
			d = dict[int]{root: d.root.with(0, &leaf[int]{hash: hashes[i], key: key, value: i})}
		}
		d = dict[int]{root: d.root.with(0, &leaf[int]{hash: hashes[1], key: "b", value: 10})}
		all := d
		expect(t, all, hashes, 0, 10, 2)
		d = dict[int]{root: d.root.without(0, hashes[0], "a")}
		expect(t, d, hashes, -1, 10, 2)
		d = dict[int]{root: d.root.without(0, hashes[2], "c")}
		expect(t, d, hashes, -1, 10, -1)
		d = dict[int]{root: d.root.without(0, hashes[1], "b")}
		if !d.empty() {
			t.Errorf("%v: not empty", hashes)
		}
		expect(t, all, hashes, 0, 10, 2)
	}
}

// expect looks for a, b, c by their made-up hashes; -1 means absent.
func expect(t *testing.T, d dict[int], hashes [3]uint64, want ...int) {
	t.Helper()
	for i, key := range []string{"a", "b", "c"} {
		got := -1
		if d.root != nil {
			if v, ok := d.root.lookUp(hashes[i], key); ok {
				got = v
			}
		}
		if got != want[i] {
			t.Errorf("%v: %s = %d, want %d", hashes, key, got, want[i])
		}
	}
}
