package board

import (
	"fmt"
	"strconv"
	"strings"
)

// Header is the pin header of a board, whose places are called P1_1, P1_2 and so on.
type Header byte

// The headers.
const (
	NoHeader        Header = iota // none, or one whose wiring is not known here: lines go by name
	Header40                      // of every Raspberry Pi since the Model A+ and B+, and of most carriers of the Compute Modules 4 and 5
	Header26                      // of the Raspberry Pi Model A, and Model B revision 2
	Header26Rev1                  // of the Raspberry Pi Model B revision 1, which has other lines at three places
	Header26Unknown               // one of the two before
)

// places is the GPIO number at each place of the 40-pin header; -1 is supply or ground. The 26-pin header has its first 26.
var places = [41]int{-1,
	-1, -1, 2, -1, 3, -1, 4, 14, -1, 15,
	17, 18, 27, -1, 22, 23, -1, 24, 10, -1,
	9, 25, 11, 8, -1, 7, 0, 1, 5, -1,
	6, 12, 13, -1, 19, 16, 26, 20, -1, 21,
}

// revision1 is where the first revision differs.
var revision1 = map[int]int{3: 0, 5: 1, 13: 21}

// size is the number of places.
func (h Header) size() int {
	switch h {
	case Header40:
		return 40
	case Header26, Header26Rev1, Header26Unknown:
		return 26
	}
	return 0
}

// String says what header it is.
func (h Header) String() string {
	if h == NoHeader {
		return "none"
	}
	return strconv.Itoa(h.size()) + " pins"
}

// line is the name of the line at a place, written as in the configuration: "11" of P1_11.
func (h Header) line(place string) (string, error) {
	n, err := strconv.Atoi(place)
	if err != nil || n < 1 || n > h.size() {
		return "", fmt.Errorf("no place %s on the header; write P1_1 to P1_%d", place, h.size())
	}
	number := places[n]
	if other, differs := revision1[n]; differs {
		switch h {
		case Header26Rev1:
			number = other
		case Header26Unknown:
			return "", fmt.Errorf("P1_%d is GPIO%d on a Model B of revision 1 and GPIO%d on a later one, and this one does not say what it is; write the name of the line", n, other, number)
		}
	}
	if number < 0 {
		return "", fmt.Errorf("P1_%d is supply or ground, not a line; GPIO17 is P1_11", n)
	}
	return "GPIO" + strconv.Itoa(number), nil
}

// lineName understands P1_11 as well as the name itself.
func (m Machine) lineName(name string) (string, error) {
	place, isPlace := strings.CutPrefix(name, "P1_")
	if !isPlace {
		return name, nil
	}
	if m.Header == NoHeader {
		return "", fmt.Errorf("%s: the header of this machine (%s) is not known; write the line by its name, as gpioinfo shows it, or as CHIP:NUMBER", name, m.Model)
	}
	return m.Header.line(place)
}
