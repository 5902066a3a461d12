package frame

import (
	"maps"
	"slices"
)

// Recognise finds the profile whose frames are in what a port said by itself; empty: none. One frame is enough, as each has a checksum.
func Recognise(heard []byte) (profile string) {
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		l := &profiles[name].layout
		for at := 0; at+l.length <= len(heard); at++ {
			if l.accept(heard[at:at+l.length]) == nil {
				return name
			}
		}
	}
	return ""
}
