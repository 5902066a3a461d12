package uplink

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/profile"
	"skerry/edge/uplink/ticket"
)

// dialer opens streams of bytes by TCP, and TLS on it.
type dialer struct {
	net     *interfaces.Dialer
	files   config.ClientTLS
	time    func() time.Time   // by which certificates are judged; nil: the system's
	profile *profile.Profile   // nil: nothing is known of the servers
	tickets *ticket.Store      // resuming a TLS session saves half of the bytes of a connect; nil: none is kept
	shook   func(resumed bool) // is told of each handshake; nil: nobody is
}

func newDialer(files config.ClientTLS, o interfaces.Options) *dialer {
	return &dialer{net: interfaces.NewDialer(o), files: files}
}

// dial connects within the deadline of ctx. Certificates are read each time: they are renewed while the gateway runs.
func (d *dialer) dial(ctx context.Context, s config.Server) (net.Conn, error) {
	conn, err := d.net.Dial(ctx, s.Host, s.Port)
	if err != nil || !s.TLS {
		return conn, err
	}
	c, err := d.tlsConfig(s)
	if err == nil {
		corked := newCork(conn)
		conn = corked
		secure := tls.Client(corked, c)
		if err = secure.HandshakeContext(ctx); err == nil {
			corked.ended()
			if d.shook != nil {
				d.shook(secure.ConnectionState().DidResume)
			}
			return secure, nil
		}
		d.net.Doubt(s.Host)
		err = &handshakeError{err}
	}
	conn.Close() // its error would say less
	return nil, err
}

func (d *dialer) tlsConfig(s config.Server) (*tls.Config, error) {
	c, authorities, err := d.files.Config(s.Host)
	if err != nil {
		return nil, err
	}
	// One key share is offered, of the first of these that is known to be enough. One against quantum computers, which would come first
	// by default, costs 1.3 kB each time, on links that are paid by the byte.
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	if d.files.PostQuantum {
		c.CurvePreferences = nil
	}
	c.DynamicRecordSizingDisabled = true // small records cost a header each
	c.Time = d.time
	if p := d.profile; p != nil && p.ALPN != "" && s.Port == p.ALPNPort {
		c.NextProtos = []string{p.ALPN}
	}
	if d.tickets != nil {
		c.ClientSessionCache = d.tickets.For(ticket.Of(s.Address(), authorities, c), s.Address())
	}
	return c, nil
}
