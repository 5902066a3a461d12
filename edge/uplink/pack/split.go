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
		if c == numberHere || c == end {
			return 0, false
		}
		if i > 0 && open && c <= '9' && (isDigit(c) || c == '-') {
			return i, true
		}
		open = opens[c]
	}
	return len(b), open
}

// opens is false for what a number cannot stand behind: a letter, a digit, a point, an underscore. So what is digits in a name, and the
// rest of a number that was not taken, stays text.
var opens = func() (t [256]bool) {
	for b := range t {
		c := byte(b)
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		t[b] = !letter && !isDigit(c) && c != '.' && c != '_'
	}
	return t
}()
