package board

import (
	"fmt"

	"github.com/warthog618/go-gpiocdev"
)

// GPIOChip is a GPIO chip with all its lines.
type GPIOChip struct {
	Name  string // "gpiochip0"; the number changes with the kernel
	Label string // "pinctrl-bcm2711"
	Lines []GPIOLine
}

// GPIOLine is one of them.
type GPIOLine struct {
	Name   string // "GPIO17"; may be empty
	UsedBy string // who has it; empty: nobody
}

// GPIOChips lists the chips of this machine, and who has their lines. It takes none.
func (b *Board) GPIOChips() ([]GPIOChip, error) {
	var all []GPIOChip
	for _, name := range gpiocdev.Chips() {
		chip, err := linesOf(name)
		if err != nil {
			return all, gpioHints.explain("/dev/"+name, err)
		}
		all = append(all, chip)
	}
	return all, nil
}

func linesOf(name string) (GPIOChip, error) {
	c, err := gpiocdev.NewChip(name)
	if err != nil {
		return GPIOChip{}, err
	}
	defer c.Close()
	chip := GPIOChip{Name: name, Label: c.Label}
	for offset := range c.Lines() {
		info, err := c.LineInfo(offset)
		if err != nil {
			return GPIOChip{}, fmt.Errorf("line %d: %w", offset, err)
		}
		line := GPIOLine{Name: info.Name, UsedBy: info.Consumer}
		if info.Used && line.UsedBy == "" {
			line.UsedBy = "the kernel"
		}
		chip.Lines = append(chip.Lines, line)
	}
	return chip, nil
}
