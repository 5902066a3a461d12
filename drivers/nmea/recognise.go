package nmea

import "strings"

// Sentences counts the sentences with a right checksum in what a port said, for who looks what talks there.
func Sentences(heard []byte) (n int) {
	var s splitter
	for rest := heard; ; {
		var sentence []byte
		if sentence, rest = s.next(rest); sentence == nil {
			return n
		}
		if sound(string(sentence)) {
			n++
		}
	}
}

// sound tells whether a sentence has a checksum, and the right one.
func sound(sentence string) bool {
	body, sum, ok := strings.Cut(sentence[1:], "*")
	if !ok || len(sum) != 2 {
		return false
	}
	var x byte
	for _, c := range []byte(body) {
		x ^= c
	}
	const digits = "0123456789ABCDEF"
	return strings.ToUpper(sum) == string([]byte{digits[x>>4], digits[x&15]})
}
