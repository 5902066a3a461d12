package modbustest

import (
	"encoding/binary"
	"io"
)

// ServeTCP answers the messages of one connection until it ends. spoil may change each reply, nil: leave it out; nil: none is changed.
func (s *Slave) ServeTCP(conn io.ReadWriter, spoil func(message []byte) [][]byte) error {
	for {
		var head [7]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		pdu := make([]byte, max(0, int(binary.BigEndian.Uint16(head[4:]))-1))
		if _, err := io.ReadFull(conn, pdu); err != nil {
			return err
		}
		answer := s.Answer(head[6], pdu)
		if answer == nil {
			answer = []byte{pdu[0] | 0x80, 11}
		}
		binary.BigEndian.PutUint16(head[4:], uint16(len(answer)+1))
		messages := [][]byte{append(head[:], answer...)}
		if spoil != nil {
			messages = spoil(messages[0])
		}
		for _, m := range messages {
			if _, err := conn.Write(m); err != nil {
				return err
			}
		}
	}
}
