package pack

import "time"

const instantLength = len("2006-01-02T15:04:05")

// readInstant reads a time as in RFC 3339, without its zone. Length 0: there is none.
func readInstant(b []byte) token {
	if len(b) < instantLength || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return token{}
	}
	year, ok := digits(b[0:4])
	month, ok1 := digits(b[5:7])
	day, ok2 := digits(b[8:10])
	hour, ok3 := digits(b[11:13])
	minute, ok4 := digits(b[14:16])
	second, ok5 := digits(b[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return token{}
	}
	if day > 28 && day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return token{}
	}
	v := daysTo(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	at, d := instantLength, 0
	if at+1 < len(b) && b[at] == '.' && isDigit(b[at+1]) {
		for at++; at < len(b) && isDigit(b[at]); at++ {
			if d++; d > maxFraction || v >= maxNumber/10 {
				return token{}
			}
			v = v*10 + int64(b[at]-'0')
		}
	}
	return token{v, instant | format(d), at}
}

func digits(b []byte) (v int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// daysTo counts the days from 1970-01-01, in years that begin in March so that a leap day is their last.
func daysTo(year, month, day int) int64 {
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	return int64(year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 1 - 719468)
}

// appendInstant writes v, the time since 1970 in units of the last of d decimals of a second.
func appendInstant(dst []byte, v int64, d int) []byte {
	t := time.Unix(v/powers[d], 0).UTC()
	dst = t.AppendFormat(dst, "2006-01-02T15:04:05")
	if d == 0 {
		return dst
	}
	return appendPadded(append(dst, '.'), v%powers[d], d)
}

// milliseconds is a number as a time in milliseconds since 1970, if it looks like one, else 0: an instant, or one of the years 2001 to 2286 in seconds
// with at most six decimals, or in whole milliseconds, microseconds or nanoseconds.
func milliseconds(n number) int64 {
	if n.format == instant|3 {
		return n.value
	}
	if n.format < padded && n.value < 1e9 {
		return 0
	}
	return n.milliseconds()
}

func (n number) milliseconds() int64 {
	v, d := n.value, n.format.digits()
	switch {
	case n.format == 0 && uint64(v-1e12) < 9e12: // the most frequent
		return v
	case n.format.family() == instant:
		return inMilliseconds(v, d)
	case v < 1e9 || n.format.family() == padded || d > 6:
		return 0
	case v >= 1e9*powers[d] && v < 1e10*powers[d]:
		return inMilliseconds(v, d)
	case d > 0:
		return 0
	case v >= 1e15 && v < 1e16:
		return v / 1e3
	case v >= 1e18:
		return v / 1e6
	}
	return 0
}

// inMilliseconds is v seconds with d decimals.
func inMilliseconds(v int64, d int) int64 {
	if d <= 3 {
		return v * powers[3-d]
	}
	return v / powers[d-3]
}
