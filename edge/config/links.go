package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/modem"
)

const (
	maxLinks         = 8  // of one uplink
	maxInterface     = 15 // bytes, the kernel's limit
	defaultKeepAlive = time.Minute
	defaultStay      = 45 * time.Second
	defaultReserve   = Percent(10)
)

// links resolves the ways of an uplink: those named, or the one over the system's routes.
func (d *decoder) links(at string, u *Uplink, streams []Stream) {
	key := at + ".links"
	switch {
	case !d.given(key):
		u.Links = DefaultLinks(*u)
		return
	case len(u.Links) == 0 && d.sound(key):
		d.fail(key, "names no link", "leave the line out to use the system's routes")
		return
	case len(u.Links) > maxLinks:
		d.fail(key, fmt.Sprintf("has more than %d links", maxLinks), "leave out those that are never the best")
		return
	}
	for i := range u.Links {
		if one := fmt.Sprintf("%s[%d]", key, i); d.sound(one) {
			d.link(one, at, u, i)
		}
	}
	if d.sound(key) && d.sound("streams") && d.sound(at+".carry") {
		d.stranded(key, u, streams)
	}
}

// link resolves one of them.
func (d *decoder) link(key, at string, u *Uplink, i int) {
	l, before := &u.Links[i], u.Links[:i]
	if problem := badName(l.Name, nameRune); !d.given(key + ".name") {
		d.fail(key, "has no name", "{name: lte, interface: wwan0, kind: cellular}")
	} else if problem != "" {
		d.fail(key+".name", problem, "a name has letters, digits, _ and -, at most 64")
	} else if slices.ContainsFunc(before, func(o Link) bool { return o.Name == l.Name }) {
		d.fail(key+".name", fmt.Sprintf("link %s is there already", l.Name), "a name of its own for each: budgets and what is learned hang on it")
	}
	d.interfaceName(key, l, before)
	if l.Kind == "" {
		l.Kind = kind.Ethernet
	}
	k := kind.Of(l.Kind)
	d.silence(at, key, u, l, k)
	if !l.Modem.None() && !k.Modem {
		d.fail(key+".modem", fmt.Sprintf("a link of kind %s has no modem that could be asked", l.Kind), "leave it out, or kind: cellular")
	}
	d.modem(key+".modem", l)
	d.classes(key+".classes", l.Classes)
	d.session(key, l)
	d.budget(key+".budget", l)
}

// interfaceName checks what the link is bound to.
func (d *decoder) interfaceName(key string, l *Link, before []Link) {
	at := key + ".interface"
	bad := func(r rune) bool { return r == '/' || r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }
	switch {
	case d.given(at) && (l.Interface == "" || l.Interface == "." || l.Interface == ".." || len(l.Interface) > maxInterface || strings.ContainsFunc(l.Interface, bad)):
		d.fail(at, fmt.Sprintf("%q is not the name of a network interface", l.Interface), "`ip -brief link` lists them: wwan0, ppp0, eth0")
	case l.Interface == "lo":
		d.fail(at, "lo leads to this machine alone", "leave it out: the system's routes lead to a server on this machine, too")
	case slices.ContainsFunc(before, func(o Link) bool { return o.Interface == l.Interface }):
		what := "interface " + l.Interface
		if l.Interface == "" {
			what = "without an interface: whatever the system's routes lead over"
		}
		d.fail(d.nearest(key, at), "another link is "+what, "an interface of its own for each")
	}
}

// automatic refuses a second link, over another interface, that takes ModemManager's first modem for its own.
func (d *decoder) automatic(key string, l *Link) {
	switch first := d.auto; {
	case !l.Modem.Auto || l.Interface == "":
	case first.of == "":
		d.auto = autoModem{strings.TrimSuffix(key, ".modem"), l.Interface}
	case first.at != l.Interface:
		d.fail(key, fmt.Sprintf("auto is the first modem of ModemManager, that of %s at %s; which one is at %s cannot be told", first.of, first.at, l.Interface),
			"the path of its port for AT commands: /dev/serial/by-id/usb-...")
	}
}

// autoModem is the first link whose modem is ModemManager's: its key and its interface.
type autoModem struct{ of, at string }

// modem resolves the speed of a port, and checks what cuts the supply.
func (d *decoder) modem(key string, l *Link) {
	m, at := &l.Modem, key+".power"
	d.automatic(key, l)
	if m.Port != "" && m.Baud == 0 {
		m.Baud = defaultBaud
		if l.Kind == "certus" {
			m.Baud = certusBaud
		}
	}
	p := m.Power
	switch {
	case !d.given(at) || !d.sound(at):
		return
	case (p.Pin == "") == (p.USB == ""):
		d.fail(at, "wants a pin or a port of a USB hub", "{pin: GPIO22}, or {usb: 1-1-port2}")
		return
	case p.USB != "":
		if _, err := modem.PowerByUSB(nil, p.USB); err != nil {
			d.fail(at+".usb", fmt.Sprintf("%q is not a port of a USB hub", p.USB), "as below /sys/bus/usb/devices: 1-1-port2; ls -d /sys/bus/usb/devices/*/*-port*")
		}
		return
	}
	other, taken := d.feeds[p.Pin]
	if same := strings.HasSuffix(other.at, ".modem") && other.high == p.High(); taken && !same { // uplinks may share a modem
		d.fail(at+".pin", fmt.Sprintf("%s is used by %s", p.Pin, other.at), "a line of its own for each modem")
		return
	}
	d.feeds[p.Pin] = feed{key, p.High()}
}

// silence resolves keep-alive and waits: the link's own, the uplink's, or what is usual for the kind.
func (d *decoder) silence(at, key string, u *Uplink, l *Link, k kind.Kind) {
	switch {
	case d.given(key + ".keep_alive"):
	case d.given(at + ".keep_alive"), !k.Metered:
		l.KeepAlive = u.KeepAlive
	default:
		l.KeepAlive = KeepAlive{k.KeepAliveMin, k.KeepAliveMax}
	}
	l.Retry = DurationRange{k.RetryMin, k.RetryMax}
	if d.given(at + ".retry") {
		l.Retry = u.Retry
	}
}

// session checks when the link connects.
func (d *decoder) session(key string, l *Link) {
	if l.Session == "" {
		l.Session = Auto
	}
	s, at := l.Schedule, key+".schedule"
	switch {
	case s == nil && d.given(at) && d.sound(at), s != nil && s.Every == 0 && d.sound(at):
		d.fail(at, "says nothing about when", "{every: 15min, stay: 45s, at_once: [alarm]}")
		return
	case s == nil || !d.sound(at):
		return
	case l.Session != Auto:
		d.fail(key+".session", "the schedule says when this link connects", "one of both")
	}
	if s.Stay == 0 {
		s.Stay = min(defaultStay, s.Every/2)
	}
	if s.Stay >= s.Every {
		d.fail(d.nearest(at, at+".stay"), fmt.Sprintf("staying %s, a link that connects every %s would never leave", FormatDuration(s.Stay), FormatDuration(s.Every)),
			"less than every, or no schedule")
	}
	if (24*time.Hour)%s.Every != 0 {
		d.fail(at+".every", fmt.Sprintf("%s does not divide a day, and would come at other times each day", FormatDuration(s.Every)), "15min, 1h, 6h")
	}
	switch once := at + ".at_once"; {
	case !d.given(once) && l.Carries(AlarmClass):
		s.AtOnce = []string{AlarmClass}
	case len(s.AtOnce) > 0: // [] has all wait
		d.classes(once, s.AtOnce)
	}
	for i, class := range s.AtOnce {
		if !l.Carries(class) && d.sound(key+".classes") {
			d.fail(fmt.Sprintf("%s.at_once[%d]", at, i), fmt.Sprintf("this link does not carry the class %s", class), "classes: ["+class+"]")
		}
	}
}

// classes checks a list of classes.
func (d *decoder) classes(key string, list []string) {
	if d.given(key) && len(list) == 0 && d.sound(key) {
		d.fail(key, "names no class", "leave the line out")
	}
	for i, class := range list {
		if slices.Contains(list[:i], class) {
			d.fail(fmt.Sprintf("%s[%d]", key, i), fmt.Sprintf("class %s is named twice", class), "remove one")
		}
	}
}

// budget resolves what may be spent.
func (d *decoder) budget(key string, l *Link) {
	b := l.Budget
	switch {
	case !d.given(key) || !d.sound(key):
		return
	case b == nil || len(b.Bytes) == 0:
		d.fail(key, "says nothing about how much", "{bytes: 50MB/month, reset_day: 1, reserve: 10%}")
		return
	case d.given(key+".reset_day") && b.Bytes.In(budget.Month) == 0:
		d.fail(key+".reset_day", "there is no budget for a month", "bytes: 50MB/month")
	case b.Bytes.In(budget.Month) > 0 && b.Bytes.In(budget.Day) > b.Bytes.In(budget.Month):
		d.fail(key+".bytes", "a day may spend more than its month", "[2MB/day, 50MB/month]")
	}
	d.billing(key, l)
	if b.ResetDay == 0 {
		b.ResetDay = 1
	}
	if !d.given(key + ".reserve") {
		b.Reserve = defaultReserve
	}
}

// stranded refuses streams that no link would ever carry, and those that would wait as long as a better link is in use.
func (d *decoder) stranded(key string, u *Uplink, streams []Stream) {
	for _, s := range streams {
		if !slices.Contains(u.Carry, s.Name) {
			continue
		}
		carries := func(l Link) bool { return l.Carries(s.Class) }
		first := slices.IndexFunc(u.Links, carries)
		if first < 0 {
			d.fail(key, fmt.Sprintf("no link carries stream %s, which is of class %s", s.Name, s.Class), "classes: ["+s.Class+"] for one of them, or carry without it")
			return
		}
		if first > 0 {
			d.fail(fmt.Sprintf("%s[0].classes", key), fmt.Sprintf("stream %s, which is of class %s, would wait as long as this link is in use, though link %s could carry it",
				s.Name, s.Class, u.Links[first].Name), "one link is in use at a time: add "+s.Class+", or put the other link first")
			return
		}
	}
}
