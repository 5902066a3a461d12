package uplink

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/profile"
)

// dialer opens streams of bytes by TCP, and TLS on it.
type dialer struct {
	net     *interfaces.Dialer
	files   config.ClientTLS
	time    func() time.Time       // by which certificates are judged; nil: the system's
	profile *profile.Profile       // nil: nothing is known of the servers
	tickets tls.ClientSessionCache // resuming a TLS session saves half of the bytes of a connect
}

func newDialer(files config.ClientTLS, o interfaces.Options) *dialer {
	return &dialer{net: interfaces.NewDialer(o), files: files, tickets: tls.NewLRUClientSessionCache(8)}
}

// dial connects within the deadline of ctx. Certificates are read each time: they are renewed while the gateway runs.
func (d *dialer) dial(ctx context.Context, s config.Server) (net.Conn, error) {
	conn, err := d.net.Dial(ctx, s.Host, s.Port)
	if err != nil || !s.TLS {
		return conn, err
	}
	c, err := d.tlsConfig(s)
	if err == nil {
		secure := tls.Client(conn, c)
		if err = secure.HandshakeContext(ctx); err == nil {
			return secure, nil
		}
		d.net.Doubt(s.Host)
		err = fmt.Errorf("TLS: %w", err)
	}
	conn.Close() // its error would say less
	return nil, err
}

func (d *dialer) tlsConfig(s config.Server) (*tls.Config, error) {
	c, err := d.files.Config(s.Host)
	if err != nil {
		return nil, err
	}
	// A post-quantum key share comes first by default and costs 1.3 KB each time, on links that are paid by the byte.
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	c.DynamicRecordSizingDisabled = true // small records cost a header each
	c.ClientSessionCache, c.Time = d.tickets, d.time
	if p := d.profile; p != nil && p.ALPN != "" && s.Port == p.ALPNPort {
		c.NextProtos = []string{p.ALPN}
	}
	return c, nil
}
