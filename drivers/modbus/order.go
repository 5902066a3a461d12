package modbus

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"
)

// The functions that write ("MODBUS Application Protocol V1.1b3", 6.5, 6.6, 6.11, 6.12).
const (
	writeCoil      = 5
	writeRegister  = 6
	writeCoils     = 15
	writeRegisters = 16
)

// order has a device write one coil, or neighbouring holding registers. Its confirmation names the place, and of functions 5 and 6 the
// value as well. It is no proof: an adapter that hears itself confirms every order of these two, and a late confirmation of the other two
// may be that of an older order. Reading back is.
type order struct {
	unit     byte
	table    Table // Coil or Holding
	address  uint16
	data     []byte // a coil: one byte, 1 or 0; registers: as they go over the line
	multiple bool   // by the function for several, also where there is one
}

func (o order) function() byte {
	switch several := o.multiple || len(o.data) > 2; {
	case o.table == Coil && !several:
		return writeCoil
	case o.table == Coil:
		return writeCoils
	case !several:
		return writeRegister
	}
	return writeRegisters
}

// pdu is the request without device and checksum.
func (o order) pdu() []byte {
	b := binary.BigEndian.AppendUint16([]byte{o.function()}, o.address)
	switch o.function() {
	case writeCoil:
		return binary.BigEndian.AppendUint16(b, 0xFF00*uint16(o.data[0]))
	case writeRegister:
		return append(b, o.data...)
	}
	b = binary.BigEndian.AppendUint16(b, o.count())
	b = append(b, byte(len(o.data)))
	return append(b, o.data...)
}

// count is how many coils or registers are written.
func (o order) count() uint16 {
	if o.table == Coil {
		return 1
	}
	return uint16(len(o.data) / 2)
}

// confirmation is the reply of a device that has done it, without device and checksum.
func (o order) confirmation() []byte {
	p := o.pdu()
	return p[:5] // functions 5 and 6: all of it; else function, address and count
}

// refusal reads an exception.
func (o order) refusal(pdu []byte) (code byte, ok bool) {
	if len(pdu) == 2 && pdu[0] == o.function()|exceptionBit && pdu[1] != 0 {
		return pdu[1], true
	}
	return 0, false
}

// reply reads what came over TCP as the reply.
func (o order) reply(unit byte, pdu []byte) (reply, bool) {
	if unit != o.unit {
		return reply{}, false
	}
	code, refused := o.refusal(pdu)
	return reply{unit: unit, exception: code}, refused || bytes.Equal(pdu, o.confirmation())
}

// find looks for the reply in what came over a line, whatever stands around it.
func (o order) find(heard []byte) (reply, bool) {
	if bytes.Contains(heard, appendCRC(append([]byte{o.unit}, o.confirmation()...))) {
		return reply{unit: o.unit}, true
	}
	for i := 0; i+exceptionSize <= len(heard); i++ {
		frame := heard[i : i+exceptionSize]
		if code, ok := o.refusal(frame[1:3]); ok && frame[0] == o.unit && intact(frame) {
			return reply{unit: o.unit, exception: code}, true
		}
	}
	return reply{}, false
}

func (o order) err(p reply, err error) error {
	if err == nil && p.exception != 0 {
		return &exceptionError{code: p.exception, write: true}
	}
	return err
}

// write sends an order. No ledger has to know of it: its confirmation cannot be taken for a reply to a request that reads.
func (l *line) write(ctx context.Context, o order, t timing) error {
	defer func() { l.left = time.Now() }()
	if err := l.ready(ctx, t); err != nil {
		return err
	}
	l.opened, l.dirty = true, true
	if _, err := l.port.Write(appendCRC(append([]byte{o.unit}, o.pdu()...))); err != nil {
		return err
	}
	l.counts.Requests++
	p, err := l.listen(ctx, nil, t, func(begun func([]byte) bool) (reply, bool) {
		p, ok := o.find(l.heard)
		if !ok {
			l.strays(request{}, t, begun)
		}
		return p, ok
	})
	l.dirty = err != nil
	return o.err(p, err)
}

// write sends an order.
func (c *connection) write(ctx context.Context, o order, t timing) error {
	p, err := c.converse(ctx, o.unit, o.pdu(), t, o.reply)
	return o.err(p, err)
}
