package line

import (
	"slices"

	"skerry/drivers"
)

// Decode gives the readings of all lines in a stream that comes in pieces, and how many bytes were kept at most.
func Decode(s drivers.Setup, stream []byte, piece int) (all []drivers.Reading, most int) {
	d := newDecoder(options(s), named(s))
	for chunk := range slices.Chunk(stream, piece) {
		d.Feed(chunk)
		most = max(most, len(d.partial))
		for _, r := range d.found {
			all = append(all, r)
		}
		d.start()
	}
	return all, most
}
