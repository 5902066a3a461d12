package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// authority signs certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	issued := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = issued.Leaf, issued.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue completes and signs a certificate; the first is its own authority.
func (a *authority) issue(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		a.t.Fatal(err)
	}
	c.NotBefore = time.Now().Add(-2 * time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) server(name string) tls.Certificate {
	return a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

func (a *authority) client(name string) tls.Certificate {
	return a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// write puts a certificate and its key into files, each in one step as good tools do.
func write(t testing.TB, cert tls.Certificate, certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	if keyFile != "" {
		replaceFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
}

func replaceFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// pki is a station whose listener has its certificates in files.
type pki struct {
	*station
	ca      *authority
	files   server.TLSFiles
	address string
	log     lines
}

func startPKI(t testing.TB, identity server.Identity, l server.ListenerConfig, before ...func(*station)) *pki {
	t.Helper()
	dir := t.TempDir()
	p := &pki{ca: newAuthority(t, "ours"), files: server.TLSFiles{Cert: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}}
	write(t, p.ca.server("first"), p.files.Cert, p.files.Key)
	if identity != server.NoIdentity {
		p.files.ClientCA = filepath.Join(dir, "ca")
		write(t, tls.Certificate{Certificate: [][]byte{p.ca.cert.Raw}, PrivateKey: p.ca.key}, p.files.ClientCA, "")
	}
	p.station = openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&p.log, nil))})
	l.Name, l.Certificates, l.Identity = "tls", &p.files, identity
	p.address = p.listen(l)
	for _, f := range before {
		f(p.station)
	}
	p.run()
	return p
}

// shown is the name of the server's certificate as a new connection sees it.
func (p *pki) shown(t testing.TB) string {
	t.Helper()
	nc, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.ca.pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	return nc.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// A certificate is renewed while clients come, stay and talk: none of them notices.
func TestCertificateReload(t *testing.T) {
	p := startPKI(t, server.NoIdentity, server.ListenerConfig{Anonymous: true})
	stays := dialTLS(t, p.address, &tls.Config{RootCAs: p.ca.pool()})
	stays.script("> 10: 'MQTT' 04 02 003c 'stays' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")

	done := make(chan struct{})
	var load sync.WaitGroup
	for i := range 4 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				nc, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.ca.pool()})
				if err != nil {
					t.Errorf("a connection during the renewal: %v", err)
					return
				}
				(&peer{t, nc}).script(fmt.Sprintf("> 10: 'MQTT' 04 02 003c 'c%d'", i), "< 20: 00 00", "> e0:", "< closed")
				nc.Close()
			}
		})
	}
	for _, name := range []string{"second", "third"} {
		write(t, p.ca.server(name), p.files.Cert, p.files.Key)
		eventually(t, "the new certificate is shown", func() bool { return p.shown(t) == name })
		stays.script("> 30: 't' \"x\"", "< 30: 't' \"x\"")
	}
	close(done)
	load.Wait()
	if log := p.log.String(); strings.Count(log, "certificate read again") < 2 {
		t.Errorf("the log does not tell of the renewals:\n%s", log)
	}
}

// Files that cannot be used change nothing, and are told of once.
func TestCertificateBroken(t *testing.T) {
	p := startPKI(t, server.NoIdentity, server.ListenerConfig{Anonymous: true})
	told := func() int { return strings.Count(p.log.String(), "the new certificate cannot be used") }
	replaceFile(t, p.files.Cert, []byte("half of a certif"))
	eventually(t, "a line in the log", func() bool { return p.shown(t) == "first" && told() == 1 })
	for begin := time.Now(); time.Since(begin) < 2500*time.Millisecond; time.Sleep(100 * time.Millisecond) {
		if got := p.shown(t); got != "first" {
			t.Fatalf("certificate %q, want the old one", got)
		}
	}
	if n := told(); n != 1 {
		t.Errorf("%d lines about one broken file", n)
	}
	write(t, p.ca.server("second"), p.files.Cert, p.files.Key)
	eventually(t, "the repaired one is shown", func() bool { return p.shown(t) == "second" })
	if err := os.Remove(p.files.Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a line about the missing key", func() bool { return p.shown(t) == "second" && strings.Contains(p.log.String(), p.files.Key) })
}

func TestCertificateUnreadable(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	_, err := st.server.Listen(server.ListenerConfig{Name: "tls", Address: "127.0.0.1:0", Certificates: &server.TLSFiles{Cert: "absent", Key: "absent"}})
	if err == nil || !strings.Contains(err.Error(), "listener tls: read the certificate absent") {
		t.Errorf("error %v", err)
	}
}

// tryTLS connects and tells what MQTT said, or why there was none.
func tryTLS(address string, c *tls.Config) (answer string, err error) {
	if len(c.Certificates) > 0 { // shown also when the server has not asked for its like
		c = c.Clone()
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.Certificates[0], nil }
	}
	nc, err := tls.Dial("tcp", address, c)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte(connectA)); err != nil {
		return "", err
	}
	b := make([]byte, 4)
	n, err := nc.Read(b) // a client of TLS 1.3 hears only here that its certificate was refused
	return fmt.Sprintf("%x", b[:n]), err
}

// shows makes what a Client shows as its certificate.
type shows func(ca *authority) []tls.Certificate

func named(name string) shows {
	return func(ca *authority) []tls.Certificate { return []tls.Certificate{ca.client(name)} }
}

var clientCertificates = []struct {
	name   string
	shows  shows
	answer string // the beginning of what MQTT says; "": TLS refuses
	log    string
}{
	{"good", named("meter"), "20020000", "user=meter"},
	{"none", func(*authority) []tls.Certificate { return nil }, "", "didn't provide a certificate"},
	{"expired", func(ca *authority) []tls.Certificate {
		return []tls.Certificate{ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "old"}, NotAfter: time.Now().Add(-time.Hour)})}
	}, "", `the certificate \"CN=old\" of \"CN=ours\": x509: certificate has expired`},
	{"foreign", func(ca *authority) []tls.Certificate {
		return named("stranger")(newAuthority(ca.t, "theirs"))
	}, "", `the certificate \"CN=stranger\" of \"CN=theirs\": x509: certificate signed by unknown authority`},
	{"for servers only", func(ca *authority) []tls.Certificate {
		return []tls.Certificate{ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "srv"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})}
	}, "", `the certificate \"CN=srv\" of \"CN=ours\": x509: certificate specifies an incompatible key usage`},
	{"no name", named(""), "20020005", "has no common name that can be a user"},
	{"a name that is no user", named("a\x07b"), "20020005", "has no common name that can be a user"},
}

func TestMutualTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range clientCertificates {
			t.Run(tls.VersionName(version)+" "+tt.name, func(t *testing.T) {
				p := startPKI(t, server.CommonName, server.ListenerConfig{})
				answer, err := tryTLS(p.address, &tls.Config{RootCAs: p.ca.pool(), Certificates: tt.shows(p.ca), MaxVersion: version, MinVersion: version})
				if answer != tt.answer {
					t.Errorf("answer %q (%v), want %q", answer, err, tt.answer)
				}
				eventually(t, "the log says "+tt.log, func() bool { return strings.Contains(p.log.String(), tt.log) })
			})
		}
	}
}

// Somebody who tries bad certificates all day does not fill the log.
func TestMutualTLSLogFlood(t *testing.T) {
	p := startPKI(t, server.CommonName, server.ListenerConfig{})
	for range 30 {
		tryTLS(p.address, &tls.Config{RootCAs: p.ca.pool()})
	}
	eventually(t, "all are refused", func() bool { return p.server.Stats().Refused == 30 })
	if n := strings.Count(p.log.String(), "client refused"); n == 0 || n > 3 {
		t.Errorf("%d lines about 30 refusals", n)
	}
}

// The certificate decides who a Client is, whatever CONNECT says; and the session belongs to that user.
func TestMutualTLSIdentity(t *testing.T) {
	address, err := url.Parse("spiffe://site/meter")
	if err != nil {
		t.Fatal(err)
	}
	named := pkix.Name{CommonName: "common"}
	tests := []struct {
		name     string
		identity server.Identity
		cert     x509.Certificate
		user     string
	}{
		{"common name", server.CommonName, x509.Certificate{Subject: named, DNSNames: []string{"dns"}}, "common"},
		{"DNS name", server.SubjectAltName, x509.Certificate{Subject: named, DNSNames: []string{"first", "second"}, URIs: []*url.URL{address}}, "first"},
		{"URI", server.SubjectAltName, x509.Certificate{Subject: named, URIs: []*url.URL{address}, EmailAddresses: []string{"a@b"}}, "spiffe://site/meter"},
		{"e-mail address", server.SubjectAltName, x509.Certificate{Subject: named, EmailAddresses: []string{"a@b"}}, "a@b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := startPKI(t, tt.identity, server.ListenerConfig{Authenticate: users(t, "ada:"+hash(t, "engine"))})
			c := dialTLS(t, p.address, &tls.Config{RootCAs: p.ca.pool(), Certificates: []tls.Certificate{p.ca.issue(&tt.cert)}})
			c.script("> 10: 'MQTT' 04 c2 003c 'a' 'ada' 'wrong'", "< 20: 00 00")
			eventually(t, "user "+tt.user, func() bool { return strings.Contains(p.log.String(), "user="+tt.user+" ") })
			other := dialTLS(t, p.address, &tls.Config{RootCAs: p.ca.pool(), Certificates: []tls.Certificate{
				p.ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "ada"}, DNSNames: []string{"ada"}})}})
			other.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 05", "< closed")
		})
	}
}

// An authority that was taken away lets in nobody any more, not even who has a ticket of an earlier session.
func TestMutualTLSAuthorityReplaced(t *testing.T) {
	p := startPKI(t, server.CommonName, server.ListenerConfig{})
	config := &tls.Config{RootCAs: p.ca.pool(), Certificates: []tls.Certificate{p.ca.client("meter")}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for range 2 { // the second has a ticket
		if answer, err := tryTLS(p.address, config); answer != "20020000" {
			t.Fatalf("answer %q (%v)", answer, err)
		}
	}
	write(t, newAuthority(t, "new").server("x"), p.files.ClientCA, "")
	eventually(t, "the certificate is refused", func() bool {
		answer, _ := tryTLS(p.address, config)
		return answer == ""
	})
	if answer, err := tryTLS(p.address, config); answer != "" {
		t.Errorf("answer %q (%v)", answer, err)
	}
}

// Mutual TLS works for secure WebSocket as well.
func TestMutualTLSWebSocket(t *testing.T) {
	p := startPKI(t, server.CommonName, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}})
	secure := dialTLS(t, p.address, &tls.Config{RootCAs: p.ca.pool(), Certificates: []tls.Certificate{p.ca.client("meter")}})
	c := &peer{t, upgrade(t, secure.nc)}
	c.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
	eventually(t, "the user", func() bool { return strings.Contains(p.log.String(), "user=meter") })
}

// A listener that goes by certificates and does not ask for them lets nobody in.
func TestIdentityWithoutCertificates(t *testing.T) {
	cert, pool := selfSigned(t)
	st := openStation(t, vfs.NewDisk(), server.Options{})
	plain := st.listen(server.ListenerConfig{Name: "plain", Identity: server.CommonName, Anonymous: true})
	unasked := st.listen(server.ListenerConfig{Name: "tls", Identity: server.CommonName, Anonymous: true, TLS: tlsConfig(cert)})
	st.run()
	dial(t, plain).script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 05", "< closed")
	dialTLS(t, unasked, &tls.Config{RootCAs: pool}).script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 05", "< closed")
}

// Where the certificate says who a Client is, no other proof makes it somebody else.
func TestMutualTLSWithoutMethods(t *testing.T) {
	p := startPKI(t, server.CommonName, server.ListenerConfig{Methods: []server.AuthMethod{toy{}}})
	config := &tls.Config{RootCAs: p.ca.pool(), Certificates: []tls.Certificate{p.ca.client("meter")}}
	dialTLS(t, p.address, config).script("> 10: 'MQTT' 05 02 003c 11 15 'TOY' 16 'now anna' 'a'", "< 20: 00 8c 00", "< closed")
	dialTLS(t, p.address, config).script("> 10: 'MQTT' 05 02 003c 00 'a'", "< 20: 00 00 0d ??*13")
}
