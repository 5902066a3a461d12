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
	for i, l := range c.Lines {
		name := l.Name
		switch {
		case l.UsedBy != "" && name == "":
			used = append(used, fmt.Sprintf("line %d (%s)", i, l.UsedBy))
		case l.UsedBy != "":
			used = append(used, fmt.Sprintf("%s (%s)", name, l.UsedBy))
		case name != "" && name != "-":
			free = append(free, name)
		}
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
