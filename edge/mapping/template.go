package mapping

import (
	"strconv"

	"skerry/drivers"
	"skerry/edge/config"
)

// appendTemplate writes the payload in words of the user. One that does not name the quality is written while the value can be
// believed, as a bare number is. False: that it cannot was said before.
func (s *Sensor) appendTemplate(dst []byte, v *value) ([]byte, bool) {
	t := v.config.Template
	if !t.Has("quality") && (!v.believed() || v.now.quality == drivers.ClockUnset && tellsTime(t)) {
		changed := v.shown
		v.shown = false
		return dst, changed
	}
	v.shown = true
	for _, p := range t.Parts {
		if p.Word == "" {
			dst = append(dst, p.Text...)
		} else {
			dst = s.appendWord(dst, v, p.Word)
		}
	}
	return dst, true
}

func tellsTime(t *config.Template) bool { return t.Has("time") || t.Has("unix") || t.Has("unix_ms") }

// appendWord writes what stands for a placeholder.
func (s *Sensor) appendWord(dst []byte, v *value, word string) []byte {
	at := v.now.time
	switch word {
	case "value":
		if v.config.Doc.Text && v.now.text != "" {
			return append(dst, v.now.text...)
		}
		return v.appendNumber(dst)
	case "quoted":
		return v.appendNumber(dst)
	case "unit":
		return append(dst, v.config.Unit...)
	case "quality":
		return append(dst, v.now.quality.String()...)
	case "name":
		return append(dst, v.config.Name...)
	case "sensor":
		return append(dst, s.config.Name...)
	case "gateway":
		return append(dst, s.config.Gateway...)
	case "site":
		return append(dst, s.config.Site...)
	}
	switch {
	case at.IsZero() || v.now.marked(): // there is no word for it
		return dst
	case word == "unix":
		return strconv.AppendInt(dst, at.Unix(), 10)
	case word == "unix_ms":
		return strconv.AppendInt(dst, at.UnixMilli(), 10)
	}
	return at.UTC().AppendFormat(dst, timeLayout)
}
