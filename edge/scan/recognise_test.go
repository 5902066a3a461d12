package scan

import (
	"regexp"
	"strings"
	"testing"

	"skerry/board"
)

// FuzzRecognise: whatever a port says, nothing panics, and the pattern that is made of a line fits it.
func FuzzRecognise(f *testing.F) {
	for _, s := range []string{"", "$GPGGA*00\r\n", "T=21.5 H=40\r\nT=21.6 H=40\r\n", "ST,GS,  +39.42kg\n", "1 2 3\n4 5 6\n", "a'b: #1\nc'd\n", "\xAA\xC0\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, heard []byte) {
		recognise(heard, "/dev/ttyS0", 9600)
		line, ok := textLine(heard)
		if !ok {
			return
		}
		re, err := regexp.Compile("^(?:" + patternOf(line) + ")$")
		if err != nil {
			t.Fatal(err)
		}
		if !re.MatchString(line) {
			t.Errorf("%q does not fit %q", re, line)
		}
	})
}

func TestPatterns(t *testing.T) {
	for line, others := range map[string][]string{
		"ST,GS,  +39.42kg": {"ST,GS,   +9.42kg", "ST,GS,-139.42kg"},
		"T=21.5 H=40%":     {"T=-1.5 H=100%", "T= 1.5 H= 40%"},
		"12.5 13 14":       {"1.5  130 4"},
	} {
		re := regexp.MustCompile("^(?:" + patternOf(line) + ")$")
		for _, other := range append(others, line) {
			if !re.MatchString(other) {
				t.Errorf("%q does not fit %q, made of %q", other, re, line)
			}
		}
	}
	if got := quoted("it's"); got != "'it''s'" {
		t.Error(got)
	}
	if strings.ContainsAny(plain("a\nb\x1b[2J\u2028c"), "\n\x1b\u2028") {
		t.Error("what a device says can end a comment")
	}
}

// TestLinesWithoutNames: free lines of an expander, which have numbers only, are found too.
func TestLinesWithoutNames(t *testing.T) {
	c := board.GPIOChip{Name: "gpiochip2", Label: "mcp23017", Lines: make([]board.GPIOLine, 8)}
	c.Lines[3].UsedBy, c.Lines[6].Name = "skerry", "DOOR"
	if got, want := linesOf(c), "gpiochip2, 8 lines, free: DOOR mcp23017:0 to 2, 4 to 5, 7, taken: line 3 (skerry)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
