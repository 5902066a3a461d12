package slotlog

import (
	"crypto/rand"
	"hash/crc32"
	"testing"
)

func TestSeedFromChecksum(t *testing.T) {
	for n := range 100 {
		b := make([]byte, n)
		_, _ = rand.Read(b)
		seed := uint32(n) * 0x9e3779b9
		if got := uncrc(crc32.Update(seed, castagnoli, b), b); got != seed {
			t.Fatalf("%d bytes: %x, want %x", n, got, seed)
		}
		if u := uuidFor(seed); u.seed() != seed {
			t.Fatalf("name %x has seed %x, want %x", u, u.seed(), seed)
		}
	}
	b := make([]byte, 1024)
	(&block{segment: 1, boot: 1, payload: []byte("x")}).put(b, testUUID.seed())
	if seed, ok := seedOf(b); !ok || seed != testUUID.seed() {
		t.Errorf("seed %x of %x, %t", seed, testUUID.seed(), ok)
	}
	for n := range 1000 { // the rest of a sector that was under the needle
		rubbish := make([]byte, 1024)
		_, _ = rand.Read(rubbish[:512])
		rubbish[4], rubbish[5] = byte(n), 2+byte(n)%2
		if _, ok := seedOf(rubbish); ok {
			t.Fatal("rubbish is taken for a block")
		}
	}
}
