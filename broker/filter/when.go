package filter

import (
	"strings"
	"time"
)

// good is the quality of a reading that does not say otherwise.
const good = "good"

// severities are the qualities of readings, the better first. One that is not among them is worse.
var severities = []string{good, "clock-unset", "suspect", "stale"}

func severity(quality string) int {
	for i, s := range severities {
		if quality == s {
			return i
		}
	}
	return len(severities)
}

// quality is the member `quality` of a payload, or that of the worst of its `values`; good if there is none. A payload that cannot be read has none.
func (s *Subject) quality() any {
	s.readPayload()
	if s.data == nil {
		return nil
	}
	d, _ := s.data.(map[string]any)
	if q, ok := d["quality"].(string); ok {
		return q
	}
	worst := good
	values, _ := d["values"].(map[string]any)
	for _, v := range values {
		one, _ := v.(map[string]any)
		q, ok := one["quality"].(string)
		if ok && (severity(q) > severity(worst) || severity(q) == severity(worst) && q < worst) {
			worst = q
		}
	}
	return worst
}

// moment is when the message was measured, as its payload says, or else published; missing if nobody knows the date.
func (s *Subject) moment() any {
	s.readPayload()
	if d, ok := s.data.(map[string]any); ok {
		if at, ok := momentOf(d["time"]); ok {
			return calendar(at)
		}
	}
	if s.Date == nil {
		return nil
	}
	now, known := s.Date()
	if !known {
		return nil
	}
	return calendar(now.Add(-s.Age))
}

// latest is the last second of the year 9999: what is later is no time, or one in milliseconds.
const latest = 253402300799

// momentOf reads a time in RFC 3339, or in seconds since 1970.
func momentOf(v any) (time.Time, bool) {
	switch v := v.(type) {
	case string:
		at, err := time.Parse(time.RFC3339, strings.ToUpper(v))
		return at, err == nil
	case float64:
		if v > 0 && v <= latest {
			return time.UnixMilli(int64(v * 1000)), true
		}
	}
	return time.Time{}, false
}

// calendar is a moment as expressions see it, in UTC.
func calendar(at time.Time) map[string]any {
	at = at.UTC()
	weekday := int(at.Weekday())
	if weekday == 0 {
		weekday = 7
	}
	return map[string]any{
		"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "weekday": weekday,
		"hour": at.Hour(), "minute": at.Minute(), "second": at.Second(), "unix": float64(at.UnixMilli()) / 1000,
	}
}
