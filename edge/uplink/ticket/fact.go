package ticket

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A fact is
//
//	version 1 byte | salt 32 | nonce 12 | AES-256-GCM of: seconds since 1970 of writing 8 | length of the ticket 4 | ticket | state
//
// with the version and the binding's sum as what is authenticated beside it. Numbers are big endian. The state is tls.SessionState.Bytes.
const factVersion = 1

// mostFact bounds a fact, in bytes: chains of certificates that are longer are not stored.
const mostFact = 32 << 10

var errTooLong = errors.New("the chain of the server is too long to be stored")

// seal encrypts what is to be stored.
func (k *Key) seal(cs *tls.ClientSessionState, binding [sha256.Size]byte, now time.Time) ([]byte, error) {
	ticket, state, err := cs.ResumptionState()
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, errors.New("no state of the session")
	}
	encoded, err := state.Bytes()
	if err != nil {
		return nil, err
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(ticket)))
	plain = append(append(plain, ticket...), encoded...)
	if len(plain) > mostFact {
		return nil, errTooLong
	}
	head := make([]byte, 1+saltSize+nonceSize)
	head[0] = factVersion
	rand.Read(head[1:]) // it never fails
	aead, err := k.aead(head[1 : 1+saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Seal(head, head[1+saltSize:], plain, associated(binding)), nil
}

func associated(binding [sha256.Size]byte) []byte { return append([]byte{factVersion}, binding[:]...) }

// unseal reads what seal has written.
func (k *Key) unseal(fact []byte, binding [sha256.Size]byte) (cs *tls.ClientSessionState, at time.Time, err error) {
	if len(fact) < 1+saltSize+nonceSize || len(fact) > 2*mostFact || fact[0] != factVersion {
		return nil, at, errors.New("not a fact of this version")
	}
	aead, err := k.aead(fact[1 : 1+saltSize])
	if err != nil {
		return nil, at, err
	}
	plain, err := aead.Open(nil, fact[1+saltSize:1+saltSize+nonceSize], fact[1+saltSize+nonceSize:], associated(binding))
	if err != nil {
		return nil, at, errors.New("written for another server, other certificates or another board, or damaged")
	}
	return decode(plain)
}

// decode reads what was encrypted.
func decode(plain []byte) (cs *tls.ClientSessionState, at time.Time, err error) {
	if len(plain) < 12 {
		return nil, at, errors.New("cut off")
	}
	at = time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	n, rest := binary.BigEndian.Uint32(plain[8:]), plain[12:]
	if uint64(n) > uint64(len(rest)) {
		return nil, at, errors.New("cut off")
	}
	state, err := tls.ParseSessionState(rest[n:])
	if err != nil {
		return nil, at, fmt.Errorf("the state: %w", err)
	}
	cs, err = tls.NewResumptionState(rest[:n], state)
	return cs, at, err
}
