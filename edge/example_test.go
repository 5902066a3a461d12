package edge_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"skerry/broker/access"
	"skerry/drivers/all"
	"skerry/edge"
	"skerry/edge/config"
)

const examples = "../docs/examples"

// scanned is what `skerry scan` prints of the simulated board, and of one on which much is wrong; package scan tests that it does.
var scanned = []string{"scan/testdata/simulated.yaml", "scan/testdata/faults.yaml"}

// TestExamples runs each example of the documentation for a moment, on the simulated board and on free ports: whatever a
// sensor or output is said to publish arrives.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(examples + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range append(files, scanned...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			leavesNothing(t)
			cfg := example(t, file)
			s := start(t, cfg, edge.Options{})
			live := s.hear(open(t, cfg), "#")
			missing := topics(cfg)
			for len(missing) > 0 {
				m := live.wait(fmt.Sprint(missing), func(topic, _ string) bool { return missing[topic] })
				delete(missing, string(m.TopicName))
			}
		})
	}
}

// topics are all that the sensors and outputs of a configuration publish to.
func topics(cfg *config.Config) map[string]bool {
	all := map[string]bool{}
	for _, c := range cfg.Sensors {
		for _, v := range c.Values {
			all[cmp.Or(v.Topic, c.Topic)] = true
		}
	}
	for _, o := range cfg.Outputs {
		all[o.Topic] = true
	}
	return all
}

// example reads a copy of an example with its secrets beside it, and moves it to where it disturbs nobody.
func example(t *testing.T, file string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := pair(t)
	users := access.NewUsers()
	for _, name := range []string{"meter", "keeper"} {
		if err := users.Set(name, []byte("secret")); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := os.ReadFile(examples + "/access.acl")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{filepath.Base(file): text, "lan.crt": cert, "lan.key": key, "ca.crt": cert, "device.crt": cert, "device.key": key,
		"device.sas": []byte("c3dvcmRmaXNo\n"),
		"cloud.pw":   []byte("secret\n"), "users": users.Bytes(), "access.acl": rules} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "scenarios"), os.DirFS(examples+"/scenarios")); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(dir, filepath.Base(file)), all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Gateway.Board = "sim"
	cfg.Storage.Path = filepath.Join(dir, "data")
	for i := range cfg.Broker.Listeners {
		move(&cfg.Broker.Listeners[i], dir)
	}
	for i := range cfg.Uplinks {
		cfg.Uplinks[i].Servers = config.Servers{{Host: "127.0.0.1", Port: 1}} // nobody is there
	}
	return cfg
}

// move has a listener listen where nobody else does.
func move(l *config.Listener, dir string) {
	switch l.Kind() {
	case "http":
		l.HTTP = "127.0.0.1:0"
	case "unix":
		l.Unix = filepath.Join(dir, "mqtt.sock")
	default:
		l.TCP = "127.0.0.1:0"
	}
}

// open is a listener that lets anybody in.
func open(t *testing.T, cfg *config.Config) string {
	t.Helper()
	for _, l := range cfg.Broker.Listeners {
		if l.Kind() == "tcp" && l.Anonymous && l.TLS == nil {
			return l.Name
		}
	}
	t.Fatal("no listener for everybody")
	return ""
}

// pair makes a certificate that vouches for itself, and its key.
func pair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"gateway.lan"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
