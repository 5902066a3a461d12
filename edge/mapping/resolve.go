package mapping

import (
	"bytes"
	"time"
)

// What a payload of this package says of the time. In no text of a payload can these words stand: there quotes are escaped.
const (
	timeKey    = `"time":"`
	unsetKey   = `,"quality":"clock-unset"`
	unsetClock = `,"clock":"unset"` // beside another quality
)

// Time is the first time in a JSON payload of this package, which is that of the whole.
func Time(payload []byte) (time.Time, bool) {
	_, rest, found := bytes.Cut(payload, []byte(timeKey))
	if !found || len(rest) < len(timeLayout) {
		return time.Time{}, false
	}
	t, err := time.Parse(timeLayout, string(rest[:len(timeLayout)]))
	return t, err == nil
}

// Resolve puts a payload right that was written while the clock was not set: its first time was in truth at, the others as much
// later or earlier as they say, and the mark goes. The result is new; nil for a payload that is not of this package.
func Resolve(payload []byte, at time.Time) []byte {
	first, ok := Time(payload)
	if !ok {
		return nil
	}
	off := at.Sub(first)
	if !first.Add(off).Equal(at) {
		return nil // centuries: no clock of ours said that
	}
	out := make([]byte, 0, len(payload))
	unmarked := bytes.ReplaceAll(bytes.ReplaceAll(payload, []byte(unsetKey), nil), []byte(unsetClock), nil)
	for rest := unmarked; ; {
		before, after, found := bytes.Cut(rest, []byte(timeKey))
		if out = append(out, before...); !found {
			return out
		}
		out = append(out, timeKey...)
		if rest = after; len(after) < len(timeLayout) {
			continue
		}
		if t, err := time.Parse(timeLayout, string(after[:len(timeLayout)])); err == nil {
			out = t.Add(off).UTC().AppendFormat(out, timeLayout)
			rest = after[len(timeLayout):]
		}
	}
}
