package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	st := openStation(t, vfs.NewDisk(), server.Options{})
	_, err = st.server.Listen(server.ListenerConfig{Name: "local", Address: taken.Addr().String()})
	if err == nil {
		t.Fatal("two listeners on one port")
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, want := range []string{"listener local", taken.Addr().String(), "address already in use", "hint", port} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestListenWrong(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	for _, address := range []string{"nonsense", "127.0.0.1:70000"} {
		if _, err := st.server.Listen(server.ListenerConfig{Name: "l", Address: address}); err == nil || !strings.Contains(err.Error(), "listener l") {
			t.Errorf("%s: error %v", address, err)
		}
	}
}

// TestAddressToCome: a start without a network does not fail for want of the address that a listener has there.
func TestAddressToCome(t *testing.T) {
	for _, address := range []string{"192.0.2.1:0", "[2001:db8::1]:0"} { // RFC 5737, RFC 3849: nobody has them
		var log lines
		st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		defer st.server.Close()
		got, err := st.server.Listen(server.ListenerConfig{Name: "lan", Address: address})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if a := got.(*net.TCPAddr); a.Port == 0 || !strings.HasPrefix(address, strings.TrimSuffix(a.String(), strconv.Itoa(a.Port))) {
			t.Errorf("%s: listens at %v", address, a)
		}
		if !strings.Contains(log.String(), "no interface has the address") || !strings.Contains(log.String(), "listener=lan") {
			t.Errorf("%s: no word of it: %s", address, log.String())
		}
	}
}

func TestListenAfterRun(t *testing.T) {
	st, _ := start(t, server.Limits{})
	eventually(t, "refused", func() bool {
		_, err := st.server.Listen(server.ListenerConfig{Name: "late", Address: "127.0.0.1:0"})
		return err != nil
	})
}

func TestTooManyConnections(t *testing.T) {
	st, address := start(t, server.Limits{Connections: 2})
	a, b := dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
	b.script("> 10: 'MQTT' 04 02 003c 'b'", "< 20: 00 00")
	c := dial(t, address)
	c.script("< closed")
	if got := st.server.Stats(); got.Connections != 2 || got.TurnedAway != 1 {
		t.Errorf("stats %+v", got)
	}
	a.script("> e0:", "< closed")
	eventually(t, "room for another", func() bool { return st.server.Stats().Connections == 1 })
	d := dial(t, address)
	d.script("> 10: 'MQTT' 04 02 003c 'd'", "< 20: 00 00")
}

// Who gets in depends on the listener.
func TestWhoGetsIn(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	u := users(t, "ada:"+hash(t, "engine"))
	listeners := map[string]string{
		"open":   st.listen(server.ListenerConfig{Name: "open", Anonymous: true}),
		"users":  st.listen(server.ListenerConfig{Name: "users", Authenticate: u}),
		"both":   st.listen(server.ListenerConfig{Name: "both", Authenticate: u, Anonymous: true}),
		"closed": st.listen(server.ListenerConfig{Name: "closed"}),
	}
	st.run()
	const (
		nobody  = "'MQTT' 04 02 003c 'a'"
		right   = "'MQTT' 04 c2 003c 'a' 'ada' 'engine'"
		wrong   = "'MQTT' 04 c2 003c 'a' 'ada' 'lamp'"
		unknown = "'MQTT' 04 c2 003c 'a' 'eve' 'engine'"
		noPass  = "'MQTT' 04 82 003c 'a' 'ada'"
		wrong5  = "'MQTT' 05 c2 003c 00 'a' 'ada' 'lamp'"
		nobody5 = "'MQTT' 05 02 003c 00 'a'"
		pass5   = "'MQTT' 05 42 003c 00 'a' 'engine'" // 5.0 allows a password alone; it names nobody
	)
	tests := []struct{ listener, connect, answer string }{
		{"open", nobody, "00 00"}, {"open", wrong, "00 00"},
		{"users", nobody, "00 05"}, {"users", right, "00 00"}, {"users", wrong, "00 04"}, {"users", unknown, "00 04"},
		{"users", noPass, "00 04"}, {"users", wrong5, "00 86 00"}, {"users", nobody5, "00 87 00"}, {"users", pass5, "00 87 00"},
		{"both", nobody, "00 00"}, {"both", right, "00 00"}, {"both", wrong, "00 04"},
		{"closed", nobody, "00 05"}, {"closed", right, "00 05"},
	}
	for _, tt := range tests {
		p := dial(t, listeners[tt.listener])
		p.script("> 10: "+tt.connect, "< 20: "+tt.answer)
		if tt.answer == "00 00" {
			p.script("> e0:")
		}
		p.script("< closed")
	}
}

// A ClientID belongs to the user who made its session: nobody else can read what waits for it.
func TestClientIDBelongsToUser(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "l", Authenticate: users(t, "ada:"+hash(t, "engine"), "bob:"+hash(t, "lamp"))})
	st.run()
	a, b, c := dial(t, address), dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 c0 003c 'pump' 'ada' 'engine'", "< 20: 00 00")
	b.script("> 10: 'MQTT' 04 c0 003c 'pump' 'bob' 'lamp'", "< 20: 00 05", "< closed")
	a.script("> c0:", "< d0:") // and has not been taken over
	c.script("> 10: 'MQTT' 05 c0 003c 00 'pump' 'bob' 'lamp'", "< 20: 00 87 00", "< closed")
}

// gate is an Authenticator that counts who is in it, and lets nobody out until it is opened.
type gate struct {
	in, most atomic.Int32
	open     chan struct{}
}

func (g *gate) Authenticate(string, []byte) bool {
	n := g.in.Add(1)
	defer g.in.Add(-1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
	<-g.open
	return true
}

// A storm of logins is worked off a few at a time, and those who are in already do not notice.
func TestLoginStorm(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Logins: 2}})
	address := st.listen(server.ListenerConfig{Name: "l", Anonymous: true, Authenticate: g})
	st.run()
	inside := dial(t, address)
	inside.script("> 10: 'MQTT' 04 02 0000 'inside'", "< 20: 00 00")
	var all sync.WaitGroup
	for i := range 20 {
		p := dial(t, address)
		name := string(rune('a' + i))
		p.script("> 10: 'MQTT' 04 c2 003c '" + name + "' 'u' 'p'")
		all.Go(func() { p.script("< 20: 00 00") })
	}
	eventually(t, "two logins at work", func() bool { return g.in.Load() == 2 })
	inside.script("> c0:", "< d0:")
	close(g.open)
	all.Wait()
	if got := g.most.Load(); got != 2 {
		t.Errorf("%d logins at the same time, want 2", got)
	}
}

// A login that cannot begin is told to come back later.
func TestLoginWait(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Logins: 1, LoginWait: time.Millisecond}})
	address := st.listen(server.ListenerConfig{Name: "l", Authenticate: g})
	st.run()
	a, b := dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 04 c2 003c 'a' 'u' 'p'")
	eventually(t, "the first is at work", func() bool { return g.in.Load() == 1 })
	b.script("> 10: 'MQTT' 05 c2 003c 00 'b' 'u' 'p'", "< 20: 00 88 00", "< closed")
	close(g.open)
	a.script("< 20: 00 00")
}

// selfSigned makes a certificate for 127.0.0.1 and a pool that trusts it.
func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func startTLS(t testing.TB, l server.ListenerConfig) (address string, client *tls.Config) {
	t.Helper()
	cert, pool := selfSigned(t)
	st := openStation(t, vfs.NewDisk(), server.Options{})
	l.Name, l.TLS = "tls", tlsConfig(cert)
	address = st.listen(l)
	st.run()
	return address, &tls.Config{RootCAs: pool}
}

func dialTLS(t testing.TB, address string, c *tls.Config) *peer {
	t.Helper()
	nc, err := tls.Dial("tcp", address, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc}
}

func TestTLS(t *testing.T) {
	address, client := startTLS(t, server.ListenerConfig{Anonymous: true})
	a, b := dialTLS(t, address, client), dialTLS(t, address, client)
	a.script("> 10: 'MQTT' 05 02 003c 00 'a' | 82: 0001 00 't' 01", "< 20: ??*16 | 90: 0001 00 01")
	b.script("> 10: 'MQTT' 04 02 003c 'b'", "< 20: 00 00")
	b.script("> 32: 't' 0001 \"x\"", "< 40: 0001")
	a.script("< 32: 't' 0001 00 \"x\"", "> 40: 0001", "> c0:", "< d0:")
	a.script("> 00:", "< e0: 81", "< closed")
}

// Reads that end exactly where the small buffer of a parked connection ends lose nothing.
func TestTLSSizes(t *testing.T) {
	address, client := startTLS(t, server.ListenerConfig{Anonymous: true})
	p := dialTLS(t, address, client)
	p.script("> 10: 'MQTT' 04 02 003c 'a' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	for _, size := range []int{1, 500, 504, 505, 506, 507, 508, 509, 510, 1000, 1017, 5000, 65536, 200000} {
		line := "30: 't' \"" + strings.Repeat("x", size) + "\""
		p.script("> "+line, "< "+line)
	}
}

// A TLS Client that stops reading holds up neither publishers nor the end.
func TestTLSDeafClient(t *testing.T) {
	cert, pool := selfSigned(t)
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "tls", Anonymous: true, TLS: tlsConfig(cert)})
	st.run()
	deaf, p := dialTLS(t, address, &tls.Config{RootCAs: pool}), dialTLS(t, address, &tls.Config{RootCAs: pool})
	deaf.script("> 10: 'MQTT' 05 02 0000 00 'deaf' | 82: 0001 00 't' 00", "< 20: ??*16 | 90: 0001 00 00")
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	payload := strings.Repeat("x", 100_000)
	for range 100 { // 10 MB: more than any buffer takes
		p.script("> 32: 't' 0001 \""+payload+"\"", "< 40: 0001")
	}
	begin := time.Now()
	p.nc.Close()
	st.stop()
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the end took %v", d)
	}
}

func TestTLSVersion(t *testing.T) {
	address, client := startTLS(t, server.ListenerConfig{Anonymous: true})
	client.MaxVersion = tls.VersionTLS11
	client.MinVersion = tls.VersionTLS10
	if nc, err := tls.Dial("tcp", address, client); err == nil {
		nc.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

// Somebody who does not speak TLS harms nobody.
func TestTLSGarbage(t *testing.T) {
	address, client := startTLS(t, server.ListenerConfig{Anonymous: true})
	g := dial(t, address)
	g.script("> 10: 'MQTT' 04 02 003c 'a'")
	for b := []byte{0}; ; {
		if _, err := g.nc.Read(b); err != nil {
			break // an alert, then the end
		}
	}
	a := dialTLS(t, address, client)
	a.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
}

func TestShutdownIsTold(t *testing.T) {
	st, address := start(t, server.Limits{})
	a, b := dial(t, address), dial(t, address)
	a.script("> 10: 'MQTT' 05 02 003c 00 'a'", "< 20: ??*16")
	b.script("> 10: 'MQTT' 04 02 003c 'b'", "< 20: 00 00")
	done := make(chan struct{})
	begin := time.Now()
	go func() { st.stop(); close(done) }()
	a.script("< e0: 8b", "< closed")
	b.script("< closed")
	a.nc.Close()
	b.nc.Close()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Errorf("still running after %v", time.Since(begin))
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the listener is still open")
	}
}

// A listener's own limits take the place of those of the server, and 5.0 Clients are told of them.
func TestListenerLimits(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Connections: 3, Packet: 1000, Inflight: 5}})
	all := st.listen(server.ListenerConfig{Name: "all", Anonymous: true})
	few := st.listen(server.ListenerConfig{Name: "few", Anonymous: true, Limits: server.ListenerLimits{Connections: 1, Packet: 200, Inflight: 2}})
	st.run()
	a, b := dial(t, all), dial(t, few)
	a.script("> 10: 'MQTT' 05 02 003c 00 'a'", "< 20: 00 00 0d 21 0005 27 000003e8 22 0020 2a 01")
	b.script("> 10: 'MQTT' 05 02 003c 00 'b'", "< 20: 00 00 0d 21 0002 27 000000c8 22 0020 2a 01")
	dial(t, few).script("< closed")
	c := dial(t, all)
	c.script("> 10: 'MQTT' 05 02 003c 00 'c'", "< 20: ??*16")
	dial(t, all).script("< closed")

	large := "> 30: 't' 00 \"" + strings.Repeat("x", 300) + "\""
	a.script(large, "> c0:", "< d0:")
	b.script(large, "< e0: 95", "< closed")
	eventually(t, "room at the listener", func() bool { return st.server.Stats().Connections == 2 })
	d := dial(t, few)
	d.script("> 10: 'MQTT' 05 02 003c 00 'd'", "< 20: ??*16")
	// Each exchange of QoS 2 is open until PUBREL: the third is one too many.
	d.script("> 34: 't' 0001 00", "< 50: 0001 10", "> 34: 't' 0002 00", "< 50: 0002 10", "> 34: 't' 0003 00", "< e0: 93", "< closed")
	a.script("> 34: 't' 0001 00", "< 50: 0001 10", "> 34: 't' 0002 00", "< 50: 0002 10", "> 34: 't' 0003 00", "< 50: 0003 10")
}
