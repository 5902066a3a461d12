package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"skerry/scripts/link/emulate"
)

// chain is the server's certificate: files of a leaf and an intermediate one, its key, and the root that clients trust.
type chain struct {
	root, certificates, key string
	leaf, intermediate      int // bytes of DER
}

// issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newChain makes one below dir. Names and extensions are as long as those of public authorities, because they are paid for.
func newChain(dir string) (*chain, error) {
	root, _, err := issue(nil, authority("Laboratory Root Certification Authority X1", 2))
	if err != nil {
		return nil, err
	}
	middle, middleDER, err := issue(root, authority("Laboratory Intermediate Authority E5", 0))
	if err != nil {
		return nil, err
	}
	server := template("gateway-ingest.broker.example.org")
	server.DNSNames = []string{"gateway-ingest.broker.example.org", "broker.example.org"}
	server.IPAddresses = []net.IP{net.ParseIP(emulate.Server)}
	server.KeyUsage, server.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	leaf, leafDER, err := issue(middle, server)
	if err != nil {
		return nil, err
	}
	c := &chain{filepath.Join(dir, "root.crt"), filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"), len(leafDER), len(middleDER)}
	key, err := x509.MarshalECPrivateKey(leaf.key)
	if err != nil {
		return nil, err
	}
	for name, blocks := range map[string][]*pem.Block{
		c.root:         {{Type: "CERTIFICATE", Bytes: root.certificate.Raw}},
		c.certificates: {{Type: "CERTIFICATE", Bytes: leafDER}, {Type: "CERTIFICATE", Bytes: middleDER}},
		c.key:          {{Type: "EC PRIVATE KEY", Bytes: key}},
	} {
		var text []byte
		for _, b := range blocks {
			text = append(text, pem.EncodeToMemory(b)...)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func authority(name string, below int) *x509.Certificate {
	c := template(name)
	c.IsCA, c.MaxPathLen, c.MaxPathLenZero = true, below, below == 0
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	return c
}

func template(name string) *x509.Certificate {
	number, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)) // of rand.Reader there is no error
	policy, _ := x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1})             // domain validated
	return &x509.Certificate{
		SerialNumber:          number.SetBit(number, 126, 1),
		Subject:               pkix.Name{Country: []string{"CH"}, Organization: []string{"Skerry Bad Link Lab"}, CommonName: name},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(90 * 24 * time.Hour),
		BasicConstraintsValid: true,
		CRLDistributionPoints: []string{"http://x1.c.example.org/57.crl"},
		IssuingCertificateURL: []string{"http://x1.i.example.org/"},
		Policies:              []x509.OID{policy},
	}
}

// issue signs c with a new key; a nil issuer signs itself.
func issue(by *issuer, c *x509.Certificate) (*issuer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if by == nil {
		by = &issuer{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(der)
	return &issuer{made, key}, der, err
}
