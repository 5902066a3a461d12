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
	"syscall"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// explain ends the error of a connection with a hint at what to do, where there is one.
func explain(err error, c *connection) error {
	if err == nil {
		return nil
	}
	hint := c.networkHint(err)
	if hint == "" {
		hint = c.refusalHint(err)
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w (hint: %s)", err, hint)
}

// networkHint knows what keeps a connection from being made.
func (c *connection) networkHint(err error) string {
	var unknown *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there. Is the gateway running? skerry run FILE"
	case errors.As(err, &unknown):
		return "is the name of the server right?"
	case errors.As(err, &record), c.Server.TLS && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) && !errors.Is(err, client.ErrLost):
		return "does the server speak TLS at this port? mqtt:// reaches it without"
	case errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "is there an MQTT server at this address? A slow link may need a longer --connect-timeout"
	}
	return certificateHint(err)
}

func certificateHint(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "name the authority that signed the server's certificate with --cafile"
	case errors.As(err, &name):
		return "the certificate was made for another name; use that one in --server"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "is the clock of this machine right?"
	}
	return ""
}

// refusalHint knows the answers of a server.
func (c *connection) refusalHint(err error) string {
	switch {
	case errors.Is(err, packet.BadUserNameOrPassword), errors.Is(err, packet.NotAuthorized) && connecting(err):
		if c.User == "" {
			return "the server wants --user and --password-file"
		}
		return "is the password in --password-file or SKERRY_PASSWORD the one of this user?"
	case errors.Is(err, packet.NotAuthorized):
		return "this user may not do that here"
	case errors.Is(err, packet.UnsupportedProtocolVersion) && !c.Protocol.is311():
		return "try --protocol 3.1.1"
	case errors.Is(err, packet.ClientIdentifierNotValid):
		return "choose another --client-id"
	case errors.Is(err, packet.SessionTakenOver):
		return "another client connected with the same --client-id"
	case errors.Is(err, client.ErrLost) && !c.Server.TLS && connecting(err):
		return "does the server want TLS at this port? mqtts:// speaks it"
	case errors.Is(err, client.ErrLost) && connecting(err):
		return "does the server want a certificate of ours? --cert and --key"
	}
	return ""
}

// connecting tells whether the error is the answer to CONNECT.
func connecting(err error) bool {
	var refused *client.Refused
	if errors.As(err, &refused) {
		return refused.Type == packet.CONNACK
	}
	var stage *stageError
	return !errors.As(err, &stage)
}

// stageError is an error of what came after connecting.
type stageError struct {
	what string // "publish", "subscribe to a/#"
	err  error
}

func (e *stageError) Error() string { return e.what + ": " + e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }
