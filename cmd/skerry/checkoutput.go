package main

import (
	"fmt"

	"skerry/edge/config"
)

// output says what an output does without a command, and where it is commanded.
func (s sheet) output(o config.Output) {
	about := o.Driver
	if o.Bus != "" {
		about += " on " + o.Bus
	}
	if o.Doc.Switch {
		about += ", on or off"
	} else {
		about += ", " + o.Span()
	}
	s.row("output "+o.Name, "%s", about)
	about = "at the start " + settingWords(o, o.Initial) + ", at the end " + settingWords(o, o.OnStop)
	if l := o.OnUplinkLoss; l != nil {
		about += fmt.Sprintf(", %s after %s without an uplink", settingWords(o, l.Set), config.FormatDuration(l.After))
	}
	s.row("", "%s", about)
	if o.MinOn > 0 || o.MinOff > 0 {
		s.row("", "at least %s on and %s off", config.FormatDuration(o.MinOn), config.FormatDuration(o.MinOff))
	}
	if i := o.Interlock; i != nil {
		s.row("", "never on beside %s, nor %s after it", i.With, config.FormatDuration(i.Gap))
	}
	about = ", set by `skerry outputs set` only"
	if o.Command.Topic != "" {
		about = fmt.Sprintf(", commanded on %s, for %s", o.Command.Topic, config.FormatDuration(o.Command.Expires))
		if o.Command.Time == config.TimeRequired {
			about += " from the time that a command has to say"
		}
	}
	s.row("", "%s%s", o.Topic, about)
}

// settingWords is what a setting comes to.
func settingWords(o config.Output, s config.Setting) string {
	switch s.Rule {
	case config.SetLast:
		return "as it was last"
	case config.SetKeep:
		return "as it is"
	}
	return o.Format(s.Value)
}
