package sdi12

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"skerry/drivers/crc16"
)

// What may be wrong with an answer. The errors of this package wrap one of these, or one of package drivers.
var (
	ErrNoAnswer     = errors.New("no answer")
	ErrOtherAddress = errors.New("another address answered")
	ErrGarbled      = errors.New("garbled answer")
	ErrCRC          = errors.New("wrong CRC")
	ErrTooFew       = errors.New("too few values")
	ErrAborted      = errors.New("the sensor gave the measurement up")
	ErrOutOfStep    = errors.New("answers out of step")
	ErrOtherSensor  = errors.New("another sensor at this address")
	ErrNotReady     = errors.New("not ready yet")
)

// hint is what a user can do about an error.
func hint(err error) string {
	switch {
	case errors.Is(err, ErrNoAnswer):
		return "check the 12 V supply, the data line and the address; adapter: text or transparent must fit the adapter"
	case errors.Is(err, ErrOtherAddress):
		return "two sensors talk at the same time, or a device repeats what others say"
	case errors.Is(err, ErrCRC), errors.Is(err, ErrGarbled), errors.Is(err, ErrOutOfStep):
		return "look for a bad contact, a long cable, two sensors with one address, or the wrong speed of the port"
	case errors.Is(err, ErrTooFew):
		return "the manual of the sensor lists what each measurement gives"
	}
	return ""
}

// address is that of a sensor; anyone asks whoever is there.
type address byte

const anyone address = '?'

// UnmarshalText reads one character: 0-9, A-Z, a-z, or ? for the only sensor there is.
func (a *address) UnmarshalText(b []byte) error {
	if len(b) != 1 || !isAddress(b[0]) && address(b[0]) != anyone {
		return fmt.Errorf("%q is no address: it is one of 0-9, A-Z, a-z, or ? for the only sensor on the bus", b)
	}
	*a = address(b[0])
	return nil
}

func (a address) String() string { return string(rune(a)) }

func isAddress(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// started is the answer to aM! (attn with three digits of seconds, one of values) or aC! (two of values).
type started struct {
	ready  time.Duration // at the latest
	values int
}

// parseStarted reads the answer behind the address.
func parseStarted(body string, digits int) (started, error) {
	if len(body) != 3+digits || strings.Trim(body, "0123456789") != "" {
		return started{}, fmt.Errorf("%w %q: %d digits are due", ErrGarbled, body, 3+digits)
	}
	seconds, _ := strconv.Atoi(body[:3]) // digits all
	values, _ := strconv.Atoi(body[3:])
	return started{time.Duration(seconds) * time.Second, values}, nil
}

// maxValue bounds one value. The specification says a sign, seven digits and a point; some sensors say a little more.
const maxValue = 12

// parseValues reads data behind the address: each value is a sign, digits, and at most one point among them.
func parseValues(body string) ([]float64, error) {
	var values []float64
	for rest := body; rest != ""; {
		end := strings.IndexAny(rest[1:], "+-") + 1
		if end == 0 {
			end = len(rest)
		}
		v, ok := parseValue(rest[:end])
		if !ok {
			return nil, fmt.Errorf("%w %q: %q is no value", ErrGarbled, body, rest[:end])
		}
		values, rest = append(values, v), rest[end:]
	}
	return values, nil
}

func parseValue(s string) (float64, bool) {
	whole, fraction, _ := strings.Cut(s[1:], ".")
	if s[0] != '+' && s[0] != '-' || len(s) > maxValue || whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// identification is the answer to aI!: two digits of version, eight characters of the maker, six of the model, three of the
// sensor's version, and up to thirteen more.
type identification struct {
	version                 int // of the protocol: 13 is 1.3
	maker, model, rest, all string
}

func parseIdentification(body string) (identification, error) {
	if len(body) < 2+8+6+3 || len(body) > 2+8+6+3+13 || strings.Trim(body[:2], "0123456789") != "" {
		return identification{}, fmt.Errorf("%w %q: no identification", ErrGarbled, body)
	}
	version, _ := strconv.Atoi(body[:2])
	return identification{version, strings.TrimSpace(body[2:10]), strings.TrimSpace(body[10:16]), strings.TrimSpace(body[16:]), body}, nil
}

// sameModel tells whether a sensor of the same make and model took the place.
func (i identification) sameModel(other identification) bool {
	return i.maker == other.maker && i.model == other.model
}

func (i identification) String() string {
	return strings.Join(strings.Fields(i.maker+" "+i.model+" "+i.rest), " ")
}

// versionCRC is the first version of the protocol whose sensors have CRCs.
const versionCRC = 13

// checkCRC cuts the CRC off an answer, from its address on.
func checkCRC(line string) (string, error) {
	n := len(line) - 3
	if n < 1 {
		return "", fmt.Errorf("%w in %q: too short to have one; crc: off asks without", ErrCRC, line)
	}
	if want := crc(line[:n]); want != line[n:] {
		return "", fmt.Errorf("%w in %q: %s is due; crc: off asks without", ErrCRC, line, want)
	}
	return line[:n], nil
}

// crc is written as three characters of six bits each (the specification's section on cyclic redundancy checks).
func crc(s string) string {
	sum := crc16.Sum(crc16.SDI12, []byte(s))
	return string([]byte{0x40 | byte(sum>>12), 0x40 | byte(sum>>6&0x3F), 0x40 | byte(sum&0x3F)})
}
