package modbustest

import "encoding/binary"

// write does what a request of function 5, 6, 15 or 16 wants; false: it is none. What is not in the maps cannot be written.
func (d *Device) write(pdu []byte) (answer []byte, ok bool) {
	function := pdu[0]
	switch {
	case function != 5 && function != 6 && function != 15 && function != 16:
		return nil, false
	case d.Lacks[function]:
		return []byte{function | 0x80, 1}, true
	case len(pdu) < 5 || function > 6 && (len(pdu) < 7 || len(pdu) != 6+int(pdu[5])):
		return []byte{function | 0x80, 3}, true
	}
	address, count, data := binary.BigEndian.Uint16(pdu[1:]), uint16(1), pdu[3:]
	if function > 6 {
		count, data = binary.BigEndian.Uint16(pdu[3:]), pdu[6:]
	}
	if d.Refuse != nil {
		if e := d.Refuse(function, address, count); e != 0 {
			return []byte{function | 0x80, e}, true
		}
	}
	if !d.set(function, address, count, data) {
		return []byte{function | 0x80, 2}, true
	}
	if !d.Deaf {
		d.Writes++
	}
	return pdu[:5:5], true
}

// set changes the tables, unless one of the places is missing.
func (d *Device) set(function byte, address, count uint16, data []byte) bool {
	for i := range count {
		_, coil := d.Coils[address+i]
		_, register := d.Holding[address+i]
		if coils := function == 5 || function == 15; coils && !coil || !coils && (!register || len(data) < 2*int(i)+2) {
			return false
		}
	}
	if d.Deaf {
		return true
	}
	for i := range count {
		switch function {
		case 5:
			d.Coils[address] = data[0] == 0xFF
		case 15:
			d.Coils[address+i] = data[i/8]>>(i%8)&1 == 1
		default:
			d.Holding[address+i] = binary.BigEndian.Uint16(data[2*i:])
		}
	}
	return true
}
