package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// serverTLS checks the files of a listener, and that certificate and key belong together.
func (d *decoder) serverTLS(at string, t *ServerTLS) {
	if t == nil {
		if d.given(at) && d.sound(at) {
			d.fail(at, "wants cert and key", "leave tls out for a plain listener")
		}
		return
	}
	d.pair(at, &t.Cert, &t.Key, true)
	d.clientCA(at, t)
}

// clientCA checks what a listener asks of its clients.
func (d *decoder) clientCA(at string, t *ServerTLS) {
	if t.ClientCA == "" {
		if d.given(at + ".identity") {
			d.fail(at+".identity", "without client_ca: nobody is asked for a certificate", "client_ca: PATH of the PEM file with the authority of the clients")
		}
		return
	}
	if t.Identity == "" {
		t.Identity = CommonName
	}
	d.existing(at+".client_ca", &t.ClientCA, false, "")
	d.holdsCertificates(at+".client_ca", t.ClientCA)
}

// holdsCertificates reports a file that is no list of authorities.
func (d *decoder) holdsCertificates(key, path string) {
	if path == "" || !d.sound(key) {
		return
	}
	if _, err := authorities(path); err != nil {
		d.fail(key, err.Error(), "a PEM file of one or more certificates")
	}
}

// pair resolves the files of a certificate and its key.
func (d *decoder) pair(at string, cert, key *string, needed bool) {
	if !d.sound(at) {
		return
	}
	switch {
	case *cert == "" && *key == "" && !needed:
		return
	case *cert == "" && *key == "":
		d.fail(at, "wants cert and key", "leave tls out for a plain listener")
	case *key == "":
		d.fail(at, "a certificate without its key", "key: PATH of the PEM file")
	case *cert == "":
		d.fail(at, "a key without its certificate", "cert: PATH of the PEM file")
	}
	d.existing(at+".cert", cert, false, "")
	d.existing(at+".key", key, true, "")
	if !d.sound(at) {
		return
	}
	if _, err := tls.LoadX509KeyPair(*cert, *key); err != nil {
		d.fail(at, "the certificate and its key cannot be used: "+err.Error(), "both are PEM files, and made together")
	}
}

// clientTLS checks the files of an uplink.
func (d *decoder) clientTLS(at string, t *ClientTLS) {
	d.existing(at+".ca", &t.CA, false, "")
	d.holdsCertificates(at+".ca", t.CA)
	d.pair(at, &t.Cert, &t.Key, false)
	if t.Max == "" {
		t.Max = "1.3"
	}
	if t.Tickets == "" {
		t.Tickets = TicketsOnDisk
	}
	if t.PostQuantum && t.Max == "1.2" {
		d.fail(at+".post_quantum", "TLS 1.2 has no such key exchange", "leave max: 1.2 out, or this")
	}
}

// Config reads the files named. host is the name that the Server's certificate must bear. ca is what stands in the file of authorities; nil
// for those of the machine.
func (t ClientTLS) Config(host string) (c *tls.Config, ca []byte, err error) {
	c = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.Max == "1.2" {
		c.MaxVersion = tls.VersionTLS12
	}
	if t.CA != "" {
		if ca, err = os.ReadFile(t.CA); err == nil {
			c.RootCAs, err = pool(ca)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the uplink's ca: %w", err)
		}
	}
	if t.Cert != "" {
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("read the uplink's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, ca, nil
}

func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return pool(pem)
}

func pool(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file holds no certificate")
	}
	return pool, nil
}
