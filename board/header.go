package board

import (
	"fmt"
	"strconv"
	"strings"
)

// gpioChip is a chip as the kernel lists it. Its name ends with a number that changes with the kernel; its label does not.
type gpioChip struct {
	name  string
	label string
	lines []string // names by offset; may be empty
}

// headerChips are the labels of the chips on whose lines GPIO0 to GPIO27 are the first 28, in the Raspberry Pis with a 40-pin header:
// the Pi 5, the Pi 4, all earlier ones.
var headerChips = []string{"pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"}

const headerLines = 28

// header is the GPIO number at each place of the 40-pin header; -1 is supply or ground.
var header = [41]int{-1,
	-1, -1, 2, -1, 3, -1, 4, 14, -1, 15,
	17, 18, 27, -1, 22, 23, -1, 24, 10, -1,
	9, 25, 11, 8, -1, 7, 0, 1, 5, -1,
	6, 12, 13, -1, 19, 16, 26, 20, -1, 21,
}

// findLine finds a line by its name: on the chip of the header first, then on all others.
func findLine(chips []gpioChip, name string) (chip string, offset int, err error) {
	wanted, err := lineName(name)
	if err != nil {
		return "", 0, err
	}
	var matches []gpioChip
	for _, c := range inOrder(chips) {
		if at, ok := c.find(wanted); ok {
			if c.isHeader() {
				return c.name, at, nil
			}
			matches, offset = append(matches, c), at
		}
	}
	switch len(matches) {
	case 0:
		return "", 0, fmt.Errorf("no line %s; %s", name, describe(chips))
	case 1:
		return matches[0].name, offset, nil
	}
	return "", 0, fmt.Errorf("line %s is on more than one chip: %s and %s; take another line", name, matches[0].label, matches[1].label)
}

// lineName understands P1_11 as well as the name itself.
func lineName(name string) (string, error) {
	place, isPlace := strings.CutPrefix(name, "P1_")
	if !isPlace {
		return name, nil
	}
	n, err := strconv.Atoi(place)
	if err != nil || n < 1 || n >= len(header) {
		return "", fmt.Errorf("no place %s on the header; write P1_1 to P1_40", name)
	}
	if header[n] < 0 {
		return "", fmt.Errorf("%s is supply or ground, not a line; GPIO17 is P1_11", name)
	}
	return "GPIO" + strconv.Itoa(header[n]), nil
}

// find looks for the name, and on the header's chip for the number: older device trees call GPIO2 "SDA1".
func (c gpioChip) find(name string) (offset int, ok bool) {
	for i, line := range c.lines {
		if line == name {
			return i, true
		}
	}
	number, isGPIO := strings.CutPrefix(name, "GPIO")
	n, err := strconv.Atoi(number)
	if !isGPIO || err != nil || n < 0 || n >= headerLines || !c.isHeader() || n >= len(c.lines) {
		return 0, false
	}
	return n, true
}

func (c gpioChip) isHeader() bool {
	for _, label := range headerChips {
		if c.label == label {
			return true
		}
	}
	return false
}

// inOrder puts the chips of the header first.
func inOrder(chips []gpioChip) []gpioChip {
	var first, rest []gpioChip
	for _, c := range chips {
		if c.isHeader() {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

// describe says what there is instead.
func describe(chips []gpioChip) string {
	if len(chips) == 0 {
		return "this machine shows no GPIO chips (ls /dev/gpiochip*); is it the board with the pins?"
	}
	var labels []string
	for _, c := range chips {
		labels = append(labels, fmt.Sprintf("%s with %d lines", c.label, len(c.lines)))
	}
	return "there is " + strings.Join(labels, ", ") + "; gpioinfo lists the names"
}
