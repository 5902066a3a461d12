package ticket

import (
	"crypto/sha256"
	"testing"
)

// FuzzDecode: whatever stands in a fact, be it encrypted with the right key, nothing panics.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{}, true)
	f.Add(make([]byte, 60), false)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255}, true)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x', 3, 4}, true)
	k := NewKey([]byte("board"))
	f.Fuzz(func(t *testing.T, data []byte, decrypted bool) {
		if decrypted {
			if cs, _, err := decode(data); err == nil && cs == nil {
				t.Error("neither a ticket nor an error")
			}
			return
		}
		if _, _, err := k.unseal(data, [sha256.Size]byte{}); err == nil {
			t.Error("something was decrypted")
		}
	})
}
