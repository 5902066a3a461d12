package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// headSize is the part of a payload that says which message it is: publisher, number, size.
const headSize = 12

// payload makes the content of a message. It follows from its name, so that whoever receives it can check every byte.
func payload(from, seq, size int) []byte {
	b := make([]byte, max(size, headSize))
	binary.LittleEndian.PutUint32(b, uint32(from))
	binary.LittleEndian.PutUint32(b[4:], uint32(seq))
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	fill := rand.NewPCG(uint64(from), uint64(seq))
	rest := b[headSize:]
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.LittleEndian.PutUint64(rest, fill.Uint64())
	}
	return b
}

// read gives the name of a message, and an error if it is not what was published.
func read(b []byte) (from, seq int, err error) {
	if len(b) < headSize {
		return 0, 0, broken("a message of %d bytes was delivered that nobody published", len(b))
	}
	from, seq = int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	if !bytes.Equal(b, payload(from, seq, len(b))) {
		return 0, 0, broken("message %d of publisher %d was delivered with another content", seq, from)
	}
	return from, seq, nil
}

// brokenPromise is an error that is no matter of a lost connection.
type brokenPromise struct{ text string }

func (e *brokenPromise) Error() string { return e.text }

func broken(format string, args ...any) error { return &brokenPromise{fmt.Sprintf(format, args...)} }
