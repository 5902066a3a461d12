package slotlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	magic = "SKERRYQ\x00"
	major = 1
	minor = 0

	sector      = 512
	crcAt       = sector - 4
	blockHeader = 56
	noRecord    = 0xffff // firstRec of a block in which no record starts
)

// Bits of incompat.
const (
	resumable     = 1 << 0 // the segment may hold markers, and its blocks carry its life
	knownIncompat = resumable
)

// Flags of a header.
const (
	prevFailed  = 1 << 0 // writing to the slot of the segment before failed: it must not be used again
	prevUnknown = 1 << 1 // prevChunk and prevUsed say nothing
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// UUID names a store. It seeds the checksum of each block: a block of another store, or of an older life of the
// card, is never valid.
type UUID [16]byte

// header is what the first two sectors of a slot both say.
type header struct {
	major, minor       uint8
	incompat, rocompat uint32 // a reader that knows not all bits of incompat must not read; of rocompat, must not write
	blockSize          uint32
	slotSize           uint64
	uuid               UUID
	segment            uint64
	generation         uint32 // of the copies of a segment, the highest counts
	boot               uint32
	firstChunk         uint64
	firstSeq           uint64
	prevChunk          uint64 // where the segment before ends: last chunk ...
	prevUsed           uint32 // ... and the bytes used of it
	life               uint16 // drawn when the segment begins; its blocks repeat it, those of a slot's past do not
	flags              uint16
	wall               int64  // Unix milliseconds; for people
	lowest             uint64 // segments below were free when this was written; 0: not said
}

func (h *header) append(dst []byte) []byte {
	le := binary.LittleEndian
	at := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, h.major, h.minor, 0, 0)
	dst = le.AppendUint32(dst, h.incompat)
	dst = le.AppendUint32(dst, h.rocompat)
	dst = le.AppendUint32(dst, h.blockSize)
	dst = le.AppendUint64(dst, h.slotSize)
	dst = append(dst, h.uuid[:]...)
	dst = le.AppendUint64(dst, h.segment)
	dst = le.AppendUint32(dst, h.generation)
	dst = le.AppendUint32(dst, h.boot)
	dst = le.AppendUint64(dst, h.firstChunk)
	dst = le.AppendUint64(dst, h.firstSeq)
	dst = le.AppendUint64(dst, h.prevChunk)
	dst = le.AppendUint32(dst, h.prevUsed)
	dst = le.AppendUint16(dst, h.life)
	dst = le.AppendUint16(dst, h.flags)
	dst = le.AppendUint64(dst, uint64(h.wall))
	dst = le.AppendUint64(dst, h.lowest)
	dst = append(dst, make([]byte, at+crcAt-len(dst))...)
	return le.AppendUint32(dst, crc32.Checksum(dst[at:at+crcAt], castagnoli))
}

// decodeHeader reads one sector. Every format to come keeps the magic, the version at byte 8, the two sets of bits
// and the checksum at the end of the sector where they are, so that this code knows a newer one when it sees it.
func decodeHeader(b []byte) (h header, ok bool) {
	le := binary.LittleEndian
	if len(b) < sector || string(b[:8]) != magic || le.Uint32(b[crcAt:]) != crc32.Checksum(b[:crcAt], castagnoli) {
		return h, false
	}
	h = header{
		major: b[8], minor: b[9],
		incompat: le.Uint32(b[12:]), rocompat: le.Uint32(b[16:]),
		blockSize: le.Uint32(b[20:]), slotSize: le.Uint64(b[24:]),
		uuid:    UUID(b[32:48]),
		segment: le.Uint64(b[48:]), generation: le.Uint32(b[56:]), boot: le.Uint32(b[60:]),
		firstChunk: le.Uint64(b[64:]), firstSeq: le.Uint64(b[72:]),
		prevChunk: le.Uint64(b[80:]), prevUsed: le.Uint32(b[88:]),
		life: le.Uint16(b[92:]), flags: le.Uint16(b[94:]),
		wall: int64(le.Uint64(b[96:])), lowest: le.Uint64(b[104:]),
	}
	return h, true
}

// newer tells whether this code must not touch the slot.
func (h *header) newer() bool {
	return h.major != major || h.incompat&^knownIncompat != 0 || h.rocompat != 0
}

// unknown says what of a newer slot is not known here.
func (h *header) unknown() string {
	text := fmt.Sprintf("format %d.%d", h.major, h.minor)
	if in, ro := h.incompat&^knownIncompat, h.rocompat; h.major == major {
		text += fmt.Sprintf(" with features that are not known here (incompat %#x, rocompat %#x)", in, ro)
	}
	return text
}

// block is a chunk as it lies in a slot; or, with chunk 0, a marker: a boot begins here, and the log before it ends
// at the durable mark.
type block struct {
	firstRec    uint16 // offset of the first record that starts in the payload, or noRecord
	segment     uint64
	chunk       uint64
	durable     uint64 // the highest chunk that held durable records before the group of this block was written ...
	durableUsed uint16 // ... and how many bytes of it
	group       uint64 // number of the first record of the group
	seq         uint64 // number of the first record that starts in this block or after it
	boot        uint32
	life        uint16 // of the segment
	payload     []byte
}

// put writes the block into dst, which is a whole block.
func (b *block) put(dst []byte, seed uint32) {
	le := binary.LittleEndian
	used := copy(dst[blockHeader:], b.payload)
	clear(dst[blockHeader+used:])
	le.PutUint16(dst[4:], uint16(used))
	le.PutUint16(dst[6:], b.firstRec)
	le.PutUint64(dst[8:], b.segment)
	le.PutUint64(dst[16:], b.chunk)
	le.PutUint64(dst[24:], b.durable)
	le.PutUint64(dst[32:], b.group)
	le.PutUint64(dst[40:], b.seq)
	le.PutUint32(dst[48:], b.boot)
	le.PutUint16(dst[52:], b.durableUsed)
	le.PutUint16(dst[54:], b.life)
	le.PutUint32(dst, crc32.Update(seed, castagnoli, dst[4:blockHeader+used]))
}

// decodeBlock reads a block; its payload aliases b.
func decodeBlock(b []byte, seed uint32) (x block, ok bool) {
	le := binary.LittleEndian
	if len(b) < blockHeader {
		return x, false
	}
	used := int(le.Uint16(b[4:]))
	if used == 0 || blockHeader+used > len(b) {
		return x, false
	}
	if le.Uint32(b) != crc32.Update(seed, castagnoli, b[4:blockHeader+used]) {
		return x, false
	}
	x = block{
		firstRec: le.Uint16(b[6:]),
		segment:  le.Uint64(b[8:]), chunk: le.Uint64(b[16:]), durable: le.Uint64(b[24:]),
		group: le.Uint64(b[32:]), seq: le.Uint64(b[40:]), boot: le.Uint32(b[48:]),
		durableUsed: le.Uint16(b[52:]), life: le.Uint16(b[54:]),
		payload: b[blockHeader : blockHeader+used],
	}
	return x, x.firstRec == noRecord || int(x.firstRec) < used
}

// marker is the block with which a boot resumes a segment whose records end at end.
func marker(s *segment, boot uint32, end Position, seq uint64) block {
	return block{
		firstRec: noRecord, segment: s.number, durable: end.Chunk, durableUsed: uint16(end.Offset),
		group: seq, seq: seq, boot: boot, life: s.life, payload: []byte{markerResume},
	}
}

const markerResume = 1 // the payload of a marker; others may come

func (u UUID) seed() uint32 { return crc32.Checksum(u[:], castagnoli) }
