package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"skerry/edge/uplink/profile"
)

const (
	maxCarry   = 15  // streams of one uplink: they share the packet identifiers of one connection
	maxFilters = 128 // of one stream, and of one receive map
)

// uplinks resolves where the streams go.
func (d *decoder) uplinks(list []Uplink, cfg *Config) []Uplink {
	var names []string
	for _, s := range cfg.Streams {
		names = append(names, s.Name)
	}
	for i := range list {
		u := &list[i]
		at := below("uplinks", u.Name)
		if !d.given(at+".mqtt") && d.sound(at) {
			d.fail(at, "names no server", `mqtt: "tls://broker.example.org:8883"`)
		}
		d.defaults(u)
		d.identity(at, u, station(cfg.Gateway))
		d.secrets(at, u)
		d.carried(at, u, names)
		d.links(at, u, cfg.Streams)
		d.mapped(at, u, station(cfg.Gateway))
		d.profile(at, u, cfg)
		d.metered(at, u)
	}
	if d.sound("uplinks") && d.sound("streams") {
		d.twins(list)
		d.loops(list, cfg.Streams)
		for i := range list {
			d.shared(&list[i], Carried(list[i], cfg.Streams))
		}
	}
	return list
}

func (d *decoder) defaults(u *Uplink) {
	if u.Profile == "" {
		u.Profile = "generic"
	}
	if u.Version == 0 {
		u.Version = Version(profile.Of(u.Profile).Versions[0])
	}
	if u.KeepAlive == (KeepAlive{}) {
		u.KeepAlive = KeepAlive{defaultKeepAlive, defaultKeepAlive}
	}
	if u.OnLostSession == "" {
		u.OnLostSession = PublishAgain
	}
	if u.Retry == (DurationRange{}) {
		u.Retry = DurationRange{5 * time.Second, 5 * time.Minute}
	}
}

// identity resolves the ClientID, which the Server keeps the session under.
func (d *decoder) identity(at string, u *Uplink, v vars) {
	key := at + ".client_id"
	if !d.given(key) {
		u.ClientID = v["gateway"]
		return
	}
	if !d.sound(key) || !d.checkTemplate(key, u.ClientID, stationVars) {
		return
	}
	if u.ClientID = v.expand(u.ClientID); u.ClientID == "" {
		d.fail(key, "is empty", "the Server keeps the session under this name: leave the line out to use the gateway's id")
	}
}

// secrets checks user, password and certificates.
func (d *decoder) secrets(at string, u *Uplink) {
	key := at + ".password_file"
	d.existing(key, &u.PasswordFile, true, "the file holds the password alone; its path starts in the folder of this file")
	if u.PasswordFile != "" && u.User == "" && d.sound(at) {
		d.fail(key, "a password without a user", "user: NAME")
	}
	if u.PasswordFile != "" && d.sound(key) {
		if _, err := u.Password(); err != nil {
			d.fail(key, err.Error(), "the file holds the password alone, in one line")
		}
	}
	d.clientTLS(at+".tls", &u.TLS)
	plain := !slices.ContainsFunc(u.Servers, func(s Server) bool { return s.TLS })
	if d.given(at+".tls") && plain && len(u.Servers) > 0 && d.sound(at) {
		d.fail(at+".tls", "no server of this uplink is reached by TLS", "write tls://HOST:8883 under mqtt")
	}
}

// Password reads the password of an uplink, without the line end; nil if it has none. No error shows what was read.
func (u Uplink) Password() ([]byte, error) {
	if u.PasswordFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(u.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("read password_file: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	switch {
	case password == "":
		return nil, fmt.Errorf("the password file is empty")
	case strings.ContainsAny(password, "\r\n"):
		return nil, fmt.Errorf("the password file has more than one line")
	case len(password) > 65535:
		return nil, fmt.Errorf("the password is longer than MQTT allows")
	}
	return []byte(password), nil
}

// carried resolves the streams of an uplink: those named, or all.
func (d *decoder) carried(at string, u *Uplink, streams []string) {
	key := at + ".carry"
	if !d.given(key) {
		u.Carry = slices.Clone(streams)
	}
	if d.given(key) && len(u.Carry) == 0 && len(u.Receive) == 0 && d.sound(key) {
		d.fail(key, "carries nothing, and nothing is received", "leave the line out to carry every stream")
	}
	if len(u.Carry) > maxCarry {
		d.fail(d.nearest(at, key), fmt.Sprintf("carries more than %d streams", maxCarry), "put more filters into one stream")
	}
	for i, name := range u.Carry {
		item := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case !d.sound(item):
		case slices.Contains(u.Carry[:i], name):
			d.fail(item, fmt.Sprintf("stream %s is named twice", name), "remove one")
		case !slices.Contains(streams, name):
			d.fail(item, fmt.Sprintf("no stream %q", name), suggest(name, streams))
		}
	}
}

// twins refuses two uplinks with one ClientID at one Server, which would take over each other's connection for ever.
func (d *decoder) twins(list []Uplink) {
	for i, u := range list {
		for _, o := range list[:i] {
			if u.ClientID == o.ClientID && shareServer(u, o) {
				at := below("uplinks", u.Name)
				d.fail(d.nearest(at, at+".client_id"), fmt.Sprintf("has the server and the ClientID %q of uplink %s", u.ClientID, o.Name),
					"give each its own client_id")
			}
		}
	}
}

func shareServer(a, b Uplink) bool {
	return slices.ContainsFunc(a.Servers, func(s Server) bool {
		return slices.ContainsFunc(b.Servers, func(t Server) bool { return strings.EqualFold(s.Address(), t.Address()) })
	})
}
