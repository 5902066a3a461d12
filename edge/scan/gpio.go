package scan

import (
	"fmt"
	"strings"

	"skerry/board"
)

// gpio lists the chips and the lines that nobody has.
func gpio(m Machine) Section {
	s := Section{Title: "GPIO"}
	chips, err := m.GPIOChips()
	for _, c := range chips {
		s.add(c.Label, linesOf(c), nil)
	}
	if err != nil {
		s.add("", err.Error(), nil)
	}
	if len(s.Findings) == 0 {
		s.add("", "this machine shows no GPIO chips", nil)
	}
	return s
}

func linesOf(c board.GPIOChip) string {
	var free, used []string
	var numbers []int // of free lines without a name
	for i, l := range c.Lines {
		name := l.Name
		switch {
		case l.UsedBy != "" && name == "":
			used = append(used, fmt.Sprintf("line %d (%s)", i, l.UsedBy))
		case l.UsedBy != "":
			used = append(used, fmt.Sprintf("%s (%s)", name, l.UsedBy))
		case name != "" && name != "-":
			free = append(free, name)
		case name == "":
			numbers = append(numbers, i)
		}
	}
	if len(numbers) > 0 {
		free = append(free, c.Label+":"+ranges(numbers))
	}
	text := fmt.Sprintf("%s, %d lines", c.Name, len(c.Lines))
	if len(free) > 0 {
		text += ", free: " + strings.Join(free, " ")
	}
	if len(used) > 0 {
		text += ", taken: " + strings.Join(used, ", ")
	}
	return text
}

// ranges writes numbers that rise: "0 to 2, 5".
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		part := fmt.Sprint(numbers[i])
		if last > i {
			part += fmt.Sprintf(" to %d", numbers[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ", ")
}
