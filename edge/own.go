package edge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"skerry/broker/watch"
	"skerry/edge/control"
	"skerry/edge/sampler"
	"skerry/edge/uplink"
)

// own is what the station itself has connected to its broker, for those who look into it while it runs. The zero own is that of
// a station which has not come so far.
type own struct {
	mu      sync.Mutex
	uplinks []*uplink.Uplink
	opened  time.Time // uplinks
	sensors *sampler.Session
	began   time.Time // of sensors
}

func (o *own) addUplinks(all []*uplink.Uplink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.uplinks, o.opened = all, time.Now()
}

func (o *own) addSensors(s *sampler.Session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sensors, o.began = s, time.Now()
}

// online tells whether an uplink is online; "": any.
func (o *own) online(name string) bool {
	o.mu.Lock()
	all := o.uplinks
	o.mu.Unlock()
	return slices.ContainsFunc(all, func(u *uplink.Uplink) bool { return (name == "" || u.Name() == name) && u.Status().Online })
}

// forgotten is how often servers of uplinks have lost the session of this station since the program started, and with that perhaps what they
// retained.
func (o *own) forgotten() (times uint64) {
	o.mu.Lock()
	all := o.uplinks
	o.mu.Unlock()
	for _, u := range all {
		times += u.Status().LostSession
	}
	return times
}

// clients are rows of `skerry clients`.
func (o *own) clients() (rows []control.Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, u := range o.uplinks {
		rows = append(rows, uplinkRow(u))
	}
	if o.sensors != nil {
		messages, payload := o.sensors.Published()
		rows = append(rows, control.Client{
			Own: "sensors", ClientID: "sensors", Connected: time.Since(o.began).Seconds(),
			Received: control.Traffic{Messages: messages, Payload: payload},
		})
	}
	return rows
}

func uplinkRow(u *uplink.Uplink) control.Client {
	s := u.Status()
	row := control.Client{
		Own: "uplink", ClientID: "uplink/" + u.Name(), Address: s.Server, Version: s.Version, KeepAlive: s.KeepAlive.Seconds(),
		Received: control.TrafficOf(s.In), Sent: control.TrafficOf(s.Out), Offline: s.Err,
	}
	if !s.Online && s.Err == "" {
		row.Offline = "not connected yet"
	}
	if !s.Since.IsZero() {
		row.Connected = time.Since(s.Since).Seconds()
	}
	row.Holds(u.Queue())
	return row
}

// trace is what `skerry trace --uplink NAME` shows.
func (o *own) trace(ctx context.Context, name string, started func(bool) error, see func(watch.Packet) error) error {
	o.mu.Lock()
	all := o.uplinks
	o.mu.Unlock()
	for _, u := range all {
		if u.Name() == name {
			return u.Trace(ctx, started, see)
		}
	}
	return fmt.Errorf("there is no uplink %q (hint: `skerry clients` lists them)", name)
}
