package scram

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrRefused means that the Client has not proved to know the password, or that there is no such user.
var ErrRefused = errors.New("wrong name or password")

// mostMessage is the longest message in bytes that is looked at.
const mostMessage = 4096

// An Exchange is one login.
type Exchange struct {
	lookup func(user string) (c Credentials, known bool)
	nonce  string // the Server's half

	steps       int
	user        string
	known       bool
	credentials Credentials
	header      string // GS2
	both        string // both nonces
	message     string // the beginning of AuthMessage
}

// NewExchange begins a login. lookup gives the credentials of a user, and for one that is not known a decoy.
func NewExchange(lookup func(user string) (c Credentials, known bool)) *Exchange {
	return &Exchange{lookup: lookup, nonce: rand.Text()}
}

// User is who logged in, once Step has said done.
func (x *Exchange) User() string { return x.user }

// Step takes the Client's next message and gives the Server's answer to it. done: the Client has proved to be User. After an
// error the exchange is over.
func (x *Exchange) Step(message []byte) (answer []byte, done bool, err error) {
	x.steps++
	if len(message) > mostMessage || !utf8.Valid(message) {
		return nil, false, errors.New("the message is too long, or not UTF-8")
	}
	switch x.steps {
	case 1:
		answer, err = x.first(string(message))
		return answer, false, err
	case 2:
		answer, err = x.final(string(message))
		return answer, err == nil, err
	}
	return nil, false, errors.New("the exchange is over")
}

// first reads client-first-message and gives server-first-message.
func (x *Exchange) first(message string) ([]byte, error) {
	binding, rest, ok1 := strings.Cut(message, ",")
	authorize, bare, ok2 := strings.Cut(rest, ",")
	switch {
	case !ok1 || !ok2:
		return nil, errors.New("not a client-first-message")
	case binding != "n" && binding != "y":
		return nil, errors.New("channel binding is not supported")
	case authorize != "":
		return nil, errors.New("acting for another user is not supported")
	}
	x.header = binding + "," + authorize + ","
	name, rest, _ := strings.Cut(bare, ",")
	nonce, _, _ := strings.Cut(rest, ",") // extensions behind it may be ignored
	user, ok := decodeName(strings.TrimPrefix(name, "n="))
	if !strings.HasPrefix(name, "n=") || !ok || !strings.HasPrefix(nonce, "r=") || !printable(nonce[2:]) {
		return nil, errors.New("not a client-first-message")
	}
	x.user = user
	x.credentials, x.known = x.lookup(user)
	x.both = nonce[2:] + x.nonce
	answer := fmt.Sprintf("r=%s,s=%s,i=%s", x.both, base64.StdEncoding.EncodeToString(x.credentials.Salt), strconv.Itoa(x.credentials.Iterations))
	x.message = bare + "," + answer
	return []byte(answer), nil
}

// final reads client-final-message and gives server-final-message.
func (x *Exchange) final(message string) ([]byte, error) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return nil, errors.New("not a client-final-message")
	}
	want := "c=" + base64.StdEncoding.EncodeToString([]byte(x.header)) + ",r=" + x.both
	without := message[:at]
	if without != want && !strings.HasPrefix(without, want+",") {
		return nil, errors.New("not the final message of this exchange")
	}
	proof, err := base64.StdEncoding.DecodeString(message[at+3:])
	if err != nil || len(proof) != sha256.Size {
		return nil, errors.New("not a client-final-message")
	}
	x.message += "," + without
	if !x.proves(proof) || !x.known {
		return nil, ErrRefused
	}
	signature := mac(x.credentials.ServerKey[:], x.message)
	return []byte("v=" + base64.StdEncoding.EncodeToString(signature)), nil
}

// proves tells whether ClientProof was made by who knows ClientKey.
func (x *Exchange) proves(proof []byte) bool {
	key := mac(x.credentials.StoredKey[:], x.message)
	subtle.XORBytes(key, key, proof)
	stored := sha256.Sum256(key)
	return hmac.Equal(stored[:], x.credentials.StoredKey[:])
}

// decodeName undoes the quoting of a saslname: a comma is =2C, an equals sign =3D.
func decodeName(text string) (name string, ok bool) {
	if strings.Contains(strings.NewReplacer("=2C", "", "=3D", "").Replace(text), "=") || text == "" {
		return "", false
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(text), true
}

// printable tells whether a text may be a nonce.
func printable(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < 0x21 || r > 0x7E || r == ',' })
}
