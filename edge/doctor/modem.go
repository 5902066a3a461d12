package doctor

import (
	"context"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/uplink/modem"
)

// modems looks for those of the links of uplinks. None is asked for its signal: a running station does that.
func modems(ctx context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.simulated() {
		return
	}
	for _, u := range s.Config.Uplinks {
		for _, l := range u.Links {
			for _, f := range modem.Explain(ctx, modem.Options{Modem: word(l.Modem), Program: s.ModemManager}, s.Files) {
				if about := modemOf(u, l); f.Fix != "" {
					r.problem(about, f.What, f.Fix)
				} else {
					r.note(about, "%s", f.What)
				}
			}
		}
	}
}

func modemOf(u config.Uplink, l config.Link) string { return "modem of " + u.Name + "/" + l.Name }

// word is how package modem names one.
func word(m config.Modem) string {
	switch {
	case m.Auto:
		return modem.Auto
	case m.Port != "":
		return m.Port
	}
	return modem.Absent
}

// modemNeeds are the devices of modems that the user of the station must be able to open.
func (s *Subject) modemNeeds() (all []need) {
	if s.Config == nil {
		return nil
	}
	for _, u := range s.Config.Uplinks {
		for _, l := range u.Links {
			if l.Modem.Port != "" {
				all = append(all, need{modemOf(u, l), drivers.SerialBus, l.Modem.Port})
			}
			if l.Modem.Power.Pin != "" {
				all = append(all, need{modemOf(u, l), drivers.GPIOBus, "/dev/gpiochip*"})
			}
		}
	}
	return all
}
