package board

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/warthog618/go-gpiocdev"
)

// gpioChip is a chip as the kernel lists it. Its name ends with a number that changes with the kernel and with what is plugged in
// first; its label does not, nor does the device that it belongs to.
type gpioChip struct {
	name   string   // "gpiochip0"
	label  string   // "pinctrl-bcm2711"
	device string   // "fe200000.gpio"; "1-0020" of an expander at 0x20 on i2c-1
	lines  []string // names by offset; may be empty
}

// headerChips are the labels of the chips on whose lines GPIO0 to GPIO27 are the first 28, in the Raspberry Pis: the 5, the 4, all
// earlier ones.
var headerChips = []string{"pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"}

const headerLines = 28

func (c gpioChip) isHeader() bool { return slices.Contains(headerChips, c.label) }

// find looks for the name, and on the header's chip for the number: older device trees call GPIO2 "SDA1".
func (c gpioChip) find(name string) (offset int, ok bool) {
	if i := slices.Index(c.lines, name); i >= 0 {
		return i, true
	}
	number, isGPIO := strings.CutPrefix(name, "GPIO")
	n, err := strconv.Atoi(number)
	if !isGPIO || err != nil || n < 0 || n >= headerLines || !c.isHeader() || n >= len(c.lines) {
		return 0, false
	}
	return n, true
}

// findLine finds a line by what stands in the configuration: a name, a place on the header, or CHIP:LINE.
func findLine(m Machine, chips []gpioChip, name string) (chip string, offset int, err error) {
	if at := strings.LastIndexByte(name, ':'); at >= 0 {
		return findOnChip(chips, name[:at], name[at+1:])
	}
	wanted, err := m.lineName(name)
	if err != nil {
		return "", 0, err
	}
	var matches []gpioChip
	for _, c := range chips {
		at, ok := c.find(wanted)
		switch {
		case ok && c.isHeader(): // other chips may use the same names
			return c.name, at, nil
		case ok:
			matches, offset = append(matches, c), at
		}
	}
	switch len(matches) {
	case 0:
		return "", 0, fmt.Errorf("no line %s; %s", name, describe(chips))
	case 1:
		return matches[0].name, offset, nil
	}
	return "", 0, fmt.Errorf("line %s is on more than one chip; write %s:%s or %s:%s", name, matches[0].device, wanted, matches[1].device, wanted)
}

// findOnChip finds a line by its name or number on a chip that goes by its label or its device.
func findOnChip(chips []gpioChip, chip, line string) (string, int, error) {
	var matches []gpioChip
	for _, c := range chips {
		if chip != "" && (c.label == chip || c.device == chip) {
			matches = append(matches, c)
		}
	}
	switch len(matches) {
	case 0:
		return "", 0, fmt.Errorf("no GPIO chip %q; %s", chip, describe(chips))
	case 1:
	default:
		return "", 0, fmt.Errorf("more than one GPIO chip is %s; write %s:%s or %s:%s", chip, matches[0].device, line, matches[1].device, line)
	}
	c := matches[0]
	if at, ok := c.find(line); ok {
		return c.name, at, nil
	}
	if n, err := strconv.Atoi(line); err == nil && n >= 0 && n < len(c.lines) {
		return c.name, n, nil
	}
	return "", 0, fmt.Errorf("no line %q on %s; write its name, or 0 to %d", line, chip, len(c.lines)-1)
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

// listChips reads the names and labels of all chips and lines.
func listChips() ([]gpioChip, error) {
	var (
		chips  []gpioChip
		failed []error
	)
	for _, name := range gpiocdev.Chips() {
		chip, err := readChip(name)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
			continue
		}
		chips = append(chips, chip)
	}
	if len(chips) == 0 {
		return nil, errors.Join(failed...)
	}
	return chips, nil
}

func readChip(name string) (gpioChip, error) {
	c, err := gpiocdev.NewChip(name)
	if err != nil {
		return gpioChip{}, err
	}
	defer c.Close()
	chip := gpioChip{name: name, label: c.Label, device: deviceOf(name)}
	for offset := range c.Lines() {
		info, err := c.LineInfo(offset)
		if err != nil {
			return gpioChip{}, fmt.Errorf("line %d: %w", offset, err)
		}
		chip.lines = append(chip.lines, info.Name)
	}
	return chip, nil
}

// deviceOf is the device that a chip belongs to: its folder in sysfs lies in that of the device.
func deviceOf(chip string) string {
	folder, err := filepath.EvalSymlinks("/sys/bus/gpio/devices/" + chip)
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(folder))
}
