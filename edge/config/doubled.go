package config

import "slices"

// Doubled is a stream that two uplinks send to one server under the same topics: each of its messages is there twice.
type Doubled struct {
	Stream  string
	Uplinks [2]string
	Server  Server
}

// Doubled lists them.
func (c *Config) Doubled() (all []Doubled) {
	for i := range c.Uplinks {
		for k := range c.Uplinks[:i] {
			a, b := &c.Uplinks[k], &c.Uplinks[i]
			at := slices.IndexFunc(b.Servers, func(s Server) bool { return slices.Contains(a.Servers, s) })
			if at < 0 || a.Prefix != b.Prefix {
				continue
			}
			for _, s := range Carried(*a, c.Streams) {
				if slices.ContainsFunc(Carried(*b, c.Streams), func(o Stream) bool { return o.Name == s.Name }) {
					all = append(all, Doubled{s.Name, [2]string{a.Name, b.Name}, b.Servers[at]})
				}
			}
		}
	}
	return all
}
