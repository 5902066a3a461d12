package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// tlsFlags say whom to trust and who we are.
type tlsFlags struct {
	CAFile   string `name:"cafile" type:"path" placeholder:"FILE" help:"Certificates of the authorities to trust (those of the system)."`
	Cert     string `type:"path" placeholder:"FILE" help:"Our own certificate."`
	Key      string `type:"path" placeholder:"FILE" help:"Its private key."`
	Insecure bool   `help:"Do not verify the server's certificate. Anybody may then listen and forge."`
}

func (t *tlsFlags) validate(secure bool) error {
	switch {
	case (t.Cert == "") != (t.Key == ""):
		return errors.New("--cert and --key belong together")
	case !secure && (t.CAFile != "" || t.Cert != "" || t.Insecure):
		return errors.New("--cafile, --cert, --key and --insecure need a server with TLS (hint: --server mqtts://HOST)")
	}
	return nil
}

func (t *tlsFlags) config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read --cafile: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--cafile %s holds no certificate (hint: a PEM file is wanted)", t.CAFile)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read --cert and --key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// dial makes the Network Connection.
func (c *connection) dial(ctx context.Context) (net.Conn, error) {
	conn, err := c.reach(ctx)
	return lingering{conn}, c.dialError(err)
}

func (c *connection) reach(ctx context.Context) (net.Conn, error) {
	if c.Server.socket != "" {
		return new(net.Dialer).DialContext(ctx, "unix", c.Server.socket)
	}
	var config *tls.Config
	if c.Server.TLS {
		var err error
		if config, err = c.TLS.config(c.Server.Host); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Server.path != "":
		return dialWebSocket(ctx, c.Server, config)
	case config != nil:
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.Server.Address())
	}
	return new(net.Dialer).DialContext(ctx, "tcp", c.Server.Address())
}

// lingerTime is how long Close waits for the server to close as well.
const lingerTime = 2 * time.Second

// lingering is a connection whose Close lets the peer read what was written last. A close with bytes that nobody has read
// yet makes the kernel reset the connection, and the peer may then lose our last acknowledgements and DISCONNECT.
type lingering struct{ net.Conn }

// Close ends our side, and waits for the end of the other.
func (l lingering) Close() error {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		l.SetReadDeadline(time.Now().Add(lingerTime))
		io.Copy(io.Discard, l.Conn) // any error is the end that we wait for
	}
	return l.Conn.Close()
}

// dialError says once where the connection was to go, and leaves the names of system calls out.
func (c *connection) dialError(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("connect to %s: %w", c.Server, err)
}
