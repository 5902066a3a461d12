package modbus

import "fmt"

// Counts are the events of a line or connection since it was opened.
type Counts struct {
	Requests uint64 // sent
	Timeouts uint64 // requests without a reply
	Damaged  uint64 // of these: something came that was no whole reply
	Strays   uint64 // replies that nobody waited for: late, twice, or of another device; dropped
}

// Count names one of the Counts.
type Count byte

var countWords = []string{"requests", "timeouts", "damaged", "strays"}

// UnmarshalText reads requests, timeouts, damaged or strays.
func (c *Count) UnmarshalText(b []byte) error {
	i, err := wordIndex(countWords, b)
	if err == nil {
		*c = Count(i + 1)
	}
	return err
}

func (c Count) String() string {
	if c > 0 && int(c) <= len(countWords) {
		return countWords[c-1]
	}
	return fmt.Sprintf("count(%d)", byte(c))
}

// counter is a value that is one of the Counts.
type counter struct {
	name string
	what Count
}

func (c counter) of(n Counts) float64 {
	return float64([]uint64{n.Requests, n.Timeouts, n.Damaged, n.Strays}[c.what-1])
}
