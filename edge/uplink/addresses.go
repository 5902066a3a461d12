package uplink

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"skerry/broker"
)

// renewName is the age at which an address that is still the same is written again: half of the time for which it is used unasked.
const renewName = freshName / 2

// tooOld is an age at which nothing is used without asking.
const tooOld = time.Duration(1<<63 - 1)

// addresses are where the Servers of an uplink were, by link, over restarts: one fact in the log. A station that starts while no name
// server answers finds them, and one on a link that is paid by the byte does not ask for what is not a day old.
type addresses struct {
	broker *broker.Broker
	key    string
	now    func() (time.Time, bool) // the date, and whether it is trusted
	log    *slog.Logger

	mu    sync.Mutex
	links map[string]map[string]address // by host; nil: not read yet
}

// address is where a host was.
type address struct {
	Addrs []netip.Addr `json:"addrs"`
	At    int64        `json:"at,omitempty"` // seconds since 1970; 0: the date was not known
}

// recall gives what is known of a host, and its age.
func (a *addresses) recall(link, host string) ([]netip.Addr, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read()
	known := a.links[link][host]
	return known.Addrs, a.age(known)
}

func (a *addresses) age(known address) time.Duration {
	now, trusted := a.now()
	age := now.Sub(time.Unix(known.At, 0))
	if !trusted || known.At == 0 || age < 0 {
		return tooOld
	}
	return age
}

// read takes up what an earlier run has written. What cannot be read is not needed.
func (a *addresses) read() {
	if a.links != nil {
		return
	}
	if value, ok := a.broker.Fact(a.key); ok {
		if err := json.Unmarshal(value, &a.links); err != nil {
			a.links = nil
			a.log.Info("the addresses of servers from before cannot be read; they are asked for", "err", err)
		}
	}
	if a.links == nil {
		a.links = map[string]map[string]address{}
	}
}

// learned notes where a host is. It is written when that is new, or was written long ago.
func (a *addresses) learned(link, host string, addrs []netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read()
	before := a.links[link][host]
	if slices.Equal(before.Addrs, addrs) && a.age(before) < renewName {
		return
	}
	now := address{Addrs: slices.Clone(addrs)}
	if date, trusted := a.now(); trusted {
		now.At = date.Unix()
	} else if slices.Equal(before.Addrs, addrs) {
		return
	}
	hosts := maps.Clone(a.links[link])
	if hosts == nil {
		hosts = map[string]address{}
	}
	hosts[host] = now
	a.links[link] = hosts
	value, err := json.Marshal(a.links)
	if err == nil {
		_, err = a.broker.PutFact(a.key, value)
	}
	if err != nil {
		a.log.Warn("the address of a server is not kept for the next start", "err", err)
	}
}

// keep drops what belongs to links and Servers that are configured no more.
func (a *addresses) keep(links, hosts []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.broker.Fact(a.key); !ok {
		return nil
	}
	a.read()
	before := len(a.links)
	maps.DeleteFunc(a.links, func(link string, _ map[string]address) bool { return !slices.Contains(links, link) })
	changed := len(a.links) != before
	for _, known := range a.links {
		n := len(known)
		maps.DeleteFunc(known, func(host string, _ address) bool { return !slices.Contains(hosts, host) })
		changed = changed || len(known) != n
	}
	if !changed {
		return nil
	}
	var value []byte
	if len(a.links) > 0 {
		var err error
		if value, err = json.Marshal(a.links); err != nil {
			return err
		}
	}
	_, err := a.broker.PutFact(a.key, value)
	return err
}

// forgetAddresses forgets those that the configuration has no use for.
func (u *Uplink) forgetAddresses() error {
	var links, hosts []string
	for _, w := range u.ways {
		links = append(links, w.Name)
	}
	for _, s := range u.config.Servers {
		hosts = append(hosts, s.Host)
	}
	return u.addresses.keep(links, hosts)
}
