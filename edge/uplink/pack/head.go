package pack

import (
	"encoding/binary"
	"hash/crc32"
	"unicode/utf8"
)

// The first byte of a block: E for a block, and the version of its head.
const magic = 0xE1

// The second byte: the codec in its lower half, flags in its upper.
const (
	codecList  = 0
	codecShape = 1
	codecMask  = 0x0f

	flagSum     = 0x10
	flagRunning = 0x20 // reserved: the block goes on with what the coder learned in those before
	flagFloor   = 0x40
	flagsKnown  = flagSum | flagFloor
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the head as it is written.
type header struct {
	Head
	codec byte
	first uint64 // sequence of the first message
	count int

	damaged bool // read: its check sum is wrong
}

// check finds a head that cannot be written before a message with the sequence first.
func (h *Head) check(first uint64) error {
	if h.Floor > first {
		return unfit("its sequence is %d, and the floor of its stream %d", first, h.Floor)
	}
	if h.Stream == "" || len(h.Stream) > maxStream || !utf8.ValidString(h.Stream) {
		return unfit("the name of its stream has %d bytes (hint: 1 to %d, in UTF-8)", len(h.Stream), maxStream)
	}
	return nil
}

// seal appends a block.
func (h *header) seal(dst, body []byte) []byte {
	start := len(dst)
	second := h.codec
	if h.Sum {
		second |= flagSum
	}
	if h.Floor != 0 {
		second |= flagFloor
	}
	dst = append(dst, magic, second)
	dst = binary.BigEndian.AppendUint64(dst, h.Epoch)
	dst = append(dst, byte(len(h.Stream)))
	dst = append(dst, h.Stream...)
	dst = binary.AppendUvarint(dst, h.first)
	if h.Floor != 0 {
		dst = binary.AppendUvarint(dst, h.first-h.Floor)
	}
	dst = binary.AppendUvarint(dst, uint64(h.count))
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = append(dst, body...)
	if h.Sum {
		dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	}
	return dst
}

// size is how many bytes seal adds to a body.
func (h *header) size(count, body int) int {
	n := 2 + 8 + 1 + len(h.Stream) + uvarintLength(h.first) + uvarintLength(uint64(count)) + uvarintLength(uint64(body))
	if h.Sum {
		n += 4
	}
	if h.Floor != 0 {
		n += uvarintLength(h.first - h.Floor)
	}
	return n
}

func uvarintLength(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// open reads the head of a block at the start of b, and gives its body and what comes behind it.
func (h *header) open(b []byte) (body, rest []byte, err error) {
	r := reader{left: b}
	first, second := r.byte(), r.byte()
	switch {
	case r.short:
		return nil, nil, corrupt("%d bytes are no block", len(b))
	case first&0xf0 != magic&0xf0:
		return nil, nil, corrupt("it begins with 0x%02x (hint: a block begins with 0x%02x)", first, magic)
	case first != magic:
		return nil, nil, unsupported("version %d", first&0x0f)
	case second&flagRunning != 0:
		return nil, nil, unsupported("it goes on with the state of the blocks before it")
	case second&^codecMask&^flagsKnown != 0:
		return nil, nil, unsupported("flags 0x%02x", second&^codecMask&^flagsKnown)
	case second&codecMask > codecShape:
		return nil, nil, unsupported("codec %d", second&codecMask)
	}
	h.codec, h.Sum = second&codecMask, second&flagSum != 0
	h.Epoch = r.uint64()
	h.Stream = string(r.bytes(uint64(r.byte())))
	h.first = r.uvarint()
	var above uint64
	if second&flagFloor != 0 {
		above = r.uvarint()
		h.Floor = h.first - above
	}
	count := r.uvarint()
	body = r.bytes(r.uvarint())
	summed := b[:len(b)-len(r.left)]
	var sum uint32
	if h.Sum {
		sum = r.uint32()
	}
	switch {
	case r.short:
		return nil, nil, corrupt("it is cut off, or its head is wrong")
	case h.Stream == "" || !utf8.ValidString(h.Stream):
		return nil, nil, corrupt("its stream has no name, or one that is not UTF-8")
	case second&flagFloor != 0 && above >= h.first:
		return nil, nil, corrupt("its floor is no sequence from 1 to that of its first message")
	case count == 0:
		return nil, nil, corrupt("it has no messages")
	case count > MaxMessages:
		return nil, nil, corrupt("it claims %d messages (hint: a block has at most %d)", count, MaxMessages)
	}
	h.count = int(count)
	h.damaged = h.Sum && sum != crc32.Checksum(summed, castagnoli)
	return body, r.left, nil
}

// A reader takes fields off the front of a block. One that is not there is zero, and leaves short set.
type reader struct {
	left  []byte
	short bool
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.left)) {
		r.short, r.left = true, nil
		return nil
	}
	b := r.left[:n:n]
	r.left = r.left[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// uvarint reads a number in groups of seven bits, the lowest first; the highest bit of a byte says that another follows.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.left)
	if n <= 0 {
		r.short, r.left = true, nil
		return 0
	}
	r.left = r.left[n:]
	return v
}
