package config

// metrics checks where figures are shown. That they are shown beyond this machine must be said: they need no password.
func (d *decoder) metrics(at string, m *Metrics) {
	const local = `{http: "127.0.0.1:9464"}`
	switch {
	case !d.given(at) || !d.sound(at):
	case m == nil || m.HTTP == "":
		d.fail(at, "names no address", local)
	default:
		d.address(at+".http", m.HTTP, "9464", "")
		if d.sound(at+".http") && !loopback(m.HTTP) && !m.Anonymous {
			d.fail(at+".http", "would show the figures of this station to everybody on the network",
				local+" for this machine alone, or anonymous: true beside http")
		}
	}
}
