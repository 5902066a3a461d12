package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/uplink/profile"
)

// profile checks an uplink against the rules of its kind of server, before a byte is spent on one that hangs up.
func (d *decoder) profile(at string, u *Uplink, cfg *Config) {
	if !d.sound(at + ".profile") {
		return
	}
	p := profile.Of(u.Profile)
	d.spoken(at, u, p)
	d.reached(at, u, p)
	d.known(at, u, p)
	d.received(at, u, p)
	if d.sound(at + ".prefix") {
		state := fmt.Sprintf("%s%s/%s/uplink/%s", u.Prefix, cfg.Gateway.Site, cfg.Gateway.ID, u.Name)
		d.faulty(d.nearest(at, at+".prefix"), "the state topic: ", p.TopicFault(state))
		d.sent(u, p, cfg)
	}
}

// faulty reports a fault that a profile has found.
func (d *decoder) faulty(at, what string, f *profile.Fault) {
	if f != nil && d.sound(at) {
		d.fail(at, what+f.Problem, f.Hint)
	}
}

// spoken checks version and keep-alive.
func (d *decoder) spoken(at string, u *Uplink, p *profile.Profile) {
	if key := at + ".version"; d.sound(key) && !p.Speaks(packet.Version(u.Version)) {
		d.fail(d.nearest(at, key), fmt.Sprintf("%s does not speak MQTT %v", p.Name, packet.Version(u.Version)), "leave the line out")
	}
	d.kept(at+".keep_alive", u.KeepAlive, p)
	for i, l := range u.Links {
		d.kept(fmt.Sprintf("%s.links[%d].keep_alive", at, i), l.KeepAlive, p)
	}
}

// kept checks a keep-alive that stands in the file. Of a range the server may refuse the long end: it is cut off.
func (d *decoder) kept(key string, k KeepAlive, p *profile.Profile) {
	if nearest := p.Clamp(k.Min); d.given(key) && d.sound(key) && nearest != k.Min {
		d.fail(key, fmt.Sprintf("%s does not take a keep-alive of %v", p.Name, k.Min), fmt.Sprintf("the nearest that it takes: %gs", nearest.Seconds()))
	}
}

// reached checks the addresses.
func (d *decoder) reached(at string, u *Uplink, p *profile.Profile) {
	key := at + ".mqtt"
	for i, s := range u.Servers {
		one := fmt.Sprintf("%s[%d]", key, i)
		one = d.nearest(key, one)
		_, err := netip.ParseAddr(s.Host)
		switch {
		case !d.sound(one):
		case p.TLS && !s.TLS:
			d.fail(one, p.Name+" takes TLS only", fmt.Sprintf("tls://%s:8883", s.Host))
		case p.Named && err == nil:
			d.fail(one, p.Name+" must be told its name in the TLS handshake", "write the server by its name, not its address")
		default:
			d.faulty(one, "", p.PortFault(s.Port))
		}
	}
}

// known checks how the uplink shows who it is.
func (d *decoder) known(at string, u *Uplink, p *profile.Profile) {
	key := at + ".sas_key_file"
	d.existing(key, &u.SASKeyFile, true, "the file holds the key of the device alone; its path starts in the folder of this file")
	const certificate = "tls: {cert: FILE, key: FILE}"
	switch {
	case d.given(key) && !p.Key:
		d.fail(key, p.Name+" knows no such keys", "it is for profile: azure-iot")
	case d.given(key) && u.TLS.Cert != "":
		d.fail(key, "a key beside a certificate", "one of the two says who the device is: leave the other out")
	case d.given(key) && d.sound(key):
		if _, err := u.SASKey(); err != nil {
			d.fail(key, err.Error(), "the primary or secondary key of the device, as the portal shows it")
		}
	case p.Certificate && u.TLS.Cert == "" && d.sound(at+".tls"):
		d.fail(d.nearest(at, at+".tls"), p.Name+" wants a certificate of the client", certificate)
	case p.Key && u.TLS.Cert == "" && d.sound(at+".tls") && d.sound(key):
		d.fail(d.nearest(at, at+".tls"), p.Name+" wants a certificate or a key of the device", certificate+", or sas_key_file: FILE")
	}
	for _, k := range []string{"user", "password_file"} {
		if k := at + "." + k; d.given(k) && d.sound(k) && (p.FixedUser || p.Certificate) {
			d.fail(k, p.Name+" knows the client by its certificate, or key, and its name", "leave the line out")
		}
	}
	d.faulty(d.nearest(at, at+".client_id"), "", p.ClientIDFault(u.ClientID))
}

// SASKey reads the key of the device. No error shows what was read.
func (u Uplink) SASKey() ([]byte, error) {
	text, err := os.ReadFile(u.SASKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read sas_key_file: %w", err)
	}
	return profile.ParseKey(text)
}

// received checks the filters of the receive map.
func (d *decoder) received(at string, u *Uplink, p *profile.Profile) {
	key := at + ".receive"
	for _, r := range u.Receive {
		at := below(key, r.Filter)
		d.faulty(at, "", p.TopicFault(r.Filter))
		if r.Once == CorrelationData && u.Version != V5 && !p.OwnNames && d.sound(at) {
			d.fail(at, "no message of MQTT 3.1.1 has correlation_data: each command would be carried out as often as it comes", "once: NAME, a member of the payload")
		}
	}
	if n := len(u.Receive); p.Subscriptions > 0 && n > p.Subscriptions && !p.OwnNames && d.sound(key) {
		d.fail(key, fmt.Sprintf("has %d filters; %s takes %d of one client", n, p.Name, p.Subscriptions), "wildcards say more with fewer: cmd/#")
	}
}

// blockTopic is the deepest that a stream's blocks are published to, behind the prefix: see uplink.BlockTopic.
func blockTopic(g Gateway, s *Stream) string {
	name := fmt.Sprintf("%s/%s/%s", g.ID, s.Encode, s.Name)
	if g.Site != "" {
		name = g.Site + "/" + name
	}
	if s.Encode == EncodePack && (s.Class == AlarmClass || s.Class == StateClass) {
		name += "/primer"
	}
	return name
}

// encodedFilters lists what an uplink carries by streams of some encodings, as local filters. In a block topics are content: the server sees that of the block alone.
// So is QoS in those of pack, which come exactly once by their numbers; an array of JSON may come twice.
func encodedFilters(u Uplink, streams []Stream, encodings ...Encoding) []string {
	var all []string
	for _, s := range Carried(u, streams) {
		if slices.Contains(encodings, s.Encode) {
			all = append(all, s.Match...)
		}
	}
	return all
}

func anyMatches(filters []string, name string) bool {
	return name != "" && slices.ContainsFunc(filters, func(f string) bool { return topic.Match(f, name) })
}

// sent checks what the file says of the messages that will leave: streams, and the readings and alarms that they carry.
func (d *decoder) sent(u *Uplink, p *profile.Profile, cfg *Config) {
	to := " (of uplink " + u.Name + ")"
	check := func(at, name string) {
		if f := p.TopicFault(u.Prefix + name); f != nil {
			d.faulty(at, "", &profile.Fault{Problem: f.Problem + to, Hint: f.Hint})
		}
	}
	for _, s := range cfg.Streams {
		if at := below("streams", s.Name) + ".encode"; s.Encode != EncodePass && slices.Contains(u.Carry, s.Name) && d.given(at) {
			check(at, blockTopic(cfg.Gateway, &s))
		}
		for i, m := range s.Match {
			if at := fmt.Sprintf("%s.match[%d]", below("streams", s.Name), i); s.Encode == EncodePass && slices.Contains(u.Carry, s.Name) && d.given(at) {
				check(at, m)
			}
		}
	}
	passed, single := encodedFilters(*u, cfg.Streams, EncodePass), encodedFilters(*u, cfg.Streams, EncodePass, EncodeJSON)
	for _, s := range cfg.Sensors {
		for _, v := range s.Values {
			name, qos := cmp.Or(v.Topic, s.Topic), s.QoS
			if v.Topic != "" {
				qos = v.QoS
			}
			at := below("sensors", s.Name)
			if anyMatches(passed, name) {
				check(at, name)
			}
			if anyMatches(single, name) {
				d.lowered(at, v.Name, qos, p, to)
			}
		}
	}
	for _, a := range cfg.Alarms {
		if anyMatches(passed, a.Topic) {
			check(below("alarms", a.Name), a.Topic)
		}
	}
}

// answered checks the states of outputs as sent does readings. It comes after outputs, which name uplinks.
func (d *decoder) answered(cfg *Config) {
	for i := range cfg.Uplinks {
		u := &cfg.Uplinks[i]
		p, passed := profile.Of(u.Profile), encodedFilters(*u, cfg.Streams, EncodePass)
		for _, o := range cfg.Outputs {
			if f := p.TopicFault(u.Prefix + o.Topic); anyMatches(passed, o.Topic) && f != nil {
				d.faulty(below("outputs", o.Name), "", &profile.Fault{Problem: f.Problem + " (of uplink " + u.Name + ")", Hint: f.Hint})
			}
		}
	}
}

// lowered reports a QoS that is wanted and that the server has not.
func (d *decoder) lowered(sensor, value string, qos byte, p *profile.Profile, to string) {
	at := d.nearest(d.nearest(d.nearest(sensor, "defaults.qos"), below(sensor, "qos")), below(below(below(sensor, "values"), value), "qos"))
	if qos > p.MaximumQoS && d.sound(at) {
		d.fail(at, fmt.Sprintf("%s has no QoS %d%s", p.Name, qos, to), fmt.Sprintf("qos: %d; what else comes with more is sent with %d", p.MaximumQoS, p.MaximumQoS))
	}
}
