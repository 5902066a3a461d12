package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// grouped writes 1234567 as 1,234,567.
func grouped[N int | uint64](n N) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// size writes bytes with three digits and a decimal unit.
func size[N int | uint64 | float64](bytes N) string {
	n := float64(bytes)
	if n < 1000 {
		return fmt.Sprintf("%.0f B", n)
	}
	unit := ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if n /= 1000; n < 999.5 {
			break
		}
	}
	digits := 2
	switch {
	case n >= 99.95:
		digits = 0
	case n >= 9.995:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, n, unit)
}

// lasting writes a time in seconds with its two largest units.
func lasting(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dmin%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dmin", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// shown is a text from elsewhere as a terminal can show it: quoted, if it is not all letters.
func shown(text string) string {
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return strconv.Quote(text)
		}
	}
	return text
}

// several is "1 message" or "2 messages".
func several[N int | uint64](n N, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "sh"):
		one += "e"
	case strings.HasSuffix(one, "y"):
		one = strings.TrimSuffix(one, "y") + "ie"
	}
	return grouped(n) + " " + one + "s"
}
