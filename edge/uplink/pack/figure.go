package pack

// A figure is a number in the pattern of its shape. Its lowest digits tell how far it has moved, unless that is very far.
type figure struct {
	stand           // of its digits: without a sign
	low      int32  // the lowest digits: of an instant, seconds and their decimals
	limit    int32  // low is less
	factor   int32  // how much one more of them is
	lowStart uint16 // where they stand
	dot      uint16 // where there is a point between them, or noDot
	high     bool   // there are more digits than those
	kind     kind
}

// A kind of figure is what else must be seen to when it moves.
type kind uint8

const (
	trimmed  kind = 1 << iota // the last decimal is not 0
	negative                  // it is not 0
	clock                     // before the lowest digits there are hours and minutes

	plain = 0
)

const (
	lowDigits  = 6
	mostLow    = 1e9 // no step is as far
	mostLacked = 6   // decimals that a trimmed number may lack
	noDot      = 1<<16 - 1
	hourMinute = len("04:16:")
)

// begin is where the number begins, its sign included.
func (g *figure) begin() uint16 {
	if g.kind&negative != 0 {
		return g.start - 1
	}
	return g.start
}

// shift moves a figure on in its text.
func (g *figure) shift(by uint16) {
	g.start, g.end, g.lowStart = g.start+by, g.end+by, g.lowStart+by
	if g.dot != noDot {
		g.dot += by
	}
}

// settle finds the figure of a number in a payload. If it returns false it can be in no pattern.
func (g *figure) settle(at stand, f format, value int64, payload []byte) bool {
	d := f.digits()
	g.stand, g.factor, g.kind = at, 1, plain
	n := int(at.end - at.start)
	switch family := f.family(); {
	case family == instant:
		if d > mostDecimals {
			return false
		}
		g.kind, g.high, n = clock, true, 2+d
		g.limit = 60 * int32(powers32[d])
	case family == padded || value <= -1e18 || value >= 1e18:
		return false
	default:
		if value < 0 {
			g.kind, g.factor = negative, -1
			g.start++
			n--
		}
		if family == shortest {
			k := decimalsOf(payload[g.start:g.end])
			if d-k > mostLacked {
				return false
			}
			if k > 0 {
				g.kind |= trimmed
			}
			g.factor *= int32(powers32[d-k])
			d = k
		}
		if d > 0 {
			n--
		}
		if g.high = n > lowDigits; g.high {
			n = lowDigits
		}
		g.limit = int32(powers32[n])
	}
	if g.dot = noDot; d > 0 && d < n {
		g.dot = g.end - uint16(d) - 1
		n++
	}
	g.lowStart = g.end - uint16(n)
	low := int32(0)
	for _, c := range payload[g.lowStart:g.end] {
		if c != '.' {
			low = low*10 + int32(c) - '0'
		}
	}
	g.low = low
	return true
}

// decimalsOf counts the digits behind the point.
func decimalsOf(number []byte) int {
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] == '.' {
			return len(number) - 1 - i
		}
	}
	return 0
}

// follow takes the lowest digits of a payload that should be of the same pattern into its text, and tells how far the number has moved: most likely about as far as expected. If it
// returns false it is not written so, or has moved very far; if true, all digits are right if text and payload are the same.
func (g *figure) follow(text, payload []byte, expected int64) (step int64, ok bool) {
	low, wrong := uint32(0), uint32(0)
	end := int(g.end)
	if end < len(text) {
		if end >= len(payload) || payload[end] != text[end] {
			return 0, false
		}
	} else if end != len(payload) {
		return 0, false
	}
	from, to := payload[g.lowStart:end], text[g.lowStart:end]
	if g.dot != noDot {
		n := g.dot - g.lowStart
		if from[n] != '.' {
			return 0, false
		}
		whole := to[:n]
		for i, c := range from[:n] {
			whole[i] = c
			digit := uint32(c) - '0'
			wrong |= digit | (9 - digit)
			low = low*10 + digit
		}
		from, to = from[n+1:], to[n+1:]
	}
	to = to[:len(from)]
	for i, c := range from {
		to[i] = c
		digit := uint32(c) - '0'
		wrong |= digit | (9 - digit)
		low = low*10 + digit
	}
	if int32(wrong) < 0 {
		return 0, false
	}
	moved := int32(low) - g.low
	g.low = int32(low)
	if g.high {
		e := int32(expected)
		if int64(e) != expected || e >= mostLow || e <= -mostLow {
			return 0, false
		}
		if g.factor != 1 {
			e /= g.factor
		}
		if carry := g.carries(e - moved); carry != 0 {
			if !g.carry(text, carry) {
				return 0, false
			}
			moved += carry * g.limit
		}
	}
	if g.led(text) {
		return 0, false
	}
	if g.kind == plain && g.factor == 1 {
		return int64(moved), true
	}
	return int64(moved) * int64(g.factor), g.right(text)
}

// carries is how often low goes over its limit when it moves by about so much.
func (g *figure) carries(by int32) int32 {
	half := g.limit >> 1
	switch {
	case by <= half && by >= -half:
		return 0
	case by > 0:
		return (by + half) / g.limit
	}
	return (by - half) / g.limit
}

// carry adds to the digits before the lowest. It returns false if they do not suffice, or it is much.
func (g *figure) carry(text []byte, carry int32) bool {
	if !g.high || carry > 99 || carry < -99 {
		return false
	}
	if g.kind == clock {
		return bumpMinutes(text[g.start:g.lowStart], carry)
	}
	return bump(text[g.start:g.lowStart], carry)
}

// right tells whether what was written is as its kind is. It may say no where it is.
func (g *figure) right(text []byte) bool {
	switch {
	case g.kind&trimmed != 0 && text[g.end-1] == '0', g.kind&negative != 0 && g.low == 0, g.low >= g.limit:
		return false
	}
	return true
}

// advance moves a number of a pattern on. If it then has another length or sign, or has moved very far, it returns false, and the pattern is none any more.
func (g *figure) advance(text []byte, step int64) bool {
	by := int32(step)
	if int64(by) != step || by >= mostLow || by <= -mostLow {
		return false
	}
	if g.factor != 1 {
		n := by / g.factor
		if n*g.factor != by {
			return false
		}
		by = n
	}
	low := g.low + by
	if uint32(low) >= uint32(g.limit) {
		carry := low / g.limit
		if low < 0 {
			carry = (low - g.limit + 1) / g.limit
		}
		if !g.carry(text, carry) {
			return false
		}
		low -= carry * g.limit
	}
	g.write(text, uint32(low))
	return !g.led(text) && (g.kind == plain || g.right(text))
}

// led tells whether a zero leads that should not.
func (g *figure) led(text []byte) bool {
	return text[g.start] == '0' && g.end-g.start > 1 && text[g.start+1] != '.'
}

// write writes the lowest digits, from the last to the first that stays.
func (g *figure) write(text []byte, low uint32) {
	old, i := uint32(g.low), int(g.end)
	g.low = int32(low)
	for low != old {
		if i--; i == int(g.dot) {
			i--
		}
		rest := low / 10
		text[i] = byte('0' + low - rest*10)
		low, old = rest, old/10
	}
}

// bump adds a small number to one in a text, and returns false if its digits do not suffice.
func bump(text []byte, step int32) bool {
	for i := len(text) - 1; step != 0; i-- {
		if i < 0 {
			return false
		}
		if text[i] == '.' {
			continue
		}
		digit := int32(text[i]) - '0' + step
		step = 0
		for ; digit > 9; digit -= 10 {
			step++
		}
		for ; digit < 0; digit += 10 {
			step--
		}
		text[i] = byte(digit + '0')
	}
	return true
}

// bumpMinutes adds minutes to a time that ends with hours and minutes, and returns false if the day ends.
func bumpMinutes(text []byte, step int32) bool {
	b := text[len(text)-hourMinute:]
	minutes := 600*int32(b[0]-'0') + 60*int32(b[1]-'0') + 10*int32(b[3]-'0') + int32(b[4]-'0') + step
	if minutes < 0 || minutes >= 24*60 {
		return false
	}
	h := minutes / 60
	m := minutes - h*60
	b[0], b[1], b[3], b[4] = pairs[h*2], pairs[h*2+1], pairs[m*2], pairs[m*2+1]
	return true
}
