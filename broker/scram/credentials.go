package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// Method is the name of the mechanism.
	Method = "SCRAM-SHA-256"
	// Iterations is the iteration count of new credentials. The Client has to compute that much each time it connects.
	Iterations = 15_000

	leastIterations = 4096       // RFC 7677, section 4
	mostIterations  = 10_000_000 // a minute of a small Client's time
	saltSize        = 16
)

// Credentials are what a Server keeps of a password.
type Credentials struct {
	Iterations int
	Salt       []byte
	StoredKey  [sha256.Size]byte
	ServerKey  [sha256.Size]byte
}

// New makes credentials for a password, with a salt of their own.
func New(password []byte, iterations int) (Credentials, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	return derive(password, salt, iterations)
}

func derive(password, salt []byte, iterations int) (Credentials, error) {
	salted, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, sha256.Size)
	if err != nil {
		return Credentials{}, fmt.Errorf("derive a key: %w", err)
	}
	clientKey := mac(salted, "Client Key")
	return Credentials{
		Iterations: iterations,
		Salt:       salt,
		StoredKey:  sha256.Sum256(clientKey),
		ServerKey:  [sha256.Size]byte(mac(salted, "Server Key")),
	}, nil
}

// mac is HMAC-SHA-256.
func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// String gives the credentials in one word, in the form that PostgreSQL uses too:
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func (c Credentials) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", Method, c.Iterations, b64(c.Salt), b64(c.StoredKey[:]), b64(c.ServerKey[:]))
}

// Parse reads what String writes.
func Parse(text string) (Credentials, error) {
	wrong := fmt.Errorf("not of the form %s$iterations:salt$key:key", Method)
	parts := strings.Split(text, "$")
	if len(parts) != 3 || parts[0] != Method {
		return Credentials{}, wrong
	}
	count, salt, ok1 := strings.Cut(parts[1], ":")
	stored, server, ok2 := strings.Cut(parts[2], ":")
	if !ok1 || !ok2 {
		return Credentials{}, wrong
	}
	var c Credentials
	var err error
	if c.Iterations, err = strconv.Atoi(count); err != nil || c.Iterations < leastIterations || c.Iterations > mostIterations {
		return Credentials{}, fmt.Errorf("the iteration count is not within %d to %d", leastIterations, mostIterations)
	}
	if c.Salt, err = base64.StdEncoding.DecodeString(salt); err != nil || len(c.Salt) == 0 {
		return Credentials{}, errors.New("the salt is not base64")
	}
	if !decodeKey(stored, &c.StoredKey) || !decodeKey(server, &c.ServerKey) {
		return Credentials{}, errors.New("a key is not 32 bytes in base64")
	}
	return c, nil
}

func decodeKey(text string, key *[sha256.Size]byte) bool {
	b, err := base64.StdEncoding.DecodeString(text)
	return err == nil && copy(key[:], b) == len(b) && len(b) == len(key)
}

// Decoy gives credentials that nobody can have, always the same for one name and secret: an exchange with them goes as with a
// user that exists, and fails at the end.
func Decoy(secret []byte, name string, iterations int) Credentials {
	return Credentials{
		Iterations: iterations,
		Salt:       mac(secret, "salt "+name)[:saltSize],
		StoredKey:  [sha256.Size]byte(mac(secret, "key "+name)), // nobody knows what hashes to it
	}
}
