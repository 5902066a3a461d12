package uplink

import (
	"bytes"
	"testing"
)

// FuzzHeld: a record of a block that waits is refused, or gives what it is written of.
func FuzzHeld(f *testing.F) {
	f.Add((&heldBlock{receivedBlock: receivedBlock{topic: "a/pack/s", body: []byte("block")}, number: 300}).append(nil))
	f.Add([]byte{})
	f.Add([]byte{1, 9, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		number, one, ok := decodeHeld(b)
		if !ok {
			return
		}
		again := (&heldBlock{receivedBlock: one, number: number}).append(nil)
		if n, o, ok := decodeHeld(again); !ok || n != number || o.topic != one.topic || !bytes.Equal(o.body, one.body) {
			t.Errorf("%d %q %x became %d %q %x", number, one.topic, one.body, n, o.topic, o.body)
		}
	})
}
