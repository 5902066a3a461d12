package main

import (
	"strings"
	"unicode/utf8"
)

// gridWidth is how wide a grid becomes at most: the last column gives way.
const gridWidth = 100

// grid is a table with columns to the left and to the right.
type grid struct {
	right []bool
	rows  [][]string
}

// newGrid begins with the heads of the columns, each behind < or >.
func newGrid(heads ...string) *grid {
	g := &grid{}
	var row []string
	for _, h := range heads {
		g.right = append(g.right, h[0] == '>')
		row = append(row, h[1:])
	}
	g.row(row...)
	return g
}

// row adds one. It may have fewer cells than there are columns; the last one is then as wide as it likes.
func (g *grid) row(cells ...string) { g.rows = append(g.rows, cells) }

// write appends the table.
func (g *grid) write(b *strings.Builder) {
	widths := make([]int, len(g.right))
	for _, row := range g.rows {
		if len(row) < len(widths) { // its last cell goes over the columns behind it
			row = row[:len(row)-1]
		}
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range g.rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0))
			switch {
			case i == len(row)-1 && !g.right[i] || len(row) < len(widths) && i == len(row)-1:
				line.WriteString(cut(cell, gridWidth-utf8.RuneCountInString(line.String())))
			case g.right[i]:
				line.WriteString(pad + cell)
			default:
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// cut shortens a text that is too long.
func cut(text string, width int) string {
	if width = max(width, 8); utf8.RuneCountInString(text) <= width {
		return text
	}
	r := []rune(text)
	return string(r[:width-3]) + "..."
}
