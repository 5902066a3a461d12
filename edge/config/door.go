package config

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// maxSocketPath is the longest path of a Unix socket in bytes.
const maxSocketPath = 107

// listener checks how a listener is reached, and fills in what it does not say. False: nothing more can be said of it.
func (d *decoder) listener(at string, l *Listener) bool {
	var kinds []string
	for _, k := range []struct{ key, value string }{{"tcp", l.TCP}, {"http", l.HTTP}, {"unix", l.Unix}} {
		if k.value != "" {
			kinds = append(kinds, k.key)
		}
	}
	switch len(kinds) {
	case 0:
		d.fail(at, "names no address", `{tcp: "127.0.0.1:1883"}`)
		return false
	case 1:
	default:
		d.fail(at, "is "+strings.Join(kinds, " and "), "one listener, one address: make another one for each")
		return false
	}
	d.strays(at, kinds[0])
	switch kinds[0] {
	case "tcp":
		d.address(at+".tcp", l.TCP, "1883", "8883")
		d.serverTLS(at+".tls", l.TLS)
	case "http":
		d.address(at+".http", l.HTTP, "8080", "443")
		d.webSocket(at, l)
		d.serverTLS(at+".tls", l.TLS)
	case "unix":
		d.unixSocket(at, l)
	}
	return true
}

// strays reports keys that mean nothing for this kind of listener.
func (d *decoder) strays(at, kind string) {
	for key, wants := range map[string]string{"path": "http", "origins": "http", "mode": "unix"} {
		if at := below(at, key); kind != wants && d.given(at) {
			d.fail(at, "is for listeners with "+wants+" only", "leave it out here")
		}
	}
	if at := below(at, "tls"); kind == "unix" && d.given(at) {
		d.fail(at, "is not for Unix sockets", "leave it out: nothing leaves this machine")
	}
}

// webSocket checks what belongs to MQTT over WebSocket.
func (d *decoder) webSocket(at string, l *Listener) {
	l.Path = cmp.Or(l.Path, "/mqtt")
	plain := strings.HasPrefix(l.Path, "/") && path.Clean(l.Path) == l.Path && l.Path != "/" && !strings.ContainsAny(l.Path, "?#%* ")
	if d.sound(at+".path") && !plain {
		d.fail(at+".path", fmt.Sprintf("%q cannot be the path of a WebSocket", l.Path), "/mqtt is what clients try first; / is for the page")
	}
	for i, o := range l.Origins {
		if !originLike(o) {
			d.fail(fmt.Sprintf("%s.origins[%d]", at, i), fmt.Sprintf("%q is not where a page comes from", o),
				`scheme, host and port as the browser shows them: "https://dash.example.org"; "*" lets in the pages of all sites`)
		}
	}
}

// originLike reports whether a browser could name a text as the origin of a page.
func originLike(text string) bool {
	if text == "*" || text == "null" { // null: a page from a file
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == text && !strings.Contains(text, "*")
}

// unixSocket checks what belongs to a Unix socket. The folder is not looked for: it may be made for a running service only.
func (d *decoder) unixSocket(at string, l *Listener) {
	if !d.given(at + ".mode") {
		l.Mode = 0o660
	}
	if d.sound(at+".mode") && l.Mode&0o222 == 0 { // connecting is writing
		d.fail(at+".mode", fmt.Sprintf("%04o lets nobody connect", l.Mode), "0660 for the user and the group of this program, 0600 for its user alone")
	}
	if strings.HasPrefix(l.Unix, "~") {
		d.fail(at+".unix", "~ is not expanded", "write the whole path")
		return
	}
	l.Unix = d.resolve(l.Unix)
	if len(l.Unix) > maxSocketPath {
		d.fail(at+".unix", fmt.Sprintf("is a path of %d bytes", len(l.Unix)), fmt.Sprintf("that of a socket has at most %d", maxSocketPath))
	}
}

// over gives the limits of all listeners with those of one in their place.
func (l ListenerLimits) over(all Limits) ListenerLimits {
	return ListenerLimits{
		Connections: cmp.Or(l.Connections, all.Connections),
		Packet:      cmp.Or(l.Packet, all.Packet),
		Inflight:    cmp.Or(l.Inflight, all.Inflight),
	}
}
