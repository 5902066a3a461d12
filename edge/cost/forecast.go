package cost

import (
	"cmp"
	"slices"

	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/profile"
)

// Forecast is what a configuration will cost.
type Forecast struct {
	Values   []Value         `json:"values"`
	Uplinks  []Uplink        `json:"uplinks"`
	Notes    []*config.Error `json:"-"`
	Warnings []string        `json:"warnings"` // Notes in words

	NoTimeStamps bool `json:"no_tcp_time_stamps"` // of the machine that was told of
}

// Value is what is published under one topic.
type Value struct {
	Name     string   `json:"name"`   // air.temperature, alarm frost
	Origin   string   `json:"origin"` // the sensor, alarm or output
	Topic    string   `json:"topic"`
	QoS      byte     `json:"qos"`
	Retain   bool     `json:"retain"`
	Example  string   `json:"example"`       // a payload
	Size     float64  `json:"payload_bytes"` // its mean
	Messages Range    `json:"messages_a_day"`
	Streams  []string `json:"streams"` // that carry it, UPLINK/STREAM
}

// Uplink is what goes to one server.
type Uplink struct {
	Name    string `json:"uplink"`
	Server  string `json:"server"`
	TLS     bool   `json:"tls"`
	Version string `json:"version"`
	Receive bool   `json:"receives"` // what comes from there is not counted
	Links   []Link `json:"links"`
}

// Link is what a link costs while it is the one in use. Bytes are of a day.
type Link struct {
	Name       string           `json:"link"`
	Kind       string           `json:"kind"`
	Session    string           `json:"session"` // always, on-demand, schedule
	Streams    []Stream         `json:"streams"`
	Connects   Range            `json:"connects_a_day"`
	Connecting Range            `json:"connecting_bytes"`
	Pings      Range            `json:"pings_a_day"`
	Pinging    Range            `json:"pinging_bytes"`
	Rounding   Range            `json:"rounding_bytes"` // billed beyond what passes
	Total      Range            `json:"bytes_a_day"`
	Price      string           `json:"price,omitempty"`
	Currency   string           `json:"currency,omitempty"`
	Cost       Range            `json:"cost_a_month"`
	Budget     []Allowance      `json:"budget,omitempty"`
	Bill       *Bill            `json:"server_bill,omitempty"`
	Header     int              `json:"packet_header_bytes"`          // of IP and TCP
	TimeStamps Range            `json:"tcp_time_stamps_bytes"`        // what they are of the bytes of a day, or would be
	Paid       bool             `json:"paid"`                         // by the byte, or there is a budget
	Packed     map[string]Range `json:"packed_bytes_a_day,omitempty"` // what streams that leave one by one would cost with encode pack
}

// Allowance is a budget, and what of it is used in its period.
type Allowance struct {
	Period string `json:"period"`
	Bytes  int64  `json:"bytes"`
	Used   Range  `json:"used"`
}

// Stream is what a stream costs on a link, in a day.
type Stream struct {
	Name     string  `json:"stream"`
	Class    string  `json:"class"`
	Encode   string  `json:"encode"`
	Pair     string  `json:"pair,omitempty"` // it has what this one would, while the uplink is offline
	Carried  bool    `json:"carried"`        // else the link is not for its class
	Foreign  bool    `json:"other_clients"`  // what they publish may be in it
	Expected bool    `json:"expected"`       // and is counted, as the configuration says
	Linger   string  `json:"linger,omitempty"`
	Block    int     `json:"block_bytes,omitempty"`
	Messages Range   `json:"messages_a_day"`
	Packets  Range   `json:"packets_a_day"` // PUBLISH
	Bytes    Range   `json:"bytes_a_day"`
	Primers  Range   `json:"primers_a_day"` // of Packets
	Priming  Range   `json:"primer_bytes"`  // of Bytes
	Billed   Range   `json:"billed_messages_a_day"`
	Mean     float64 `json:"mean_block_bytes,omitempty"`
	Cheapest int     `json:"cheapest_block_bytes,omitempty"` // that the server bills as one message
	Fill     string  `json:"filling_linger,omitempty"`       // what linger would fill such blocks; "": they are full enough, or no linger is so long
	Alone    *Alone  `json:"alone,omitempty"`                // of class alarm
	Parts    []Part  `json:"values"`
}

// Alone is what a message, or a block, costs that leaves by itself.
type Alone struct {
	First     float64 `json:"first_bytes"`                     // of a connection, with its topic
	Again     float64 `json:"again_bytes"`                     // those after it, with an alias for that if the version has them
	BareFirst float64 `json:"first_bytes_without_time_stamps"` // the same without the time stamps of TCP
	BareAgain float64 `json:"again_bytes_without_time_stamps"`
}

// Part is what one topic has in a stream.
type Part struct {
	Name     string `json:"name"`
	Topic    string `json:"topic"` // upstream, or in its block
	QoS      byte   `json:"qos"`
	Messages Range  `json:"messages_a_day"`
	Bytes    Range  `json:"bytes_a_day"`

	// Of what leaves one by one, typically; else 0.
	Publish  float64 `json:"publish_bytes,omitempty"`  // the packet of MQTT
	Alias    bool    `json:"topic_alias,omitempty"`    // without its topic
	Together float64 `json:"leave_together,omitempty"` // so many share a packet of the network, and its acknowledgement
}

// New reckons what a configuration costs on a machine. It must have been found right by all that `skerry check` looks at; version is that of this program.
func New(c *config.Config, version string, at Machine) (*Forecast, error) {
	plan, err := hass.New(c, version)
	if err != nil {
		return nil, err
	}
	s := newStation(c, at, plan)
	if err := s.play(); err != nil {
		return nil, err
	}
	f := &Forecast{Values: s.values(), Uplinks: []Uplink{}, Warnings: []string{}, NoTimeStamps: at.NoTimeStamps}
	for i := range c.Uplinks {
		u, err := s.uplink(i)
		if err != nil {
			return nil, err
		}
		f.Uplinks = append(f.Uplinks, u)
	}
	f.Notes = s.notes(f)
	for _, n := range f.Notes {
		f.Warnings = append(f.Warnings, n.Error())
	}
	return f, nil
}

// values are all that the station publishes.
func (s *station) values() []Value {
	all := []Value{}
	for _, f := range s.all.flows {
		v := Value{Name: cmp.Or(s.names[f.topic], f.topic), Origin: f.origin, Topic: f.topic, QoS: f.qos, Retain: f.retain, Size: f.payload(typical),
			Messages: spread(f.n), Streams: []string{}}
		if len(f.samples) > 0 {
			v.Example = string(f.samples[0].Payload)
		}
		for i, lanes := range s.lanes {
			for _, l := range lanes {
				if l.known[f.topic] != nil {
					v.Streams = append(v.Streams, s.config.Uplinks[i].Name+"/"+l.stream.Name)
				}
			}
		}
		all = append(all, v)
	}
	return all
}

// spread is a Range of figures by mode. What comes now and then may come out lower at worst than it is: it is not.
func spread(by [2]float64) Range { return Range{by[typical], max(by[typical], by[worst])} }

func (s *station) uplink(i int) (Uplink, error) {
	u := s.config.Uplinks[i]
	out := Uplink{Name: u.Name, Server: u.Servers[0].String(), TLS: u.Servers[0].TLS, Version: packet.Version(u.Version).String(), Receive: len(u.Receive) > 0}
	for _, l := range u.Links {
		r := &road{link: l, uplink: u, profile: profile.Of(u.Profile), conn: newConnection(u, l, s.config.Gateway, s.at), meter: meterOf(u), blocks: map[cutting]blocks{},
			site: s.config.Gateway.Site, gateway: s.config.Gateway.ID, stays: len(u.Receive) > 0 || s.watched(u.Name),
			commit: s.config.Storage.CommitWindow}
		for _, one := range s.lanes[i] {
			if l.Carries(one.stream.Class) && one.pair == "" {
				r.lanes = append(r.lanes, one)
			}
		}
		traces, err := s.trace(r.lanes)
		if err != nil {
			return out, err
		}
		for m := range traces {
			r.traces[m] = traces[m].shortened(r.lanes)
		}
		out.Links = append(out.Links, s.road(r, s.lanes[i]))
	}
	return out, nil
}

// outcome is what a link costs in both modes.
type outcome [2]figures

func (o *outcome) pick(of func(*figures) float64) Range {
	return spread([2]float64{of(&o[typical]), of(&o[worst])})
}

// otherwise is a road whose machine has time stamps of TCP where this one has none, and the other way round.
func (r *road) otherwise() *road {
	o := *r
	o.conn.wire.bare = !r.conn.wire.bare
	return &o
}

// road makes a Link of what was reckoned.
func (s *station) road(r *road, lanes []*lane) Link {
	r.choose()
	by, other := r.outcome(), r.otherwise().outcome()
	stamped, bare := &by, &other
	if r.conn.wire.bare {
		stamped, bare = bare, stamped
	}
	total := func(f *figures) float64 { return f.total() }
	l := Link{Name: r.link.Name, Kind: r.link.Kind, Session: cmp.Or(string(by[typical].session), "schedule"),
		Connects:   by.pick(func(f *figures) float64 { return f.connects }),
		Connecting: by.pick(func(f *figures) float64 { return f.linking }),
		Pings:      by.pick(func(f *figures) float64 { return f.pings }),
		Pinging:    by.pick(func(f *figures) float64 { return f.pinging }),
		Rounding:   by.pick(func(f *figures) float64 { return f.rounded }),
		Header:     int(r.conn.wire.header()),
		TimeStamps: stamped.pick(total).above(bare.pick(total)),
		Paid:       kind.Of(r.link.Kind).Metered || r.link.Budget != nil || r.link.Price.Per > 0,
	}
	for _, one := range lanes {
		st := Stream{Name: one.stream.Name, Class: one.stream.Class, Encode: string(one.stream.Encode), Pair: one.pair, Carried: r.link.Carries(one.stream.Class),
			Foreign: s.foreign(one), Expected: one.stream.Expect != nil, Parts: []Part{}}
		if one.stream.Encode != config.EncodePass {
			b := r.batching(one)
			st.Linger, st.Block = config.FormatDuration(b.linger), b.limit
			r.fill(&st, b, by[typical], slices.Index(r.lanes, one))
		}
		if at := slices.Index(r.lanes, one); at >= 0 {
			st.Messages = by.pick(func(f *figures) float64 { return f.lanes[at].messages })
			st.Packets = by.pick(func(f *figures) float64 { return f.lanes[at].packets })
			st.Bytes = by.pick(func(f *figures) float64 { return f.lanes[at].bytes })
			st.Primers = by.pick(func(f *figures) float64 { return f.lanes[at].primers })
			st.Priming = by.pick(func(f *figures) float64 { return f.lanes[at].priming })
			st.Billed = by.pick(func(f *figures) float64 { return f.lanes[at].billed })
			st.Parts = s.parts(r, one, st.Bytes)
			if a, b := stamped[typical].lanes[at], bare[typical].lanes[at]; a.alone > 0 && st.Class == config.AlarmClass {
				st.Alone = &Alone{a.alone, a.again, b.alone, b.again}
			}
		}
		l.Streams = append(l.Streams, st)
		l.Total.add(st.Bytes)
	}
	for _, more := range []Range{l.Connecting, l.Pinging, l.Rounding} {
		l.Total.add(more)
	}
	s.bill(&l, r.link)
	packed := r.packed()
	l.Packed = map[string]Range{}
	for name, f := range packed {
		l.Packed[name] = f.bytes
	}
	l.Bill = r.serverBill(&by, packed)
	return l
}

// bill sets a price and allowances against the bytes.
func (s *station) bill(l *Link, c config.Link) {
	if p := c.Price; p.Per > 0 {
		l.Price, l.Currency = priceText(p), p.Currency
		l.Cost = l.Total.Times(Days * p.Amount / float64(p.Per))
	}
	if c.Budget == nil {
		return
	}
	for _, a := range c.Budget.Bytes {
		used := l.Total
		if a.Period.String() == "month" {
			used = used.Times(Days)
		}
		l.Budget = append(l.Budget, Allowance{a.Period.String(), a.Bytes, used})
	}
}

// parts shares the bytes of a lane out among its topics.
func (s *station) parts(r *road, l *lane, bytes Range) []Part {
	const frame = 180 // about what a message costs beside its topic and payload, alone
	weight := func(f *flow, m mode) float64 {
		if l.stream.Encode != config.EncodePass {
			return f.n[m] * (f.payload(m) + 20)
		}
		return f.n[m] * (r.publish(f, m) + frame)
	}
	var sum [2]float64
	for _, f := range l.flows {
		sum[typical], sum[worst] = sum[typical]+weight(f, typical), sum[worst]+weight(f, worst)
	}
	all := []Part{}
	for _, f := range l.flows {
		p := Part{Name: cmp.Or(s.names[f.topic], f.origin), Topic: r.uplink.Prefix + f.topic, QoS: r.qos(f.qos), Messages: spread(f.n)}
		if f.origin == others { // its topic stands for many
			p.Topic = r.uplink.Prefix + l.stream.Match[0]
		}
		if ticks := l.ticks[f.origin]; l.stream.Encode == config.EncodePass && ticks != nil && ticks[typical] > 0 {
			p.Publish, p.Alias, p.Together = r.publish(f, typical), r.aliased[f.topic], l.of(f.origin, typical)/ticks[typical]
		}
		p.Bytes = spread([2]float64{bytes.Typical * weight(f, typical) / max(sum[typical], 1), bytes.Worst * weight(f, worst) / max(sum[worst], 1)})
		all = append(all, p)
	}
	return all
}
