package edge

import (
	"fmt"
	"io/fs"
	"net"
	"os"

	"skerry/broker/server"
	"skerry/edge/config"
)

// openListeners opens the listeners of the configuration, by sockets that systemd has opened where there are some.
func (g *Gateway) openListeners(srv *server.Server) error {
	passed, err := server.PassedSockets()
	if err != nil {
		return err
	}
	defer passed.Close()
	for _, c := range g.config.Broker.Listeners {
		l := listenerConfig(c)
		if err := g.doors.open(&l, c); err != nil {
			return fmt.Errorf("listener %s: %w", c.Name, err)
		}
		if err := g.listenOn(srv, c, l, passed); err != nil {
			return err
		}
	}
	return passed.Unclaimed()
}

func (g *Gateway) listenOn(srv *server.Server, c config.Listener, l server.ListenerConfig, passed *server.Passed) error {
	nl, err := passed.Take(l)
	if err != nil {
		return err
	}
	if nl == nil {
		address, err := srv.Listen(l)
		g.addresses[c.Name] = address
		return err
	}
	if c.Local() && !local(nl.Addr()) {
		nl.Close()
		return fmt.Errorf("listener %s: the socket that systemd opened for it, %s, can be reached from other machines; the configuration has %s for this machine alone"+
			" (hint: make them the same: ListenStream=%[3]s in the unit)", c.Name, nl.Addr(), c.Address())
	}
	if path, ok := nl.Addr().(*net.UnixAddr); ok && c.Anonymous && openerThan(path.Name, fs.FileMode(c.Mode)) {
		nl.Close()
		return fmt.Errorf("listener %s: the socket that systemd opened for it can be used by more users of this machine than its mode %04o says, and lets them in without a password"+
			" (hint: SocketMode=%04[2]o in the unit, or another mode in the configuration)", c.Name, c.Mode)
	}
	g.addresses[c.Name] = nl.Addr()
	return srv.Serve(nl, l)
}

// openerThan reports whether users can connect to a Unix socket whom a mode does not allow to. One without a file is for all.
func openerThan(path string, mode fs.FileMode) bool {
	const connect = 0o022 // of group and others: connecting is writing
	open := fs.FileMode(connect)
	if info, err := os.Stat(path); err == nil {
		open &= info.Mode()
	}
	return open&^mode != 0
}

// local reports whether only programs on this machine can reach an address.
func local(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// listenerConfig says in the words of the server what the configuration says.
func listenerConfig(c config.Listener) server.ListenerConfig {
	l := server.ListenerConfig{
		Name: c.Name, Network: "tcp", Address: c.Address(), Anonymous: c.Anonymous,
		MovedTo: c.MovedTo, UseOther: c.UseOther,
		Limits: server.ListenerLimits{Connections: c.Limits.Connections, Packet: int(c.Limits.Packet), Inflight: c.Limits.Inflight},
	}
	switch c.Kind() {
	case "unix":
		l.Network, l.Mode = "unix", fs.FileMode(c.Mode)
	case "http":
		l.WebSocket = &server.WebSocket{Path: c.Path, Origins: c.Origins}
	}
	if c.TLS != nil {
		l.Certificates = &server.TLSFiles{Cert: c.TLS.Cert, Key: c.TLS.Key, ClientCA: c.TLS.ClientCA}
	}
	if c.ByCertificate() {
		l.Identity = server.CommonName
		if c.TLS.Identity == config.SubjectAltName {
			l.Identity = server.SubjectAltName
		}
	}
	return l
}
