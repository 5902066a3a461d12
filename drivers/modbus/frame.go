package modbus

import (
	"encoding/binary"
	"fmt"
)

// request asks one device for neighbouring entries of one table.
type request struct {
	unit    byte
	table   Table
	address uint16
	count   uint16
}

func (r request) String() string {
	return fmt.Sprintf("unit %d, %v, %d of them", r.unit, r.table.place(r.address), r.count)
}

// bytes is how many bytes of data the reply has.
func (r request) bytes() int { return r.table.bytes(r.count) }

// shape is all that a reply on a serial line tells of the request that it answers.
type shape struct {
	table Table
	bytes int
}

func (r request) shape() shape { return shape{r.table, r.bytes()} }

// appendPDU writes function, address and count.
func (r request) appendPDU(dst []byte) []byte {
	dst = append(dst, byte(r.table))
	dst = binary.BigEndian.AppendUint16(dst, r.address)
	return binary.BigEndian.AppendUint16(dst, r.count)
}

// frame is the request as it goes over a serial line.
func (r request) frame(dst []byte) []byte {
	return appendCRC(r.appendPDU(append(dst, r.unit)))
}

const (
	exceptionBit  = 0x80
	exceptionSize = 5   // unit, function, code, CRC
	replyOverhead = 5   // unit, function, count, CRC
	maxFrame      = 256 // "MODBUS over Serial Line V1.02", 2.3
)

// reply is a frame that a device sent: the data of a table, or an exception.
type reply struct {
	unit      byte
	table     Table
	exception byte // 0: none
	data      []byte
}

// answers tells whether the reply can be one to the request. On a serial line that is all there is to tell.
func (p reply) answers(r request) bool {
	return p.unit == r.unit && p.table == r.table && (p.exception != 0 || len(p.data) == r.bytes())
}

// find looks for the first whole reply in what came over a line, whatever stands before it: garbage, or a frame that was torn. The
// reply is in b. n is where it ends; 0: there is none yet. What is behind a place where begun says that a reply is under way is not looked
// at: it may be data. Nil: none is.
func find(b []byte, begun func(b []byte) bool) (p reply, n int) {
	for i := range b {
		if p, n := parse(b[i:]); n > 0 {
			return p, i + n
		}
		if begun != nil && begun(b[i:]) {
			break
		}
	}
	return reply{}, 0
}

// parse reads a reply at the beginning of b. n is its length; 0: there is none.
func parse(b []byte) (p reply, n int) {
	if len(b) < exceptionSize {
		return reply{}, 0
	}
	p = reply{unit: b[0], table: Table(b[1] &^ exceptionBit)}
	if p.table < Coil || p.table > Input {
		return reply{}, 0
	}
	if b[1]&exceptionBit != 0 {
		p.exception, n = b[2], exceptionSize
	} else {
		n = replyOverhead + int(b[2])
	}
	if n > len(b) || n > maxFrame || !intact(b[:n]) {
		return reply{}, 0
	}
	if p.exception == 0 {
		p.data = b[3 : n-2]
	}
	if len(p.data) == 0 && p.exception == 0 {
		return reply{}, 0 // neither data nor a reason
	}
	return p, n
}
