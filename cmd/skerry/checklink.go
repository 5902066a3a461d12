package main

import (
	"fmt"
	"slices"
	"strings"

	"skerry/edge/config"
)

// links says how an uplink reaches its servers, where the file does.
func (s sheet) links(u config.Uplink) {
	if len(u.Links) == 1 && u.Links[0].Name == "default" && u.Links[0].Interface == "" {
		return
	}
	for i, l := range u.Links {
		first := "over"
		if i > 0 {
			first = "else over"
		}
		s.row("", "%s %s", first, linkWords(l))
	}
}

func linkWords(l config.Link) string {
	words := l.Name + ": " + l.Kind
	if l.Interface != "" {
		words += " at " + l.Interface
	}
	words += ", keep-alive " + l.KeepAlive.String()
	switch {
	case l.Modem.Auto:
		words += ", modem by ModemManager"
	case !l.Modem.None():
		words += ", modem at " + l.Modem.Port
	}
	if len(l.Classes) > 0 {
		words += ", only " + strings.Join(l.Classes, ", ")
	}
	if t := l.Schedule; t != nil {
		words += fmt.Sprintf(", every %s for %s", config.FormatDuration(t.Every), config.FormatDuration(t.Stay))
		if len(t.AtOnce) > 0 {
			words += ", at once for " + strings.Join(t.AtOnce, ", ")
		}
		if l.Carries(config.AlarmClass) && !slices.Contains(t.AtOnce, config.AlarmClass) {
			words += ", alarms wait for it too"
		}
	} else if l.OnDemand() {
		words += ", on demand"
	} else if l.Chooses() {
		words += ", on demand if that costs less"
	}
	if l.Budget != nil {
		var parts []string
		for _, a := range l.Budget.Bytes {
			parts = append(parts, a.String())
		}
		words += fmt.Sprintf(", at most %s, %v of it for alarms", strings.Join(parts, " and "), l.Budget.Reserve)
		if z := l.Budget.Zone.Location; z != nil {
			words += ", days of " + z.String()
		}
		if l.Budget.Count == config.ByInterface {
			words += ", counted at the interface"
		}
		if u := l.Billed(); u.Name != "" && u.Name != "bytes" {
			words += ", billed: " + u.String()
		}
	}
	return words
}
