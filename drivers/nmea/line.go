package nmea

// maxSentence bounds a sentence. NMEA 0183 says 82 characters; receivers with extended sentences send up to twice that.
const maxSentence = 164

// splitter finds sentences in a stream of bytes: from '$' or '!' to the end of the line. All else is dropped, and a sentence begins anew
// at each '$', so that the first whole one after garbage is found.
type splitter struct {
	sentence []byte
	inside   bool
	end      bool // the sentence was given out
}

// next feeds b until a sentence is whole and returns it with what is left of b; nil when b is used up. The sentence is valid until
// the next call.
func (s *splitter) next(b []byte) (sentence, rest []byte) {
	if s.end {
		s.sentence, s.inside, s.end = s.sentence[:0], false, false
	}
	for i, c := range b {
		if s.feed(c) {
			return s.sentence, b[i+1:]
		}
	}
	return nil, nil
}

// feed takes one byte and tells whether it ended a sentence.
func (s *splitter) feed(c byte) bool {
	switch {
	case c == '$' || c == '!':
		s.sentence, s.inside = append(s.sentence[:0], c), true
	case !s.inside:
	case c == '\r' || c == '\n':
		s.inside, s.end = false, true
		return true
	case c < ' ' || c > '~' || len(s.sentence) == maxSentence:
		s.inside = false
	default:
		s.sentence = append(s.sentence, c)
	}
	return false
}
