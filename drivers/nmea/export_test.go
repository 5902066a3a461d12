package nmea

import (
	"slices"

	gonmea "github.com/adrianmo/go-nmea"

	"skerry/drivers"
)

// Decode gives the readings of all epochs in a stream that comes in pieces.
func Decode(stream []byte, piece int) []drivers.Reading {
	var (
		s      splitter
		parser gonmea.SentenceParser
		e      epoch
		all    []drivers.Reading
	)
	for chunk := range slices.Chunk(stream, piece) {
		for {
			line, rest := s.next(chunk)
			if line == nil {
				break
			}
			chunk = rest
			m, err := parser.Parse(string(line))
			if err == nil && e.take(m) {
				all = e.readings(all)
				e = epoch{}
				e.take(m)
			}
		}
	}
	return e.readings(all)
}
