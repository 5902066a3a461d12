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
}

// Config reads the files named. host is the name that the Server's certificate must bear.
func (t ClientTLS) Config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	var err error
	if t.CA != "" {
		if c.RootCAs, err = authorities(t.CA); err != nil {
			return nil, fmt.Errorf("read the uplink's ca: %w", err)
		}
	}
	if t.Cert != "" {
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the uplink's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file holds no certificate")
	}
	return pool, nil
}
