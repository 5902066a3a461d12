package budget

const (
	// attemptShare of the bytes of a day may be used by attempts to connect that come to nothing.
	attemptShare = 0.02
	// leastAttempts a day are allowed, however little the share is.
	leastAttempts = 12
	// mostAttempts is the share of the bytes of a day that these twelve may use at most: of a small allowance the most is for messages.
	mostAttempts = 0.25
)

// AttemptBytes is how many bytes a day attempts to connect may use that come to nothing, and cost so much each at most; 0: there is no
// limit. One attempt always fits.
func AttemptBytes(allowances []Allowance, each int64) int64 {
	day := perDay(allowances)
	if day == 0 {
		return 0
	}
	usual := max(int64(attemptShare*float64(day)), leastAttempts*each)
	return max(min(usual, int64(mostAttempts*float64(day))), each)
}

// perDay is the smallest of the allowances, for a day; 0 if there is none.
func perDay(allowances []Allowance) (bytes int64) {
	for _, a := range allowances {
		n := a.Bytes
		if a.Period == Month {
			n /= 30
		}
		if bytes == 0 || n < bytes {
			bytes = n
		}
	}
	return bytes
}
