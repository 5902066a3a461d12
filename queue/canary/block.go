package canary

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"

	"skerry/queue/vfs"
)

const (
	magic     = "SKCANARY"
	blockSize = 4096
	checkedTo = blockSize - 4
	header    = 40 // what stands before the filling
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// id names a round: nothing of an earlier one is taken for a canary of this one.
type id [16]byte

// canary is what a block says: where it is, and the number of its writing. 0: it was laid down before the first step.
type canary struct{ place, number uint64 }

// block makes the content of a canary.
func (c canary) block(round id, size int) []byte {
	b := append(make([]byte, 0, size), magic...)
	b = append(b, round[:]...)
	b = binary.LittleEndian.AppendUint64(b, c.place)
	b = binary.LittleEndian.AppendUint64(b, c.number)
	filling := rand.NewPCG(binary.LittleEndian.Uint64(round[:])^c.place, c.number)
	for len(b) < size-4 {
		b = binary.LittleEndian.AppendUint64(b, filling.Uint64())
	}
	b = b[:size-4]
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// read tells which canary a block is, if it is whole.
func read(b []byte, round id) (c canary, ok bool) {
	if len(b) < header || string(b[:8]) != magic || id(b[8:24]) != round {
		return c, false
	}
	c = canary{binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint64(b[32:])}
	return c, bytes.Equal(b, c.block(round, len(b)))
}

// mixed tells whether each sector of a block belongs to one of two canaries: then it is torn between them, and not rubbish.
func mixed(b []byte, round id, one, other canary) bool {
	x, y := one.block(round, len(b)), other.block(round, len(b))
	for at := 0; at < len(b); at += vfs.Sector {
		sector := b[at:min(at+vfs.Sector, len(b))]
		if !bytes.Equal(sector, x[at:at+len(sector)]) && !bytes.Equal(sector, y[at:at+len(sector)]) {
			return false
		}
	}
	return true
}
