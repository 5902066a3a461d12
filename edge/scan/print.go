package scan

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Write writes the report as YAML: findings as comments, then what can be configured. head comes before it, as lines of YAML.
func (r *Report) Write(out io.Writer, head ...string) error {
	var b strings.Builder
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "# %s\n", s.Title)
		width := 0
		for _, f := range s.Findings {
			width = max(width, len(f.Where))
		}
		for _, f := range s.Findings {
			if f.Where == "" {
				fmt.Fprintf(&b, "#   %s\n", plain(f.What))
				continue
			}
			fmt.Fprintf(&b, "#   %-*s  %s\n", width, plain(f.Where), plain(f.What))
		}
		if len(s.Findings) == 0 {
			b.WriteString("#   none\n")
		}
	}
	r.configuration(&b, head)
	_, err := io.WriteString(out, b.String())
	return err
}

// plain keeps what a device said from being anything but a comment, on a terminal and in the file.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// names gives each thing a name of its own.
type names map[string]bool

func (n names) unique(wanted string) string {
	name := wanted
	for i := 2; n[name]; i++ {
		name = fmt.Sprintf("%s_%d", wanted, i)
	}
	n[name] = true
	return name
}

// configuration writes buses and sensors. What is doubtful stands as a comment.
func (r *Report) configuration(out *strings.Builder, head []string) {
	buses, sensors := names{}, names{}
	byDevice := map[string]string{}
	var busLines, sensorLines []string
	usable := map[string]bool{}
	blocks := r.blocks()
	for _, b := range blocks {
		usable[b.device] = usable[b.device] || b.doubt == ""
	}
	for _, b := range blocks {
		if b.device != "" && byDevice[b.device] == "" {
			byDevice[b.device] = buses.unique(b.bus)
			busLines = append(busLines, comment(!usable[b.device], fmt.Sprintf("  %s: {%s}", byDevice[b.device], b.device)))
		}
		for _, line := range b.lines(sensors.unique(b.name), byDevice[b.device]) {
			sensorLines = append(sensorLines, comment(b.doubt != "", line))
		}
	}
	if len(sensorLines) == 0 {
		out.WriteString("\n# nothing that could be configured was found\n")
		return
	}
	out.WriteString("\n# Configuration to paste: names and intervals are yours to choose. Lines with # are doubtful.\n")
	for _, h := range head {
		out.WriteString(h + "\n")
	}
	section(out, "buses", busLines)
	section(out, "sensors", sensorLines)
}

// section writes a key with lines below, as a comment where all of them are.
func section(out *strings.Builder, key string, lines []string) {
	if len(lines) == 0 {
		return
	}
	all := true
	for _, l := range lines {
		all = all && strings.HasPrefix(l, "#")
	}
	out.WriteString(comment(all, key+":") + "\n" + strings.Join(lines, "\n") + "\n")
}

func comment(is bool, line string) string {
	if is {
		return "#" + line
	}
	return line
}

func (r *Report) blocks() (all []*block) {
	for _, s := range r.Sections {
		for _, f := range s.Findings {
			if f.block != nil {
				all = append(all, f.block)
			}
		}
	}
	return all
}

// lines are those of a sensor.
func (b *block) lines(name, bus string) []string {
	keys := b.keys
	if bus != "" {
		keys = append(keys[:1:1], append([]string{"bus: " + bus}, keys[1:]...)...)
	}
	if len(b.values) == 0 {
		return []string{fmt.Sprintf("  %s: {%s}", name, strings.Join(keys, ", "))}
	}
	lines := []string{fmt.Sprintf("  %s:", name)}
	for _, k := range keys {
		lines = append(lines, "    "+k)
	}
	lines = append(lines, "    values:")
	for _, v := range b.values {
		lines = append(lines, "      "+v)
	}
	return lines
}
