package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"skerry/edge/uplink/kind"
)

// listeners looks at what is open to others.
func listeners(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil {
		return
	}
	b := s.Config.Broker
	for _, l := range b.Listeners {
		about := "listener " + l.Name
		switch {
		case l.Local() || l.MovedTo != "" || l.UseOther != "":
			continue
		case l.Anonymous:
			r.problem(about, l.Address()+" lets anybody on the network in", "take anonymous out and make users: `skerry user add FILE NAME`, broker: {users_file: FILE}; or listen on 127.0.0.1 only")
		}
		if l.TLS == nil {
			r.problem(about, l.Address()+" has no TLS: passwords and payloads can be read on the network", "tls: {cert: FILE, key: FILE}, see docs/listeners.md; or listen on 127.0.0.1 only")
			continue
		}
		if !l.Anonymous {
			r.note(about, "%s has TLS and users", l.Address())
		}
	}
}

// uplinks looks whether a password leaves the station in the clear.
func uplinks(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil {
		return
	}
	for _, u := range s.Config.Uplinks {
		for _, server := range u.Servers {
			if !server.TLS && u.PasswordFile != "" && !server.Local() {
				r.problem("uplink "+u.Name, "the password can be read on the way to "+server.String(), "mqtt: \"tls://HOST:8883\", if the server has TLS")
			}
		}
	}
}

// stamps looks whether packets on a link that is paid by the byte could be smaller.
func stamps(ctx context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.text(ctx, "proc/sys/net/ipv4/tcp_timestamps") == "0" || !s.there("proc/sys/net/ipv4/tcp_timestamps") {
		return
	}
	for _, u := range s.Config.Uplinks {
		for _, l := range u.Links {
			if kind.Of(l.Kind).Metered || l.Price.Per > 0 || l.Budget != nil {
				r.note("link "+u.Name+"/"+l.Name, "it is paid by the byte, and 12 bytes of each packet are time stamps of TCP: sysctl -w net.ipv4.tcp_timestamps=0 does without, until the next start: docs/connection.md")
				return // it is one setting for all
			}
		}
	}
}

// sensors looks how those of the running station fare.
func sensors(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil || len(s.Config.Sensors) == 0 {
		return
	}
	if !s.Running {
		r.note("sensors", "the station does not run; `skerry sensors read NAME` tries one")
		return
	}
	if len(s.Sensors) == 0 {
		r.note("sensors", "how they fare is not known: the station was not asked")
		return
	}
	well := 0
	for _, x := range s.Sensors {
		about := "sensor " + x.Name
		switch {
		case x.Failures > 0:
			what, hint := apart(x.Error, "`skerry sensors read "+x.Name+"` reads it now")
			times := fmt.Sprintf("%d times in a row", x.Failures)
			if x.Failures == 1 {
				times = "once"
			}
			r.problem(about, "failed "+times+": "+what, hint)
		case len(x.Stale) > 0:
			r.problem(about, "is stale: "+strings.Join(x.Stale, ", ")+" had no reading for too long", "`skerry sensors read "+x.Name+"` reads it now and says what is wrong")
		default:
			well++
		}
		late(x, r)
	}
	if well == len(s.Sensors) {
		r.note("sensors", "all %d answer", well)
	}
}

// A device that answers late now and then, as one that is switched on again does, needs nothing.
const (
	fewLate    = 3
	oneLateIn  = 200
	mostToWait = 5 * time.Second // that a configuration can give a device
)

// late names a sensor whose device takes longer for its answers than it has.
func late(x Sensor, r *Report) {
	l := x.Late
	if l.Late < fewLate || l.Late*oneLateIn < l.Asked {
		return
	}
	what := fmt.Sprintf("%d of %d answers came after the %v that its device has, and were dropped", l.Late, l.Asked, l.Timeout)
	slowest := 2 * l.Timeout
	if l.Slowest > 0 {
		slowest = l.Slowest * 5 / 4
		what += fmt.Sprintf("; one took %v", l.Slowest.Round(time.Millisecond))
	}
	const step = 100 * time.Millisecond
	fix := fmt.Sprintf("timeout: %v, for the sensor %s", (slowest + step - 1).Truncate(step), x.Name)
	if slowest > mostToWait {
		fix = "no timeout is long enough: look at the line, at what is between it and the station, and at what else the device does"
	}
	r.problem("sensor "+x.Name, what, fix)
}

// apart separates the hint that an error ends with.
func apart(text, otherwise string) (what, hint string) {
	if at := strings.LastIndex(text, "; "); at > 0 {
		return text[:at], text[at+2:]
	}
	return text, otherwise
}

// outputs looks how those of the running station fare.
func outputs(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil || !s.Running || len(s.Outputs) == 0 {
		return
	}
	well := 0
	for _, x := range s.Outputs {
		if x.Failures == 0 {
			well++
			continue
		}
		what, hint := apart(x.Error, "`skerry outputs list` shows what it has and waits for")
		r.problem("output "+x.Name, fmt.Sprintf("failed %d times in a row: %s", x.Failures, what), hint)
	}
	if well == len(s.Outputs) {
		r.note("outputs", "all %d answer", well)
	}
}
