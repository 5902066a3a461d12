package cost_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/edge/cost"
)

// identity makes a certificate and its key, and gives their paths as the configuration has them.
func identity(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"a.crt": {Type: "CERTIFICATE", Bytes: cert}, "a.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "tls: {cert: " + filepath.Join(dir, "a.crt") + ", key: " + filepath.Join(dir, "a.key") + "}"
}

// TestBillOfAWS: by hand. One value each 10 s is 8,640 messages a day, twice as many with RETAIN; a connection is CONNECT and a retained state. A month has
// 43,200 minutes.
func TestBillOfAWS(t *testing.T) {
	uplink := `uplinks: {cloud: {mqtt: "tls://x.example.com", profile: aws-iot, ` + identity(t) + `}}`
	for _, c := range []struct {
		name, text                 string
		messages, retained, dollar float64
	}{
		{"retained", air, 2*8640 + 2*3, 8640, 30*(2*8640+6)/1e6 + 0.08*30*1440/1e6},
		{"not retained", "defaults: {retain: false}\n" + air, 8640 + 2*3, 0, 30*(8640+6)/1e6 + 0.08*30*1440/1e6},
		{"in blocks", `streams: {all: {match: ["#"], encode: pack, linger: 10min}}` + "\n" + air, 8640/61. + 2*3, 0, 30*(8640/61.+6)/1e6 + 0.08*30*1440/1e6},
	} {
		b := link(foretell(t, c.text+uplink)).Bill
		if b == nil || !near(b.Messages.Typical, c.messages) || b.Retained.Typical != c.retained || !near(b.Cost.Typical, c.dollar) || b.Currency != "USD" || b.Minutes.Typical != 1440 {
			t.Errorf("%s: %+v, want %v messages for %v USD", c.name, b, c.messages, c.dollar)
		}
	}
}

// TestBillOfContract: what the configuration says counts before the profile.
func TestBillOfContract(t *testing.T) {
	of := func(billing string) *cost.Bill {
		return link(foretell(t, air+`uplinks: {cloud: {mqtt: "tls://x.example.com", profile: aws-iot, `+identity(t)+`, billing: {`+billing+`}}}`)).Bill
	}
	for _, c := range []struct {
		billing, currency string
		messages, minutes float64
	}{
		{"messages: 1.20 USD/million", "USD", 1.2, 0.08},
		{"messages: 0.50 EUR/million", "EUR", 0.5, 0},
		{"minutes: 0.10 USD/million", "USD", 1, 0.1},
	} {
		b := of(c.billing)
		if want := 30 * (b.Messages.Typical*c.messages + 1440*c.minutes) / 1e6; b.Currency != c.currency || !near(b.Cost.Typical, want) {
			t.Errorf("%s: %v %s, want %v", c.billing, b.Cost, b.Currency, want)
		}
	}
}

// TestBillSteps: what is longer than a step counts as several.
func TestBillSteps(t *testing.T) {
	const expect = `streams: {all: {match: ["#"], expect: {messages: 1/h, size: 1000B}}}` + "\n"
	for step, want := range map[string]float64{"1kB": 2, "1100B": 1, "500B": 3, "100kB": 1} { // topic and payload have 1,014 B
		b := link(foretell(t, expect+`uplinks: {cloud: {mqtt: "tls://192.0.2.1", billing: {step: `+step+`, messages: 2 EUR/million, minutes: 1 EUR/million}}}`)).Bill
		if n := b.Messages.Typical - 2; n != 24*want || !near(b.Cost.Typical, (30*2*b.Messages.Typical+30*1440)/1e6) || b.Currency != "EUR" {
			t.Errorf("in steps of %s: %v messages, %v %s", step, n, b.Cost, b.Currency)
		}
	}
}

// TestNoBill: a server that bills nothing by message has none.
func TestNoBill(t *testing.T) {
	if b := link(foretell(t, air+`uplinks: {cloud: {mqtt: "tls://192.0.2.1"}}`)).Bill; b != nil {
		t.Errorf("%+v", b)
	}
}

// TestCheapestBlock: where a block may be larger for the same price, the linger that fills it is told; a full block is one message.
func TestCheapestBlock(t *testing.T) {
	of := func(more string) *cost.Link {
		return link(foretell(t, "sensors: {air: {driver: bme280, every: 10s}}\n"+`streams: {all: {match: ["#"], encode: pack`+more+`}}
uplinks: {cloud: {mqtt: "tls://192.0.2.1", billing: {step: 5kB, messages: 1 USD/million}}}`))
	}
	small := of(", linger: 5min").Streams[0]
	if small.Fill == "" || small.Mean == 0 || small.Cheapest != 5000-len("lake/wx-042/pack/all")-16 || small.Mean > 1000 {
		t.Fatalf("%+v", small)
	}
	full := of(", block: " + "4900B" + ", linger: " + small.Fill)
	if s := full.Streams[0]; s.Fill != "" || s.Mean < 0.8*float64(s.Cheapest) || s.Mean > float64(s.Cheapest) || s.Billed.Typical > 1.01*s.Packets.Typical {
		t.Errorf("with a linger of %s: blocks of %.0f B, %v billed for %v", small.Fill, s.Mean, s.Billed, s.Packets)
	}
	packed := link(foretell(t, air+`uplinks: {cloud: {mqtt: "tls://192.0.2.1", billing: {step: 5kB}}}`)).Bill.Packed["all"]
	if packed.Typical < 250 || packed.Typical > 300 {
		t.Errorf("with encode: pack, linger: 5min %v messages a day", packed)
	}
	if strings.Contains(small.Fill, ".") {
		t.Errorf("linger %s", small.Fill)
	}
}
