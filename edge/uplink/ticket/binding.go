package ticket

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
)

// Binding is what a ticket holds for.
type Binding struct {
	Server      string // host:port
	Authorities []byte // the file of those that are trusted; nil: those of the system
	Certificate []byte // of the client, DER; nil: none
	Protocols   []string
	MaxVersion  uint16 // of TLS; 0: the newest
}

// Of is the binding of a connection by a configuration. authorities is the file that its RootCAs were read from.
func Of(server string, authorities []byte, c *tls.Config) Binding {
	b := Binding{Server: server, Authorities: authorities, Protocols: c.NextProtos, MaxVersion: c.MaxVersion}
	for _, cert := range c.Certificates {
		for _, der := range cert.Certificate {
			b.Certificate = append(b.Certificate, der...)
		}
	}
	return b
}

// sum is the same for equal bindings only.
func (b Binding) sum() [sha256.Size]byte {
	var all []byte
	add := func(part []byte, given bool) {
		all = binary.AppendUvarint(all, uint64(len(part)))
		if given {
			all = append(all, 1)
		} else {
			all = append(all, 0)
		}
		all = append(all, part...)
	}
	add([]byte(b.Server), true)
	add(b.Authorities, b.Authorities != nil)
	add(b.Certificate, b.Certificate != nil)
	for _, p := range b.Protocols {
		add([]byte(p), true)
	}
	all = binary.AppendUvarint(all, uint64(b.MaxVersion))
	return sha256.Sum256(all)
}
