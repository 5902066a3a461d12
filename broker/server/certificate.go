package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"time"
)

// TLSFiles are the PEM files behind a TLS listener. They may be replaced while it runs: what has changed is read
// again before the next connection, and connections that stand are not disturbed. Files that cannot be used change
// nothing but the log.
type TLSFiles struct {
	Cert, Key string // the certificate with its chain, and its key
	ClientCA  string // whose certificates Clients must show; "" asks for none
}

// certificates are files as they were read. All of it belongs to the goroutine that accepts.
type certificates struct {
	files  TLSFiles
	log    *slog.Logger
	looked time.Time
	seen   []stamp     // of the files as they were tried last, whether they could be used or not
	config *tls.Config // of the last that could be used
}

// lookInterval is the least time between two looks at the files.
const lookInterval = time.Second

// openCertificates reads the files for the first time.
func openCertificates(files TLSFiles, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log, looked: time.Now(), seen: files.stamps()}
	var err error
	c.config, err = files.read()
	return c, err
}

// refresh looks at the files, unless that was done just now. A new configuration knows none of the tickets of the one
// before, so that nobody comes in by a certificate whose authority has been taken away.
func (c *certificates) refresh() {
	if now := time.Now(); now.Sub(c.looked) >= lookInterval {
		c.looked = now
		c.look()
	}
}

func (c *certificates) look() {
	stamps := c.files.stamps()
	if slices.Equal(stamps, c.seen) {
		return
	}
	c.seen = stamps
	config, err := c.files.read()
	if err != nil {
		c.log.Warn("the new certificate cannot be used: the old one stays", "error", err)
		return
	}
	c.config = config
	c.log.Info("certificate read again", "not_after", config.Certificates[0].Leaf.NotAfter)
}

// read makes a configuration of the files.
func (f TLSFiles) read() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s and its key: %w", f.Cert, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if f.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the authority of clients: %w", err)
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the authority of clients: %s holds no certificate", f.ClientCA)
	}
	return config, nil
}

// stamp changes when a file is written or replaced, also by one of the same size and age.
type stamp struct {
	device, inode    uint64
	size             int64
	written, changed syscall.Timespec
}

func (f TLSFiles) stamps() []stamp {
	all := make([]stamp, 0, 3)
	for _, path := range []string{f.Cert, f.Key, f.ClientCA} {
		var st syscall.Stat_t
		if path == "" || syscall.Stat(path, &st) != nil { // gone: another stamp than before
			all = append(all, stamp{})
			continue
		}
		all = append(all, stamp{uint64(st.Dev), uint64(st.Ino), int64(st.Size), st.Mtim, st.Ctim})
	}
	return all
}

// handshakeError says of a TLS handshake that failed for a certificate whose it was.
func handshakeError(err error) error {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(bad.UnverifiedCertificates) > 0 {
		shown := bad.UnverifiedCertificates[0]
		return fmt.Errorf("the certificate %.100q of %.100q: %w", shown.Subject.String(), shown.Issuer.String(), bad.Err)
	}
	return err
}
