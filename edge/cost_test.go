package edge_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/edge"
	"skerry/edge/config"
	"skerry/edge/cost"
	"skerry/edge/uplink/linktest"
	"skerry/queue"
	"skerry/queue/vfs"
)

// measured is a station whose cost is foretold and then counted.
type measured struct {
	name     string
	every    string // the sensor air is read; "": 10s
	sun      string // likewise, of the sensor sun; "": 1min
	more     string // sensors
	qos      int    // 0 counts as 1
	streams  string
	plain    bool    // no TLS
	alive    string  // keep_alive; "": 7min, longer than most silences
	links    string  // "": one that always stands
	volatile bool    // QoS 0
	within   float64 // how near the forecast has to come, of what was counted; 0: within
}

// within is how near a forecast has to come, of what was counted.
const within = 0.1

// text is the configuration.
func (c *measured) text() string {
	qos := max(c.qos, 1)
	if c.volatile {
		qos = 0
	}
	scheme := "tls"
	if c.plain {
		scheme = "tcp"
	}
	return fmt.Sprintf(`gateway: {id: wx-042, site: lake, board: sim}
storage: {path: /data}
broker: {listeners: {}}
defaults: {every: %s, qos: %d}
buses: {i2c0: {i2c: /dev/i2c-0}, i2c1: {i2c: /dev/i2c-1}, i2c2: {i2c: /dev/i2c-2}, i2c3: {i2c: /dev/i2c-3}}
sensors:
  air: {driver: bme280, bus: i2c0, values: {temperature: {round: 0.01}, humidity: {round: 0.1, deadband: 1, heartbeat: 15min}, pressure: {}}}
  sun: {driver: bh1750, bus: i2c1, every: %s}
%s%s
uplinks: {cloud: {mqtt: "%s://192.0.2.1:8883", prefix: farm/, keep_alive: %s%s}}
`, cmp.Or(c.every, "10s"), qos, cmp.Or(c.sun, "1min"), c.more, c.streams, scheme, cmp.Or(c.alive, "7min"), c.links)
}

// TestForecast has real stations run for a day, and compares what passed their links with what was foretold.
func TestForecast(t *testing.T) {
	const packed = `streams: {packed: {match: ["#"], encode: pack, linger: 5min}}`
	for _, c := range []measured{
		{name: "pass", plain: true},
		{name: "pass over TLS"},
		{name: "pass, QoS 0", plain: true, volatile: true},
		{name: "pass, QoS 2", plain: true, qos: 2},
		{name: "pass, seldom", every: "30min", sun: "10min", alive: "1min"},
		{name: "at the same time", every: "1min", more: "  b: {driver: bme280, bus: i2c2}\n  c: {driver: bmp180, bus: i2c3}\n  d: {driver: sht3x, bus: i2c2}\n  e: {driver: aht20, bus: i2c2}\n"},
		{name: "means", streams: `streams: {means: {match: ["#"], reduce: {window: 5min, to: [mean, min, max, last]}}}`},
		{name: "changes", streams: `streams: {news: {match: ["#"], on_change: {deadband: 0.2, heartbeat: 1h}}}`},
		{name: "chosen", streams: `streams: {cold: {match: ["+/+/air/temperature"], when: "value < 11"}}`},
		{name: "pack", streams: packed},
		{name: "pack, usual linger", streams: `streams: {packed: {match: ["#"], encode: pack}}`},
		{name: "pack, full blocks", every: "2s", streams: `streams: {packed: {match: ["#"], encode: pack, linger: 1h}}`},
		{name: "pack beside pass", streams: `streams: {packed: {match: ["+/+/air/#"], encode: pack, linger: 5min}, passed: {match: ["+/+/sun/#"]}}`},
		{name: "pack, means", streams: `streams: {packed: {match: ["#"], encode: pack, reduce: {window: 5min, to: [mean, min, max]}}}`},
		{name: "pack, states", every: "30min", sun: "2min", streams: `streams: {states: {match: ["#"], class: state, encode: pack}}`},
		{name: "json", streams: `streams: {arrays: {match: ["#"], encode: json, linger: 5min}}`},
		{name: "json, gzip", streams: `streams: {arrays: {match: ["#"], encode: json, compress: gzip, linger: 5min}}`, within: 0.05},
		{name: "schedule", every: "1min", sun: "5min", plain: true, links: `, links: [{name: lte, kind: cellular, schedule: {every: 15min, stay: 30s}}]`},
		{name: "schedule, pack", every: "1min", sun: "5min", plain: true, streams: packed, links: `, links: [{name: lte, kind: cellular, schedule: {every: 1h, stay: 30s}}]`},
		{name: "on demand", every: "30min", sun: "10min", plain: true, links: `, links: [{name: lte, kind: cellular, session: on-demand}]`},
		{name: "on demand, pack", every: "1min", sun: "5min", plain: true, streams: `streams: {packed: {match: ["#"], encode: pack, linger: 30min}}`, links: `, links: [{name: lte, kind: cellular, session: on-demand}]`},
	}[:stations] {
		t.Run(c.name, func(t *testing.T) { c.compare(t) })
	}
}

// compare foretells what a day costs, and counts it.
func (c *measured) compare(t *testing.T) {
	cfg := configure(t, c.text())
	f, err := cost.New(cfg, "", cost.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	l := &f.Uplinks[0].Links[0]
	foretold := l.Total.Typical
	if l.Session == "always" { // the connection that is made stands
		foretold -= l.Connecting.Typical
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000, when no clock of this program is right
		link := linktest.New(linktest.Options{Up: linktest.Conditions{Delay: 50 * time.Millisecond}, Down: linktest.Conditions{Delay: 50 * time.Millisecond}})
		door, dial := link.Listener(), link.Dial
		if !c.plain {
			door, dial = secured(t, link)
		}
		openUpstream(t, patient{door})
		g, err := edge.New(cfg, edge.Options{FS: vfs.NewDisk()})
		if err != nil {
			t.Fatal(err)
		}
		g.DialUplinks(dial)
		ctx, end := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		<-g.Listening()
		time.Sleep(10 * time.Second)
		before := passed(link)
		time.Sleep(24 * time.Hour)
		counted := float64(passed(link) - before)
		sent := g.UplinkStatus().Sent
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		link.Close()
		t.Logf("foretold %.0f B, counted %.0f B in %d messages: %+.1f %%; pings %.0f", foretold, counted, sent, 100*(foretold/counted-1), l.Pings.Typical)
		within := cmp.Or(c.within, within)
		if counted == 0 || foretold < counted*(1-within) || foretold > counted*(1+within) {
			t.Errorf("foretold %.0f B, counted %.0f B", foretold, counted)
		}
	})
}

// patient is a door behind which answers wait as those of a server do that has Nagle's algorithm, as mosquitto comes: the first of several leaves at once, the
// others when that has been acknowledged.
type patient struct{ net.Listener }

func (p patient) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	return &patientConn{Conn: conn}, err
}

type patientConn struct{ net.Conn }

// Write sends answers of four bytes, PUBACK, PUBREC, PUBREL and PUBCOMP.
func (c *patientConn) Write(b []byte) (int, error) {
	const answer, roundTrip = 4, 100 * time.Millisecond
	if len(b) <= answer || b[0]>>4 < 4 || b[0]>>4 > 7 || b[1] != answer-2 {
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b[:answer])
	if err != nil {
		return n, err
	}
	time.Sleep(roundTrip)
	rest, err := c.Conn.Write(b[answer:])
	return n + rest, err
}

// passed are the bytes of both directions.
func passed(l *linktest.Link) int64 {
	up, down := l.Counts()
	return up.Bytes + down.Bytes
}

// openUpstream runs a server behind a door until the test ends.
func openUpstream(t *testing.T, door net.Listener) {
	store, found, err := queue.Open(vfs.NewDisk(), "up", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(b, server.Options{})
	if err := srv.Serve(door, server.ListenerConfig{Name: "up", Anonymous: true}); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{store.Run, b.Run, srv.Run} {
		running.Go(func() { run(ctx) })
	}
	t.Cleanup(func() { end(); running.Wait() })
}

// secured puts TLS on a link.
func secured(t *testing.T, l *linktest.Link) (net.Listener, func(context.Context, config.Server) (net.Conn, error)) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "up"}, DNSNames: []string{"up"}, NotAfter: time.Now().Add(48 * time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	door := tls.NewListener(l.Listener(), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	return door, func(ctx context.Context, s config.Server) (net.Conn, error) {
		conn, err := l.Dial(ctx, s)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "up", DynamicRecordSizingDisabled: true, CurvePreferences: []tls.CurveID{tls.X25519}})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	}
}
