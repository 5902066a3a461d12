package ticket_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"maps"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"skerry/edge/uplink/ticket"
)

// authority signs: a root, and an intermediate that ends sooner than the leaf.
type authority struct {
	root   []byte // DER
	pool   *x509.CertPool
	server tls.Certificate
}

// The times until which the certificates hold.
const (
	interUntil = 12 * time.Hour
	leafUntil  = 24 * time.Hour
)

func newAuthority(t testing.TB) *authority {
	t.Helper()
	now := time.Now()
	make := func(name string, ca bool, until time.Duration, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(until),
			IsCA: ca, BasicConstraintsValid: true, DNSNames: []string{"localhost"}}
		if parent == nil {
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed, key
	}
	root, rootKey := make("root", true, 100*time.Hour, nil, nil)
	inter, interKey := make("inter", true, interUntil, root, rootKey)
	leaf, leafKey := make("leaf", false, leafUntil, inter, interKey)
	a := &authority{root: root.Raw, pool: x509.NewCertPool(), server: tls.Certificate{Certificate: [][]byte{leaf.Raw, inter.Raw}, PrivateKey: leafKey}}
	a.pool.AddCert(root)
	return a
}

// serve is a Server that says one byte to each client, until the test ends.
func (a *authority) serve(t testing.TB, max uint16) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{a.server}, MaxVersion: max})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				c.Write([]byte{1})
				io.Copy(io.Discard, c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// disk is where facts are in these tests.
type disk struct {
	mu    sync.Mutex
	facts map[string][]byte
	puts  int
}

func newDisk() *disk { return &disk{facts: map[string][]byte{}} }

func (d *disk) Fact(key string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.facts[key]
	return f, ok
}

func (d *disk) Put(key string, fact []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.puts++; fact == nil {
		delete(d.facts, key)
	} else {
		d.facts[key] = bytes.Clone(fact)
	}
	return nil
}

func (d *disk) copy() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &disk{facts: maps.Clone(d.facts)}
}

// client is how a test connects.
type client struct {
	authority *authority
	address   string
	max       uint16
	after     time.Duration // by which its clock is ahead
	binding   func(*ticket.Binding)
}

func (c *client) now() time.Time { return time.Now().Add(c.after) }

// connect tells whether the handshake was resumed.
func (c *client) connect(s *ticket.Store) (resumed bool, err error) {
	config := &tls.Config{ServerName: "localhost", RootCAs: c.authority.pool, MaxVersion: c.max, Time: c.now}
	b := ticket.Of(c.address, c.authority.root, config)
	if c.binding != nil {
		c.binding(&b)
	}
	config.ClientSessionCache = s.For(b, "key")
	raw, err := net.Dial("tcp", c.address)
	if err != nil {
		return false, err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Client(raw, config)
	if _, err := conn.Read(make([]byte, 1)); err != nil { // tickets of TLS 1.3 come before it
		return false, err
	}
	return conn.ConnectionState().DidResume, nil
}

func (c *client) must(t *testing.T, s *ticket.Store, resumed bool) {
	t.Helper()
	got, err := c.connect(s)
	if err != nil {
		t.Fatal(err)
	}
	if got != resumed {
		t.Errorf("resumed %v, want %v", got, resumed)
	}
}

var versions = map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12}
