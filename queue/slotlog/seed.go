package slotlog

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// The checksum of a block can be computed backwards, from its value to the seed it began with.

// topByte gives the index of the entry of the table with that top byte: there is one for each.
var topByte = sync.OnceValue(func() (index [256]byte) {
	for i, v := range castagnoli {
		index[v>>24] = byte(i)
	}
	return index
})

// uncrc is the checksum from which crc32.Update over b makes sum.
func uncrc(sum uint32, b []byte) uint32 {
	c, index := ^sum, topByte()
	for k := len(b) - 1; k >= 0; k-- {
		i := index[c>>24]
		c = (c^castagnoli[i])<<8 | uint32(i^b[k])
	}
	return ^c
}

// seedOf computes the seed of what looks like a block: rubbish has no numbers that small, and no zeros behind them.
func seedOf(b []byte) (seed uint32, ok bool) {
	le := binary.LittleEndian
	used, firstRec := int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	if used == 0 || blockHeader+used > len(b) || firstRec != noRecord && firstRec >= used {
		return 0, false
	}
	for at := 8; at < 48; at += 8 { // segment, chunk, durable, group, number
		const most = 1 << 40
		if le.Uint64(b[at:]) > most {
			return 0, false
		}
	}
	if le.Uint64(b[8:]) == 0 || le.Uint32(b[48:]) == 0 || len(bytes.TrimLeft(b[blockHeader+used:], "\x00")) > 0 {
		return 0, false
	}
	return uncrc(le.Uint32(b), b[4:blockHeader+used]), true
}

// uuidFor makes a new name for a log whose blocks have that seed.
func uuidFor(seed uint32) (u UUID) {
	const free = len(u) - 4
	_, _ = rand.Read(u[:free]) // never fails since Go 1.24
	// The last four bytes take the checksum of the others to the one that is wanted: backwards over zeros, then the
	// difference of the two as it enters the table.
	c := ^crc32.Checksum(u[:free], castagnoli)
	binary.LittleEndian.PutUint32(u[free:], c^^uncrc(seed, make([]byte, 4)))
	return u
}
