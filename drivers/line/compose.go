package line

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"skerry/drivers"
)

// Compose makes the line that a device says when its values are those numbers and texts: for who plays the device. asked tells what it
// is asked with; empty: it talks by itself. A pattern for which no line is found is an error.
func Compose(s drivers.Setup, number func(value string) float64, text func(value string) string) (line, asked string, err error) {
	o := options(s)
	say := func(v value, fits func(string) bool) (string, bool) {
		if v.text {
			t := text(v.name)
			return t, fits(t)
		}
		return write(number(v.name), o.Comma, fits)
	}
	if o.Separator != "" {
		line = o.fields(named(s), say)
	} else if line, err = o.match(named(s), say); err != nil {
		return "", "", err
	}
	return line + string(o.End), string(o.Request), nil
}

// write writes a number in the first form that fits.
func write(x float64, comma bool, fits func(string) bool) (string, bool) {
	forms := []string{"%.2f", "%.1f", "%.3f", "%.0f", "%+.2f", "%+.1f", "%+.0f", "%7.2f", "%+8.2f", "%05.0f", "%04.0f", "%03.0f", "%02.0f", "%06.2f", "%05.1f"}
	for n := 1; n <= 12; n++ { // a fixed number of digits
		forms = append(forms, fmt.Sprintf("%%0%d.0f", n), fmt.Sprintf("%%0%d.1f", n), fmt.Sprintf("%%0%d.2f", n), fmt.Sprintf("%%+0%d.2f", n))
	}
	for _, f := range forms {
		t := fmt.Sprintf(f, x)
		if comma {
			t = strings.Replace(t, ".", ",", 1)
		}
		if fits(t) {
			return t, true
		}
	}
	return strconv.FormatFloat(x, 'f', 2, 64), false
}

// fields is a line of separated values; those without a name are 0.
func (o Opts) fields(all []value, say func(value, func(string) bool) (string, bool)) string {
	n := o.Fields
	for _, v := range all {
		n = max(n, v.field)
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = "0"
	}
	sep := string(o.Separator)
	for _, v := range all {
		parts[v.field-1], _ = say(v, func(t string) bool { return !strings.Contains(t, strings.TrimSpace(sep)) || sep == " " })
	}
	return strings.Join(parts, sep)
}

// match is a line that the pattern fits.
func (o Opts) match(all []value, say func(value, func(string) bool) (string, bool)) (string, error) {
	tree, err := syntax.Parse(o.Pattern.String(), syntax.Perl)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := sample(&b, tree, all, say); err != nil {
		return "", err
	}
	line := b.String()
	got, ok := (&decoder{opts: o, values: all}).parts(line)
	for _, v := range all {
		if _, there := got[v.name]; !ok || !there {
			return "", fmt.Errorf("no line was found that fits the pattern %s", o.Pattern)
		}
	}
	return line, nil
}

// sample writes the shortest text that an expression fits, with values in the groups that have their names.
func sample(b *strings.Builder, x *syntax.Regexp, all []value, say func(value, func(string) bool) (string, bool)) error {
	switch x.Op {
	case syntax.OpLiteral:
		b.WriteString(string(x.Rune))
	case syntax.OpCharClass:
		b.WriteRune(letter(x.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture:
		for _, v := range all {
			if v.name == x.Name {
				return group(b, x, v, say)
			}
		}
		return sample(b, x.Sub[0], all, say)
	case syntax.OpPlus:
		return sample(b, x.Sub[0], all, say)
	case syntax.OpStar, syntax.OpQuest:
		if hasGroup(x, all) {
			return sample(b, x.Sub[0], all, say)
		}
	case syntax.OpRepeat:
		for range max(x.Min, 1) {
			if err := sample(b, x.Sub[0], all, say); err != nil {
				return err
			}
		}
	case syntax.OpAlternate:
		for _, sub := range x.Sub {
			if hasGroup(sub, all) {
				return sample(b, sub, all, say)
			}
		}
		return sample(b, x.Sub[0], all, say)
	case syntax.OpConcat:
		for _, sub := range x.Sub {
			if err := sample(b, sub, all, say); err != nil {
				return err
			}
		}
	}
	return nil
}

// group writes a value so that the expression of its group fits.
func group(b *strings.Builder, x *syntax.Regexp, v value, say func(value, func(string) bool) (string, bool)) error {
	re, err := regexp.Compile("^(?:" + x.Sub[0].String() + ")$")
	if err != nil {
		return err
	}
	text, ok := say(v, re.MatchString)
	if !ok {
		return fmt.Errorf("value %s: %q does not fit its group in the pattern, %s", v.name, text, x.Sub[0])
	}
	b.WriteString(text)
	return nil
}

func hasGroup(x *syntax.Regexp, all []value) bool {
	for _, v := range all {
		if x.Op == syntax.OpCapture && x.Name == v.name {
			return true
		}
	}
	for _, sub := range x.Sub {
		if hasGroup(sub, all) {
			return true
		}
	}
	return false
}

// letter is one of a class that can be printed, if there is one.
func letter(ranges []rune) rune {
	for i := 0; i+1 < len(ranges); i += 2 {
		low, high := ranges[i], ranges[i+1]
		if high >= ' ' && low < 0x7F {
			return max(low, ' ')
		}
	}
	if len(ranges) == 0 || ranges[0] > math.MaxInt16 {
		return ' '
	}
	return ranges[0]
}
