package config

import (
	"slices"
	"time"

	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/kind"
)

// Link is one way from the site to the Servers of an uplink. Those of an uplink stand in order of preference; one is in use at a time.
type Link struct {
	Name      string    `yaml:"name"`
	Interface string    `yaml:"interface"` // "": the system's routes decide
	Kind      string    `yaml:"kind" oneof:"ethernet wifi cellular lte-m nb-iot geo leo certus"`
	KeepAlive KeepAlive `yaml:"keep_alive" in:"5s..18h"`
	Modem     Modem     `yaml:"modem"`
	Price     Price     `yaml:"price"` // the zero Price: not known

	Schedule *Schedule `yaml:"schedule"` // nil: whenever the link can be used
	Session  Session   `yaml:"session"`  // with a Schedule always Auto
	Classes  []string  `yaml:"classes" oneof:"alarm state live backfill"`
	Budget   *Budget   `yaml:"budget"` // nil: none

	// Retry are the first and the longest wait between attempts: the uplink's, or else what is usual for the kind.
	Retry DurationRange `yaml:"-"`
}

// Carries tells whether the messages of a class may go over this link.
func (l Link) Carries(class string) bool {
	return len(l.Classes) == 0 || slices.Contains(l.Classes, class)
}

// OnDemand tells whether the link connects only while something waits that may go over it.
func (l Link) OnDemand() bool {
	return l.Schedule == nil && (l.Session == OnDemand || l.Session != Always && l.sessionsBilled())
}

// sessionsBilled tells whether sessions are billed, by what the budget says or by what is usual on the kind.
func (l Link) sessionsBilled() bool {
	if l.Budget != nil && l.Budget.Unit.Name != "" {
		return l.Budget.Unit.Sessions()
	}
	return kind.Of(l.Kind).IdleBilled
}

// Chooses tells whether the link stands all the time or connects on demand, whichever costs less.
func (l Link) Chooses() bool {
	k := kind.Of(l.Kind)
	return l.Schedule == nil && l.Session == Auto && !l.OnDemand() && (k.Metered || l.Budget != nil)
}

// KeepAlive is how long a connection may be silent. From a range it is learned; one value is fixed, with Min and Max the same.
type KeepAlive DurationRange

// Learned tells whether the interval is to be found between Min and Max.
func (k KeepAlive) Learned() bool { return k.Min < k.Max }

// Session says when a link connects.
type Session string

// The choices.
const (
	Auto     Session = "auto"      // OnDemand where sessions are billed; where bytes are what costs less of the two; else Always
	Always   Session = "always"    // whenever it can
	OnDemand Session = "on-demand" // while something waits that may go over it
)

// Schedule has a link used now and then.
type Schedule struct {
	Every  time.Duration `yaml:"every" in:"1min..1d"`                       // aligned to the date in UTC, plus a part of it that is the gateway's own
	Stay   time.Duration `yaml:"stay" in:"5s..1h"`                          // how long a session stands at least; longer while something is being sent
	AtOnce []string      `yaml:"at_once" oneof:"alarm state live backfill"` // do not wait for the time; alarms, if the file says nothing
}

// Modem is where the signal of a link is read, and what brings it back when it hangs.
type Modem struct {
	Auto    bool   // ask the system's modem manager
	Port    string // "": no serial port is asked
	Baud    int    // of the port
	Context int    // the number of the data context (cid) that is taken down and up when nothing gets through; 0: 1

	Power ModemPower
}

// ModemPower is what cuts the supply of a modem: a line, or the port of a USB hub. The zero ModemPower: nothing does.
type ModemPower struct {
	Pin    string `yaml:"pin"`                     // GPIO22 or P1_15
	Active string `yaml:"active" oneof:"high low"` // the level at which the modem runs; "": high
	USB    string `yaml:"usb"`                     // as below /sys/bus/usb/devices: "1-1-port2"
}

// High reports whether the modem runs at the high level.
func (p ModemPower) High() bool { return p.Active != "low" }

// None tells that no modem is asked.
func (m Modem) None() bool { return !m.Auto && m.Port == "" }

// Price is what is paid for a number of bytes.
type Price struct{ budget.Price }

// Budget bounds what a link may carry.
type Budget struct {
	Bytes    Allowances `yaml:"bytes"`                // at least one
	ResetDay int        `yaml:"reset_day" in:"1..28"` // of the month, on which the provider's month begins
	Reserve  Percent    `yaml:"reserve" in:"0%..90%"` // of each, kept for the class alarm
	Zone     Zone       `yaml:"zone"`
	Count    string     `yaml:"count" oneof:"socket interface"`
	Unit     Unit       `yaml:"unit"`
}

// Allowances are the bytes of a budget, one for each period that has one. In the file one may stand alone.
type Allowances []budget.Allowance

// In gives the bytes for a period; 0 if there is no limit for it.
func (a Allowances) In(p budget.Period) int64 {
	for _, one := range a {
		if one.Period == p {
			return one.Bytes
		}
	}
	return 0
}

// Percent is a part of a whole, of 100.
type Percent float64

// DefaultLinks are those of an uplink that names none: whatever the system's routes lead over.
func DefaultLinks(u Uplink) []Link {
	l := Link{Name: "default", Kind: kind.Ethernet, Session: Always, KeepAlive: u.KeepAlive, Retry: u.Retry}
	if l.KeepAlive == (KeepAlive{}) {
		l.KeepAlive = KeepAlive{defaultKeepAlive, defaultKeepAlive}
	}
	return []Link{l}
}
