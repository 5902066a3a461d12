package pack

import (
	"encoding/binary"
	"fmt"
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

	flagSum    = 0x10
	flagPrimed = 0x20 // the block goes on where an earlier one ended, its primer
	flagFloor  = 0x40
	flagKeep   = 0x80 // the block is a primer
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the head as it is written.
type header struct {
	Head
	codec  byte
	first  uint64 // sequence of the first message; read of a primed block: how far it is above that of the primer
	count  int
	primer *Primer // to write a primed block

	// read
	primed  bool
	floored bool
	above   uint64 // how far the floor is below first
	sum     uint32
	damaged bool // it is wrong
}

// room is how much a block may hold.
func (h *Head) room() (messages, bytes int) {
	if h.Keep {
		return MaxPrimerMessages, MaxPrimerBytes
	}
	return MaxMessages, MaxBytes
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
	dst = append(dst, magic, h.codec|h.flags())
	if h.primer != nil {
		dst = binary.BigEndian.AppendUint32(dst, h.primer.id)
		dst = binary.AppendUvarint(dst, h.first-h.primer.first)
	} else {
		dst = binary.BigEndian.AppendUint64(dst, h.Epoch)
		dst = append(dst, byte(len(h.Stream)))
		dst = append(dst, h.Stream...)
		dst = binary.AppendUvarint(dst, h.first)
	}
	if h.Floor != 0 {
		dst = binary.AppendUvarint(dst, h.first-h.Floor)
	}
	dst = binary.AppendUvarint(dst, uint64(h.count))
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = append(dst, body...)
	if h.flags()&flagSum != 0 {
		dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	}
	return dst
}

// flags are those that seal writes. A primer has a check sum: it is named by it.
func (h *header) flags() (f byte) {
	if h.Sum || h.Keep {
		f |= flagSum
	}
	if h.Floor != 0 {
		f |= flagFloor
	}
	if h.Keep {
		f |= flagKeep
	}
	if h.primer != nil {
		f |= flagPrimed
	}
	return f
}

// size is how many bytes seal adds to a body.
func (h *header) size(count, body int) int {
	n := 2 + uvarintLength(uint64(count)) + uvarintLength(uint64(body))
	if h.primer != nil {
		n += 4 + uvarintLength(h.first-h.primer.first)
	} else {
		n += 8 + 1 + len(h.Stream) + uvarintLength(h.first)
	}
	if h.flags()&flagSum != 0 {
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

// open reads the head of a block at the start of b, and gives its body and what comes behind it. Of a primed block it knows no epoch, stream and
// sequence: see resolve.
func (h *header) open(b []byte) (body, rest []byte, err error) {
	r := reader{left: b}
	first, second := r.byte(), r.byte()
	if err := kindOfBlock(first, second, len(b)); err != nil {
		return nil, nil, err
	}
	h.codec, h.primed = second&codecMask, second&flagPrimed != 0
	h.Sum, h.Keep = second&flagSum != 0, second&flagKeep != 0
	if h.primed {
		h.Primer = r.uint32()
	} else {
		h.Epoch = r.uint64()
		h.Stream = string(r.bytes(uint64(r.byte())))
	}
	h.first = r.uvarint()
	if h.floored = second&flagFloor != 0; h.floored {
		h.above = r.uvarint()
	}
	count := r.uvarint()
	body = r.bytes(r.uvarint())
	summed := b[:len(b)-len(r.left)]
	if h.Sum {
		h.sum = r.uint32()
	}
	switch {
	case r.short:
		return nil, nil, corrupt("it is cut off, or its head is wrong")
	case !h.primed && (h.Stream == "" || !utf8.ValidString(h.Stream)):
		return nil, nil, corrupt("its stream has no name, or one that is not UTF-8")
	case count == 0:
		return nil, nil, corrupt("it has no messages")
	case count > MaxMessages:
		return nil, nil, corrupt("it claims %d messages (hint: a block has at most %d)", count, MaxMessages)
	}
	if !h.primed {
		if err := h.lower(); err != nil {
			return nil, nil, err
		}
	}
	h.count = int(count)
	h.damaged = h.Sum && h.sum != crc32.Checksum(summed, castagnoli)
	return body, r.left, nil
}

// kindOfBlock finds a block that cannot be read by its first two bytes.
func kindOfBlock(first, second byte, length int) error {
	switch {
	case length < 2:
		return corrupt("%d bytes are no block", length)
	case first&0xf0 != magic&0xf0:
		return corrupt("it begins with 0x%02x (hint: a block begins with 0x%02x)", first, magic)
	case first != magic:
		return unsupported("version %d", first&0x0f)
	case second&codecMask > codecShape:
		return unsupported("codec %d", second&codecMask)
	case second&(flagPrimed|flagKeep) != 0 && second&codecMask != codecShape:
		return corrupt("a list is no primer, and has none")
	case second&flagPrimed != 0 && second&flagKeep != 0:
		return corrupt("it is a primer, and has one itself")
	case second&flagKeep != 0 && second&flagSum == 0:
		return corrupt("it is a primer without a check sum")
	}
	return nil
}

// lower finds the floor.
func (h *header) lower() error {
	if !h.floored {
		return nil
	}
	if h.above >= h.first {
		return corrupt("its floor is no sequence from 1 to that of its first message")
	}
	h.Floor = h.first - h.above
	return nil
}

// whole reads the head of a block that nothing follows, and finds what is wrong with it.
func (h *header) whole(b []byte) (body []byte, err error) {
	body, rest, err := h.open(b)
	switch {
	case err != nil:
		return nil, err
	case h.damaged:
		return nil, corrupt("its check sum is wrong")
	case len(rest) > 0:
		return nil, corrupt("%d bytes follow it", len(rest))
	}
	return body, nil
}

// resolve fills in what the head of a primed block leaves to its primer.
func (h *header) resolve(primer func(id uint32) *Primer) error {
	if !h.primed {
		return nil
	}
	if primer != nil {
		h.primer = primer(h.Primer)
	}
	if h.primer == nil || h.primer.id != h.Primer {
		return fmt.Errorf("%w: %08x", ErrNoPrimer, h.Primer)
	}
	h.Epoch, h.Stream = h.primer.head.Epoch, h.primer.head.Stream
	if h.first == 0 || h.first+h.primer.first < h.first {
		return corrupt("its sequences are not above that of its primer")
	}
	h.first += h.primer.first
	return h.lower()
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
