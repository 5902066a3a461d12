package modbus

import (
	"encoding/binary"

	"skerry/drivers/crc16"
)

func appendCRC(frame []byte) []byte {
	return binary.LittleEndian.AppendUint16(frame, crc16.Sum(crc16.Modbus, frame))
}

// intact tells whether a frame ends with its CRC.
func intact(frame []byte) bool {
	n := len(frame) - 2
	return binary.LittleEndian.Uint16(frame[n:]) == crc16.Sum(crc16.Modbus, frame[:n])
}
