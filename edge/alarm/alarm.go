package alarm

import (
	"math"
	"time"

	"skerry/edge/config"
	"skerry/edge/formula"
	"skerry/edge/mapping"
)

// alarm is one rule and how it stands.
type alarm struct {
	config  config.Alarm
	raised  bool
	at      time.Time // raised: the moment; zero: in a former run
	since   time.Time // raised in a former run: when; zero: that was not known
	holds   time.Time // not raised: since when the condition holds; zero: it does not
	unknown time.Time // since when it cannot be told; zero: it can
	told    time.Time // when that was last logged
	judged  bool      // it could be told at least once
}

// change is what becomes of an alarm.
type change byte

const (
	nothing change = iota
	raise
	clearing
)

// judge tells what is to become of an alarm, by what its inputs are now.
func (a *alarm) judge(now time.Time, values map[string]mapping.Now) change {
	if a.raised {
		if a.over(values) == formula.True {
			return clearing
		}
		return nothing
	}
	holds := truth(a.config.When.Condition, values)
	if holds == formula.True && a.over(values) == formula.True { // it would be cleared at once
		holds = formula.False
	}
	a.judged = a.judged || holds != formula.Unknown
	switch holds {
	case formula.True:
		if a.holds.IsZero() || !a.unknown.IsZero() && now.Sub(a.unknown) > a.config.For {
			a.holds = now
		}
		a.unknown = time.Time{}
		if now.Sub(a.holds) >= a.config.For {
			return raise
		}
	case formula.False:
		a.holds, a.unknown = time.Time{}, time.Time{}
	case formula.Unknown:
		if a.unknown.IsZero() {
			a.unknown = now
		}
	}
	return nothing
}

// over tells whether what clears the alarm holds.
func (a *alarm) over(values map[string]mapping.Now) formula.Truth {
	if c := a.config.Clear.Condition; c != nil {
		return truth(c, values)
	}
	switch truth(a.config.When.Condition, values) {
	case formula.True:
		return formula.False
	case formula.False:
		return formula.True
	}
	return formula.Unknown
}

// due is when the condition has held for long enough; zero: it does not hold.
func (a *alarm) due() time.Time {
	if a.raised || a.holds.IsZero() || !a.unknown.IsZero() {
		return time.Time{}
	}
	return a.holds.Add(a.config.For)
}

// deciding is the condition that the next change, or the last one, hangs on.
func (a *alarm) deciding(c change) config.Condition {
	if c == clearing && a.config.Clear.Condition != nil {
		return a.config.Clear
	}
	return a.config.When
}

// truth judges a condition. A value that nothing is known of yet cannot be used.
func truth(c *formula.Condition, values map[string]mapping.Now) formula.Truth {
	n := len(c.Inputs)
	numbers, texts, uses := make([]float64, n), make([]string, n), make([]formula.Use, n)
	for i, in := range c.Inputs {
		v, known := values[in.String()]
		numbers[i], texts[i] = v.Number, v.Text
		switch {
		case !known:
			uses[i] = formula.Unread
		case v.Usable() && (in.Text && v.Text != "" || !in.Text && !math.IsNaN(v.Number)):
			uses[i] = formula.Usable
		default:
			uses[i] = formula.Unusable
		}
	}
	return c.Judge(numbers, texts, uses)
}

// names are the values that an alarm hangs on.
func (a *alarm) names() []string {
	var all []string
	for _, c := range []*formula.Condition{a.config.When.Condition, a.config.Clear.Condition} {
		if c == nil {
			continue
		}
		for _, in := range c.Inputs {
			all = append(all, in.String())
		}
	}
	return all
}
