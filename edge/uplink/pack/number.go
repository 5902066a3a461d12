package pack

import (
	"math/bits"
	"slices"
	"strconv"
)

// A format is how a number is written: a family in the upper three bits, how many digits in the lower five.
type format byte

const (
	decimals format = iota << 5 // so many decimals, always; none, and no point, for 0
	shortest                    // at most so many decimals, no zeros at their end
	padded                      // a whole number of so many digits, with zeros before it
	instant                     // 2026-11-22T04:16:00 and so many decimals of the second

	formatBits = 7
)

func (f format) family() format { return f &^ 31 }
func (f format) digits() int    { return int(f & 31) }

const (
	maxDigits   = 19      // of a number, so that it fits into 64 bits
	maxDecimals = 18      // of them
	maxNumber   = 1 << 62 // no number is as large; differences of two fit into 64 bits
	maxFraction = 9       // decimals of a second
)

// valid tells whether numbers are written so.
func (f format) valid() bool {
	switch f.family() {
	case decimals, shortest:
		return f.digits() <= maxDecimals
	case padded:
		return f.digits() >= 2 && f.digits() <= maxDigits
	case instant:
		return f.digits() <= maxFraction
	}
	return false
}

// powers of ten that fit into 63 bits.
var powers = func() (p [maxDigits]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// instants are more than any time, in units of so many decimals of a second: the year 10000.
var instants = func() (most [maxFraction + 1]int64) {
	for d := range most {
		most[d] = maxNumber
		if p := powers[d]; p < maxNumber/(maxTime/1000+1) {
			most[d] = (maxTime/1000 + 1) * p
		}
	}
	return most
}()

// powers32 are those that fit into 32 bits.
var powers32 = [10]uint32{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// A token is a number as it stands in a payload.
type token struct {
	value  int64  // all its digits; of an instant, the time since 1970 in units of its last decimal
	format format // decimals as written, padded with zeros before it, or instant
	length int
}

// as is the value in a format, if the token is written so.
func (t token) as(f format) (int64, bool) {
	if t.format == f {
		return t.value, true
	}
	switch {
	case f.family() == shortest && t.format.family() == decimals:
		more := f.digits() - t.format.digits()
		if more < 0 || t.format.digits() > 0 && t.value%10 == 0 {
			return 0, false
		}
		if more == 0 {
			return t.value, true
		}
		v := t.value * powers[more]
		return v, v/powers[more] == t.value && v > -maxNumber && v < maxNumber
	case f.family() == padded && t.format == decimals:
		return t.value, t.value >= 0 && t.length == f.digits()
	}
	return 0, false
}

// formatAfter is the format for a token that is not written in the format that is usual in its place.
func (t token) formatAfter(usual format) format {
	if t.format.family() == decimals && (usual.family() == decimals || usual.family() == shortest) {
		f := shortest | format(max(t.format.digits(), usual.digits()))
		if _, ok := t.as(f); ok {
			return f
		}
	}
	return t.format
}

// rescale is v, a number in a format, as one of the same size in another; 0 where they do not compare.
func rescale(v int64, from, to format) int64 {
	if from == to {
		return v
	}
	return rescaled(v, from, to)
}

func rescaled(v int64, from, to format) int64 {
	a, b := from.family(), to.family()
	if a != b && (a > shortest || b > shortest) {
		return 0
	}
	switch n := to.digits() - from.digits(); {
	case a == padded || n == 0:
		return v
	case n > 0:
		return v * powers[n] // may overflow, to the same number everywhere
	default:
		return v / powers[-n]
	}
}

// append writes a number.
func (f format) append(dst []byte, v int64) []byte {
	switch f.family() {
	case instant:
		return appendInstant(dst, v, f.digits())
	case padded:
		return appendPadded(dst, v, f.digits())
	}
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	d := f.digits()
	start := len(dst)
	dst = slices.Grow(dst, 24)
	if d == 0 {
		n := countDigits(uint64(v))
		dst = dst[:start+n]
		render(dst[start:], uint64(v))
		return dst
	}
	n := max(countDigits(uint64(v)), d+1)
	dst = dst[:start+1+n]
	render(dst[start+1:], uint64(v))
	for i := start; i < start+n-d; i++ {
		dst[i] = dst[i+1]
	}
	dst[start+n-d] = '.'
	if f.family() == shortest {
		dst = trim(dst, start)
	}
	return dst
}

// countDigits is how many digits v has.
func countDigits(v uint64) int {
	if v>>32 == 0 {
		n := int(bits.Len32(uint32(v))*1233) >> 12
		if n < len(powers32) && uint32(v) >= powers32[n] || v == 0 {
			n++
		}
		return n
	}
	n := 10
	for n < len(powers) && v >= uint64(powers[n]) {
		n++
	}
	return n
}

// render writes all digits of v that b has room for, zeros before them. It does without divisions of 64 bits.
func render(b []byte, v uint64) {
	for v>>32 != 0 {
		q, _ := bits.Mul64(v>>9, 1<<64/(1e9>>9)+1) // v / 1e9, or one more
		r := uint32(v) - uint32(q)*1e9
		if int32(r) < 0 {
			q--
			r += 1e9
		}
		renderSmall(b[len(b)-9:], r)
		b, v = b[:len(b)-9], q
	}
	renderSmall(b, uint32(v))
}

func renderSmall(b []byte, v uint32) {
	at := len(b)
	for ; at >= 2; at -= 2 {
		q := v / 100
		two := (v - q*100) * 2
		b[at-1], b[at-2] = pairs[two+1], pairs[two]
		v = q
	}
	if at == 1 {
		b[0] = '0' + byte(v%10)
	}
}

// pairs are the numbers to 99, two digits each.
var pairs = func() (p [200]byte) {
	for i := range 100 {
		p[2*i], p[2*i+1] = byte('0'+i/10), byte('0'+i%10)
	}
	return p
}()

// trim takes zeros off the end of the decimals that begin after start, and a point that nothing follows.
func trim(dst []byte, start int) []byte {
	for n := len(dst) - 1; n > start; n-- {
		switch dst[n] {
		case '0':
			continue
		case '.':
			return dst[:n]
		}
		return dst[:n+1]
	}
	return dst
}

// read reads the number at the start of b that is written in the format. Length 0: there is none.
func (f format) read(b []byte) (v int64, length int) {
	if f > maxDecimals {
		if len(b) == 0 || !isDigit(b[0]) && (b[0] != '-' || len(b) < 2 || !isDigit(b[1])) {
			return 0, 0
		}
		t := readNumber(b)
		v, ok := t.as(f)
		if !ok {
			return 0, 0
		}
		return v, t.length
	}
	at := 0
	if len(b) > 0 && b[0] == '-' {
		at = 1
	}
	low, n := readNine(b[at:])
	v = int64(low)
	if n == 9 {
		v, n = readDigits(b[at:])
	}
	if n == 0 || n > 1 && b[at] == '0' {
		return 0, 0
	}
	length = at + n
	if d := int(f); d > 0 {
		if length == len(b) || b[length] != '.' {
			return 0, 0
		}
		low, m := readNine(b[length+1:])
		decimals := int64(low)
		if m == 9 {
			decimals, m = readDigits(b[length+1:])
		}
		if m != d || n+m > 18 {
			return 0, 0
		}
		v = v*powers[d] + decimals
		length += 1 + m
	}
	if at == 1 {
		if v == 0 {
			return 0, 0
		}
		v = -v
	}
	return v, length
}

// readDigits reads the digits at the start of b. Length 0: there are none, or more than 18.
func readDigits(b []byte) (v int64, length int) {
	low, n := readNine(b)
	if n < 9 {
		return int64(low), n
	}
	next, m := readNine(b[9:])
	if m == 9 && len(b) > 18 && isDigit(b[18]) {
		return 0, 0
	}
	return int64(low)*int64(powers32[m]) + int64(next), 9 + m
}

// readNine reads nine digits at most.
func readNine(b []byte) (v uint32, length int) {
	b = b[:min(len(b), 9)]
	for i, c := range b {
		digit := uint32(c) - '0'
		if digit > 9 {
			return v, i
		}
		v = v*10 + digit
	}
	return v, len(b)
}

// fits tells whether a number can be written in the format.
func (f format) fits(v int64) bool {
	switch f.family() {
	case padded:
		return v >= 0 && (f.digits() >= maxDigits || v < powers[f.digits()])
	case instant:
		return v >= 0 && v < instants[f.digits()]
	}
	return true
}

// appendPadded writes v with at least n digits.
func appendPadded(dst []byte, v int64, n int) []byte {
	for ; n > 1 && v < powers[n-1]; n-- {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, v, 10)
}

// readNumber reads the number that begins at the start of b, a digit or a minus sign and a digit. Length 0: what is there is none that
// the coder can write.
func readNumber(b []byte) token {
	negative := b[0] == '-'
	first := 0
	if negative {
		first = 1
	} else if t := readInstant(b); t.length > 0 {
		return t
	}
	at := first
	var v uint64
	for ; at < len(b) && isDigit(b[at]) && at-first <= maxDigits; at++ {
		v = v*10 + uint64(b[at]-'0')
	}
	whole := at - first
	if whole > maxDigits {
		return token{}
	}
	if whole > 1 && b[first] == '0' {
		if negative || v >= maxNumber {
			return token{}
		}
		return token{int64(v), padded | format(whole), at}
	}
	d := 0
	if at+1 < len(b) && b[at] == '.' && isDigit(b[at+1]) {
		at++
		for ; at < len(b) && isDigit(b[at]) && whole+d <= maxDigits; at++ {
			v = v*10 + uint64(b[at]-'0')
			d++
		}
	}
	if whole+d > maxDigits || d > maxDecimals || v >= maxNumber || negative && v == 0 {
		return token{}
	}
	t := token{int64(v), decimals | format(d), at}
	if negative {
		t.value = -t.value
	}
	return t
}

func isDigit(b byte) bool { return b-'0' <= 9 }
