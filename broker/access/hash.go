package access

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// MaxPassword is the longest password in bytes that bcrypt looks at. A longer one is refused when it is set, and
// never matches a hash by bcrypt: its tail would not count.
const MaxPassword = 72

// Dearer hashes are refused when the file is read: one login would keep a small board busy for many seconds.
const (
	maxBcryptCost = 14
	maxIterations = 1_000_000
)

// algorithm is a way to make a hash of a password.
type algorithm uint8

const (
	byBcrypt algorithm = iota
	byPBKDF2           // mosquitto's $7$: PBKDF2 with HMAC-SHA-512
	bySHA512           // mosquitto's $6$ (to 1.6): SHA-512 of the password and the salt
)

// kind is what decides how long computing a hash takes.
type kind struct {
	algorithm algorithm
	cost      int // of bcrypt, or iterations
}

// hash is what a users file knows of a password.
type hash struct {
	kind
	text      string // as in the file
	salt, sum []byte // of mosquitto's

	proven atomic.Pointer[digest] // of the password, once it has been given
}

// digest stands for a password that was right, under the key of the program's run.
type digest [sha256.Size]byte

// digestOf is cheap: it is kept in memory only, and no longer than the line of the file counts.
func digestOf(key, password []byte) *digest {
	h := hmac.New(sha256.New, key)
	h.Write(password)
	return (*digest)(h.Sum(nil))
}

// proves tells whether the password was right before.
func (h *hash) proves(d *digest) bool {
	known := h.proven.Load()
	return known != nil && hmac.Equal(known[:], d[:])
}

// errHash is a hash that cannot be used, with a hint at what can be done.
func errHash(problem string) error {
	return errors.New(problem + " (hint: set the password anew with `skerry user add`)")
}

// parseHash reads what stands behind the name of a user. Errors do not show it: it may be a password.
func parseHash(text string) (*hash, error) {
	if rest, ok := strings.CutPrefix(text, "$7$"); ok {
		iterations, rest, _ := strings.Cut(rest, "$")
		n, err := strconv.Atoi(iterations)
		if err != nil || n < 1 || n > maxIterations {
			return nil, errHash(fmt.Sprintf("a $7$ hash has 1 to %d iterations", maxIterations))
		}
		return parseSalted(&hash{kind: kind{byPBKDF2, n}, text: text}, rest)
	}
	if rest, ok := strings.CutPrefix(text, "$6$"); ok {
		return parseSalted(&hash{kind: kind{algorithm: bySHA512}, text: text}, rest)
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil {
		return nil, errHash("neither a bcrypt hash nor one of mosquitto's ($7$, $6$)")
	}
	if cost > maxBcryptCost {
		return nil, errHash(fmt.Sprintf("a bcrypt hash of cost %d takes too long: the limit is %d", cost, maxBcryptCost))
	}
	return &hash{kind: kind{byBcrypt, cost}, text: text}, nil
}

// parseSalted reads "salt$sum", both in base64.
func parseSalted(h *hash, text string) (*hash, error) {
	salt, sum, _ := strings.Cut(text, "$")
	var err, err2 error
	h.salt, err = base64.StdEncoding.DecodeString(salt)
	h.sum, err2 = base64.StdEncoding.DecodeString(sum)
	if err != nil || err2 != nil || len(h.salt) == 0 || len(h.sum) != sha512.Size {
		return nil, errHash("a hash of mosquitto's that is damaged or cut off")
	}
	return h, nil
}

// matches tells whether it is the hash of that password. Its time depends on the kind alone.
func (h *hash) matches(password []byte) bool {
	switch h.algorithm {
	case byPBKDF2:
		sum, err := pbkdf2.Key(sha512.New, string(password), h.salt, h.cost, len(h.sum))
		return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1
	case bySHA512:
		sum := sha512.Sum512(append(append([]byte(nil), password...), h.salt...))
		return subtle.ConstantTimeCompare(sum[:], h.sum) == 1
	}
	err := bcrypt.CompareHashAndPassword([]byte(h.text), password)
	return err == nil && len(password) <= MaxPassword
}
