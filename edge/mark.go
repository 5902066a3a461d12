package edge

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"skerry/broker"
)

// markKey is the fact from which the mark of this gateway is made.
const markKey = "mark"

// mark is a short name of this gateway that no other one has, by which messages are known that others bring back (broker.Via). It is made of what was
// drawn once for the store, so that two stations of one id are two, and of the id, so that those from one image of a card are.
func mark(b *broker.Broker, id string) (string, error) {
	drawn, ok := b.Fact(markKey)
	if !ok {
		drawn = make([]byte, 16)
		_, _ = rand.Read(drawn) // it never fails
		if _, err := b.PutFact(markKey, drawn); err != nil {
			return "", fmt.Errorf("store the mark of this station: %w", err)
		}
	}
	sum := sha256.Sum256(append([]byte(id+"\x00"), drawn...))
	return base32.StdEncoding.EncodeToString(sum[:5]), nil
}
