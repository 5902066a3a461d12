package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"skerry/broker/packet"
)

// Identity is what of a Client's certificate is its user.
type Identity byte

// The choices.
const (
	NoIdentity     Identity = iota // nothing: users log in as everywhere
	CommonName                     // the common name of the subject
	SubjectAltName                 // the first DNS name; without one the first URI, without that the first e-mail address
)

// user tells who a Client is: by its certificate where that counts, and then not by the User Name of CONNECT.
func (c *conn) user(ctx context.Context, p *packet.Connect) (string, error) {
	identity := c.listener.Identity
	if identity == NoIdentity {
		c.login = loginBy(c.listener.Authenticate, string(p.UserName))
		return c.server.login(ctx, c.listener, p, c.nc.RemoteAddr().String())
	}
	// On a connection without a verified certificate nobody is anybody.
	secure := c.secured()
	if secure == nil {
		return "", packet.NotAuthorized
	}
	state := secure.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return "", packet.NotAuthorized
	}
	name := identity.of(state.PeerCertificates[0])
	if !usable(name) {
		return "", fmt.Errorf("the certificate %.100q has no %s that can be a user: %w", state.PeerCertificates[0].Subject.String(), identity, packet.NotAuthorized)
	}
	return name, nil
}

// secured is the TLS of the connection, nil without.
func (c *conn) secured() *tls.Conn {
	nc := c.nc
	if s, ok := nc.(*stream); ok {
		nc = s.Conn
	}
	secure, _ := nc.(*tls.Conn)
	return secure
}

func (i Identity) of(cert *x509.Certificate) string {
	switch {
	case i == CommonName:
		return cert.Subject.CommonName
	case i != SubjectAltName:
		return ""
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.EmailAddresses) > 0:
		return cert.EmailAddresses[0]
	}
	return ""
}

func (i Identity) String() string {
	switch i {
	case CommonName:
		return "common name"
	case SubjectAltName:
		return "subject alternative name"
	}
	return "identity"
}

// usable tells whether a name of a certificate could stand in CONNECT as a User Name.
func usable(name string) bool {
	return name != "" && len(name) <= packet.MaxString && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
