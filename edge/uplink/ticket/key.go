package ticket

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
)

// Key is what facts are encrypted with. It is derived from the identity of a board: a serial number, which is not on the card. Such a number is no
// secret to who has the board or can log in on it, and one of a Raspberry Pi has only 32 bits that differ, which who has a fact can try
// in an hour or two. So it keeps a ticket from who finds a copy of a card and does not look for it, and from another board, and from nobody else.
type Key struct{ identity []byte }

// saltSize and nonceSize are those of a fact, in bytes.
const (
	saltSize  = 32
	nonceSize = 12
)

// NewKey takes the identity of the board; an empty one gives nil.
func NewKey(identity []byte) *Key {
	if len(identity) == 0 {
		return nil
	}
	return &Key{identity}
}

// aead gives the cipher for a salt.
func (k *Key) aead(salt []byte) (cipher.AEAD, error) {
	secret, err := hkdf.Key(sha256.New, k.identity, salt, "skerry session ticket", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
