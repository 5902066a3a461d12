package pack

// A day is that of the instant which was read or written last: most of those that come are of the same, so that only its time is to be read or written, without divisions
// of 64 bits. The zero value knows none.
type day struct {
	format format
	start  int64 // in units of the format
	text   [dayLength]byte
}

const (
	dayLength    = len("2006-01-02T")
	seconds      = 86400
	mostDecimals = 4 // with more a day has not room in 32 bits
)

// append writes an instant.
func (y *day) append(dst []byte, f format, v int64) []byte {
	d := f.digits()
	if f != y.format || v < y.start || v-y.start >= seconds*powers[d] {
		at := len(dst)
		dst = appendInstant(dst, v, d)
		y.take(f, v, dst[at:])
		return dst
	}
	second, fraction := uint32(v-y.start), uint32(0)
	if d > 0 {
		unit := powers32[d]
		second, fraction = second/unit, second%unit
	}
	minute := second / 60
	hour := minute / 60
	minute, second = (minute-hour*60)*2, (second-minute*60)*2
	dst = append(dst, y.text[:]...)
	dst = append(dst, pairs[hour*2], pairs[hour*2+1], ':', pairs[minute], pairs[minute+1], ':', pairs[second], pairs[second+1])
	if d > 0 {
		dst = append(dst, '.')
		dst = append(dst, "0000"[:d]...)
		renderSmall(dst[len(dst)-d:], fraction)
	}
	return dst
}

// read reads the instant at the start of b that is written in the format. Length 0: there is none.
func (y *day) read(b []byte, f format) (v int64, length int) {
	d := f.digits()
	n := instantLength
	if d > 0 {
		n += 1 + d
	}
	if f == y.format && len(b) >= n && string(b[:dayLength]) == string(y.text[:]) && b[13] == ':' && b[16] == ':' && ends(b, d, n) {
		hour, ok := digits(b[11:13])
		minute, ok1 := digits(b[14:16])
		second, ok2 := digits(b[17:19])
		fraction, ok3 := digits(b[n-d : n])
		if ok && ok1 && ok2 && ok3 && hour < 24 && minute < 60 && second < 60 {
			return y.start + int64(uint32(hour*3600+minute*60+second))*int64(powers32[d]) + int64(fraction), n
		}
	}
	if v, length = f.read(b); length > 0 {
		y.take(f, v, b)
	}
	return v, length
}

// ends tells whether d decimals end at n, and no more follow.
func ends(b []byte, d, n int) bool {
	if d == 0 {
		return len(b) < n+2 || b[n] != '.' || !isDigit(b[n+1])
	}
	return b[instantLength] == '.' && (len(b) == n || !isDigit(b[n]))
}

// take remembers the day of an instant.
func (y *day) take(f format, v int64, text []byte) {
	if d := f.digits(); d <= mostDecimals {
		y.format, y.start = f, v-v%(seconds*powers[d])
		copy(y.text[:], text)
	}
}
