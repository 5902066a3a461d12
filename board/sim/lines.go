package sim

import (
	"fmt"

	"skerry/board"
)

// GPIOChips is the chip of a header with 28 lines, of which I2C and 1-Wire take three.
func (b *Board) GPIOChips() ([]board.GPIOChip, error) {
	used := map[int]string{2: "the kernel", 3: "the kernel", 4: "onewire@0"}
	chip := board.GPIOChip{Name: "gpiochip0", Label: "pinctrl-bcm2711"}
	for n := range 28 {
		chip.Lines = append(chip.Lines, board.GPIOLine{Name: fmt.Sprintf("GPIO%d", n), UsedBy: used[n]})
	}
	return []board.GPIOChip{chip}, nil
}
