package cost

import (
	"cmp"
	"math"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/profile"
)

// Bill is what a server bills by message, in a day, and what it costs in a month.
type Bill struct {
	Step     int              `json:"step_bytes"`     // of topic and payload that count as one message
	Messages Range            `json:"messages_a_day"` // as it counts them
	Retained Range            `json:"for_retain"`     // of these, what is counted a second time because the server keeps it
	Minutes  Range            `json:"minutes_a_day"`  // of connection
	Daily    int              `json:"included_a_day,omitempty"`
	Currency string           `json:"currency,omitempty"`
	Cost     Range            `json:"cost_a_month"`
	Packed   map[string]Range `json:"packed_messages_a_day,omitempty"` // likewise, of streams that leave one by one, with encode pack
}

// meter is how a server counts. The zero meter counts nothing.
type meter struct{ profile.Metering }

// meterOf is what the profile says of the server, and the configuration of the contract.
func meterOf(u config.Uplink) meter {
	m := meter{profile.Of(u.Profile).Metering}
	if b := u.Billing; b != nil {
		m.Step = cmp.Or(int(b.Step), m.Step)
		m.Daily = cmp.Or(b.Daily, m.Daily)
		if c := b.Messages.Currency; c != "" {
			if c != m.Currency { // the profile's price of minutes is in another one
				m.Minutes = 0
			}
			m.Messages, m.Currency = b.Messages.Amount, c
		}
		if b.Minutes.Currency != "" {
			m.Minutes, m.Currency = b.Minutes.Amount, b.Minutes.Currency
		}
	}
	return m
}

// steps is how many messages the server bills for one of so many bytes.
func (r *road) steps(bytes float64) float64 {
	if r.meter.Step == 0 {
		return 0
	}
	return max(math.Ceil(bytes/float64(r.meter.Step)), 1)
}

// copies is how often it bills a message.
func (r *road) copies(retain bool) float64 {
	if retain && r.meter.Retained {
		return 2
	}
	return 1
}

// bill adds what the server bills for messages of so many bytes each.
func (out *laneFigures) bill(r *road, messages, bytes float64, retain bool) {
	n, copies := messages*r.steps(bytes), r.copies(retain)
	out.billed += n * copies
	out.kept += n * (copies - 1)
}

// each adds what it bills for the messages of a flow.
func (out *laneFigures) each(r *road, f *flow, m mode) {
	out.bill(r, f.n[m], r.upstream(f)+f.payload(m)+float64(f.props), f.retain)
}

// greeting is how many messages it bills for a connection: CONNECT, where it counts, and the state topic.
func (r *road) greeting() (n float64) {
	if r.meter.Connects {
		n = r.steps(r.conn.hello)
	}
	return n + r.steps(r.conn.state)*r.copies(r.profile.WillRetain)
}

// serverBill is what the server bills; nil: nothing by message.
func (r *road) serverBill(by *outcome, packed map[string]packedFigures) *Bill {
	if r.meter.Step == 0 {
		return nil
	}
	b := &Bill{Step: r.meter.Step, Daily: r.meter.Daily, Currency: r.meter.Currency, Packed: map[string]Range{}}
	b.Messages = by.pick(func(f *figures) float64 {
		n := f.connects * r.greeting()
		for i := range f.lanes {
			n += f.lanes[i].billed
		}
		return n
	})
	b.Retained = by.pick(func(f *figures) (n float64) {
		for i := range f.lanes {
			n += f.lanes[i].kept
		}
		return n
	})
	b.Minutes = by.pick(func(f *figures) float64 { return f.minutes })
	const million = 1e6
	b.Cost = b.Messages.Times(Days * r.meter.Messages / million)
	b.Cost.add(b.Minutes.Times(Days * r.meter.Minutes / million))
	for name, f := range packed {
		b.Packed[name] = f.billed
	}
	return b
}

// fill says of blocks that are smaller than what the server bills as one message how long messages would wait for each other in full ones.
func (r *road) fill(st *Stream, b batching, f figures, at int) {
	if r.meter.Step == 0 || at < 0 || f.lanes[at].block == 0 {
		return
	}
	st.Mean, st.Cheapest = f.lanes[at].block, r.meter.Step-len(b.topic)-besides
	if st.Class == config.AlarmClass || b.linger == 0 || st.Mean > float64(st.Cheapest)/2 {
		return
	}
	b.linger, b.limit = day, st.Cheapest
	full := b.cut(r.trace(r.lanes[at], typical), nil)
	messages, bytes := full.each()
	if full.count == 0 || bytes < 0.8*float64(st.Cheapest) && messages < 0.9*mostInBlock { // a day does not fill one
		return
	}
	linger := time.Duration(messages / f.lanes[at].messages * float64(day) * (1 + f.lanes[at].beside)) // what leaves beside something waits for half of it
	if linger = linger.Truncate(unitFor(linger)); linger <= day {
		st.Fill = config.FormatDuration(linger)
	}
}

// unitFor is what a duration is rounded to, so that it reads well.
func unitFor(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Hour:
		return time.Hour
	case d > time.Hour:
		return 30 * time.Minute
	case d > time.Minute:
		return time.Minute
	}
	return time.Second
}
