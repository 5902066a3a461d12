package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/interfaces"
)

// hint says what can be done about an error; "" if nothing is known.
func hint(err error) string {
	if code, ok := errors.AsType[packet.ReasonCode](err); ok {
		if h, ok := codeHints[code]; ok {
			return h
		}
	}
	for _, h := range []func(error) string{certificateHint, tlsHint, networkHint} {
		if text := h(err); text != "" {
			return text
		}
	}
	return ""
}

var codeHints = map[packet.ReasonCode]string{
	packet.BadUserNameOrPassword:      "check user and password_file",
	packet.NotAuthorized:              "check user and password_file, and what the server allows this ClientID",
	packet.ClientIdentifierNotValid:   "the server does not take this client_id",
	packet.Banned:                     "the server's administrator has banned this client",
	packet.SessionTakenOver:           "another client connects with the same client_id; each gateway and uplink needs its own",
	packet.KeepAliveTimeout:           "the server missed our PINGREQ; a keep_alive that ends lower may suit it",
	packet.QuotaExceeded:              "the server's limit for this client is reached",
	packet.ServerBusy:                 "the server is overloaded; it is tried again",
	packet.UseAnotherServer:           "write the server it names under mqtt",
	packet.ServerMoved:                "write the server it names under mqtt",
	packet.ProtocolError:              "is this port one for MQTT, and TLS only with tls://?",
	packet.MalformedPacket:            "is this port one for MQTT, and TLS only with tls://?",
	packet.UnsupportedProtocolVersion: "the server speaks neither MQTT 5.0 nor 3.1.1",
}

// certificateHint is about what the Server shows.
func certificateHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "the server's certificate was not issued by the authorities known here; tls: {ca: FILE} names the right one"
	case errors.As(err, &host):
		return "the certificate is for another name; write the server under mqtt by the name in its certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or the clock of this machine is wrong; `date` shows it"
	case errors.As(err, &invalid):
		return "the server needs another certificate"
	}
	return ""
}

// tlsHint is about what the Server says in TLS. Alerts of the peer have no type of their own that says which.
func tlsHint(err error) string {
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return "the port does not speak TLS: tcp:// instead of tls://, or another port"
	}
	text := err.Error()
	if strings.HasPrefix(text, "dial: TLS: ") && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)) {
		return "the server hung up on TLS: does the port speak it? tcp:// if not"
	}
	for _, alert := range []string{"certificate required", "bad certificate", "unknown certificate authority", "unknown certificate", "certificate expired"} {
		if strings.Contains(text, "remote error: tls: "+alert) {
			return "the server does not accept the client certificate; tls: {cert: FILE, key: FILE}"
		}
	}
	return ""
}

func networkHint(err error) string {
	var dns *net.DNSError
	var bind *interfaces.BindError
	switch {
	case errors.As(err, &bind) && errors.Is(err, syscall.EPERM):
		return "the program may not bind to an interface: AmbientCapabilities=CAP_NET_RAW in its unit, or Linux 5.7"
	case errors.As(err, &bind) && errors.Is(err, syscall.ENODEV):
		return "there is no such interface; `ip -brief link` lists them"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host; check its name under mqtt, and that this machine has a name server"
	case errors.As(err, &dns):
		return "the name server does not answer; is the link up?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check the port under mqtt, and that the server runs"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no way leads there; is the link up?"
	case errors.Is(err, errMute):
		return "is its disk full, or does it hang? its log may say"
	case errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "the server or the link does not answer"
	case errors.Is(err, client.ErrLost) && strings.HasPrefix(err.Error(), "connect:"):
		return "the server closed the connection instead of answering: is this port one for MQTT, TLS only with tls://, and does it want a client certificate?"
	}
	return ""
}
