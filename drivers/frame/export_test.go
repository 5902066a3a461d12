package frame

import (
	"maps"
	"slices"

	"skerry/drivers"
)

// Profiles are the names of the profiles.
func Profiles() []string { return slices.Sorted(maps.Keys(profiles)) }

// Sum computes a checksum.
func Sum(kind string, b []byte) uint16 { return checksums[kind].of(b) }

// Decode gives the readings of the frames in a stream that comes in pieces, at most one for each piece, and how many bytes were kept at most.
func Decode(s drivers.Setup, stream []byte, piece int) (all []drivers.Reading, most int, err error) {
	vs, err := values(s)
	if err != nil {
		return nil, 0, err
	}
	d := decoder{layout: options(s).layout()}
	for chunk := range slices.Chunk(stream, piece) {
		if d.Feed(chunk) {
			for _, v := range vs {
				all = append(all, drivers.Number(v.name, v.of(d.frame), v.unit, d.at))
			}
		}
		most = max(most, len(d.pending))
		d.start()
	}
	return all, most, nil
}
