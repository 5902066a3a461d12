package pack

// mark of a number in a skeleton. A payload in which it stands by itself is carried as text.
const numberHere = 0

const (
	maxNumbers  = 32   // in a skeleton; further ones belong to its text
	maxSkeleton = 4096 // bytes of its text; a payload with a longer one is carried as text
)

// split takes a payload apart. ok is false if it has no skeleton.
func split(skeleton []byte, tokens []token, payload []byte) (_ []byte, _ []token, ok bool) {
	open := true // a number may begin here
	for i := 0; i < len(payload); {
		if b := payload[i]; open && b <= '9' && len(tokens) < maxNumbers && (isDigit(b) || b == '-' && i+1 < len(payload) && isDigit(payload[i+1])) {
			if t := readNumber(payload[i:]); t.length > 0 {
				skeleton = append(skeleton, numberHere)
				tokens = append(tokens, t)
				i += t.length
				open = false
				continue
			}
		}
		n := 0
		n, open = plainText(payload[i:])
		if n == 0 || len(skeleton)+n > maxSkeleton {
			return skeleton, tokens, false
		}
		skeleton = append(skeleton, payload[i:i+n]...)
		i += n
	}
	return skeleton, tokens, len(skeleton) <= maxSkeleton
}

// plainText counts the bytes of b until a number may begin, and tells whether one may. Its first byte is text in any case; none is if it can be in no skeleton.
func plainText(b []byte) (n int, open bool) {
	for i, c := range b {
		is := sorts[c]
		if is >= digit {
			if is == barred {
				return 0, false
			}
			if open && i > 0 {
				return i, true
			}
		}
		open = is&opener != 0
	}
	return len(b), open
}

// A sort of byte is what it means for numbers.
type sort uint8

const (
	inWord sort = 0 // a number cannot stand behind a letter, a digit, a point, an underscore: what is digits in a name, and the rest of a number that was not taken, stays text
	opener sort = 1 // behind all others it can
	digit  sort = 2 // one can begin with it
	minus  sort = digit | opener
	barred sort = 4 // it is in no skeleton
)

var sorts = func() (t [256]sort) {
	for b := range t {
		c := byte(b)
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		switch {
		case c == numberHere || c == end:
			t[b] = barred
		case c == '-':
			t[b] = minus
		case isDigit(c):
			t[b] = digit
		case !letter && c != '.' && c != '_':
			t[b] = opener
		}
	}
	return t
}()
