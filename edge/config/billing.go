package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/profile"
)

// The choices of what counts the bytes of a budget.
const (
	BySocket    = "socket"    // what the uplink's own connections cost
	ByInterface = "interface" // the kernel's counters of the interface, with all that passes it
)

// Billing is what a Server bills by message, where it differs from what the profile knows: for forecasts, and for nothing else.
type Billing struct {
	Step     Size       `yaml:"step" in:"64B..1MiB"` // of topic and payload that count as one message; 0: the profile's
	Messages PerMillion `yaml:"messages"`            // the zero PerMillion: the profile's
	Minutes  PerMillion `yaml:"minutes"`             // of connection; likewise
	Daily    int        `yaml:"daily" in:"1..1000000000"`
}

// PerMillion is a price for a million of something.
type PerMillion struct {
	Amount   float64
	Currency string // "USD"
}

// UnmarshalText reads 1.00 USD/million.
func (p *PerMillion) UnmarshalText(b []byte) error {
	number, rest, _ := strings.Cut(string(b), " ")
	currency, ok := strings.CutSuffix(strings.TrimSpace(rest), "/million")
	amount, err := parseNumber(number)
	letters := strings.TrimFunc(currency, func(r rune) bool { return r >= 'A' && r <= 'Z' })
	if !ok || err != nil || amount < 0 || len(currency) != 3 || letters != "" {
		return &hinted{fmt.Sprintf("%q is not a price for a million", b), "an amount and a currency: 1.00 USD/million"}
	}
	*p = PerMillion{amount, currency}
	return nil
}

// metered checks what is said of the Server's bill.
func (d *decoder) metered(at string, u *Uplink) {
	key := at + ".billing"
	b, known := u.Billing, profile.Of(u.Profile).Metering
	if b == nil || !d.sound(key) {
		return
	}
	currency := b.Messages.Currency
	if currency == "" {
		currency = known.Currency
	}
	switch {
	case b.Step == 0 && known.Step == 0:
		d.fail(key, "does not say how large a message may be", "step: 5kB, of topic and payload; more count as several")
	case b.Minutes.Currency != "" && currency != "" && b.Minutes.Currency != currency:
		d.fail(key+".minutes", fmt.Sprintf("a price in %s beside one of messages in %s", b.Minutes.Currency, currency), "the same currency")
	}
}

// Zone is where a provider's days begin; without one UTC.
type Zone struct{ *time.Location }

// UnmarshalText reads Europe/Zurich, or UTC.
func (z *Zone) UnmarshalText(b []byte) error {
	at, err := time.LoadLocation(string(b))
	if err != nil || len(b) == 0 || string(b) == "Local" {
		return &hinted{fmt.Sprintf("%q is not a time zone that this machine knows", b),
			"as below /usr/share/zoneinfo: Europe/Zurich; if that is missing: apt install tzdata"}
	}
	z.Location = at
	return nil
}

// Unit is what the provider bills instead of the bytes that pass. The zero Unit: what is usual on the kind of link.
type Unit struct{ budget.Unit }

// Sessions tells whether each session costs something of its own, or its time does.
func (u Unit) Sessions() bool { return u.Least > 0 || u.PerSecond > 0 }

// unitOfSessions is a unit that has no name.
type unitOfSessions struct {
	Session   Size          `yaml:"session" in:"1B..1GiB"`
	Step      Size          `yaml:"step" in:"1B..1GiB"`
	After     time.Duration `yaml:"after" in:"1s..1d"`
	PerSecond Size          `yaml:"per_second" in:"1B..1GiB"`
}

const unitHint = "bytes, certus, sbd, or {session: 5kB, step: 1kB, after: 5min, per_second: 300B}"

// decodeNode reads the name of a unit, or what makes one.
func (u *Unit) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode && !empty(n) {
		named, ok := budget.UnitOf(n.Value)
		switch {
		case n.Value == "aws":
			d.wrong(n, path, "is what a service bills for each message, and no link", unitHint)
		case !ok:
			d.wrong(n, path, unknownWord(n.Value), suggest(n.Value, []string{"bytes", "certus", "sbd"}))
		default:
			u.Unit = named
		}
		return
	}
	if n.Kind != yaml.MappingNode {
		d.wrong(n, path, "wants a unit, not "+kindOf(n), unitHint)
		return
	}
	var o unitOfSessions
	d.mapping(n, path, reflect.ValueOf(&o).Elem())
	switch {
	case !d.sound(path):
	case o == (unitOfSessions{}):
		d.wrong(n, path, "says nothing", unitHint)
	case (o.After > 0) != (o.PerSecond > 0):
		d.wrong(n, path, "has one of after and per_second", "both: a session of more than 5min costs 300B for each second: {after: 5min, per_second: 300B}")
	default:
		u.Unit = budget.Unit{Name: "sessions", Least: int64(o.Session), Step: int64(o.Step), Long: o.After, PerSecond: int64(o.PerSecond)}
	}
}

// Billed is what the provider of the link bills.
func (l Link) Billed() Unit {
	if l.Budget != nil && l.Budget.Unit.Name != "" {
		return l.Budget.Unit
	}
	u, _ := budget.UnitOf(l.Kind) // where none is named after the kind, bytes are billed
	return Unit{u}
}

// billing checks what counts, and that no two links count the same interface.
func (d *decoder) billing(key string, l *Link) {
	b := l.Budget
	if b.Count == "" {
		b.Count = BySocket
	}
	if b.Count != ByInterface {
		return
	}
	at := key + ".count"
	if l.Interface == "" {
		d.fail(at, "the link has no interface whose bytes could be counted", "interface: wwan0 beside kind; or count: socket")
		return
	}
	if other, taken := d.counted[l.Interface]; taken {
		d.fail(at, fmt.Sprintf("the bytes of %s are counted by %s, and would be twice", l.Interface, other), "count: socket")
		return
	}
	d.counted[l.Interface] = at
}
