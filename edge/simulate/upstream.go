package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/edge/config"
	"skerry/queue"
	"skerry/queue/vfs"
)

// upstream is an MQTT server in memory that lets anybody in. It stands in for the servers of all uplinks.
type upstream struct {
	tcp string
	log *slog.Logger

	mu      sync.Mutex
	address net.Addr         // nil: it does not run
	links   map[*link]string // open ones, and whose they are
}

func newUpstream(tcp string, log *slog.Logger) *upstream {
	if tcp == "" {
		tcp = "127.0.0.1:0"
	}
	return &upstream{tcp: tcp, log: log, links: map[*link]string{}}
}

// errNoLink is what a fault of the link says.
var errNoLink = errors.New("the simulated link is down")

// Dial connects an uplink to the server upstream, in place of the one that it names.
func (x *Station) Dial(ctx context.Context, uplink string, _ config.Server) (net.Conn, error) {
	if x.now(config.NoLink, uplink) {
		return nil, errNoLink
	}
	u := x.upstream
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.address == nil {
		return nil, errNoLink
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.address.String())
	if err != nil {
		return nil, err
	}
	l := &link{Conn: conn, of: u}
	u.links[l] = uplink
	return l, nil
}

// link is a connection of an uplink, known until it is closed.
type link struct {
	net.Conn
	of *upstream
}

// Close forgets the connection too.
func (l *link) Close() error {
	l.of.mu.Lock()
	delete(l.of.links, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

// cut breaks the connections of an uplink.
func (u *upstream) cut(uplink string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for l, of := range u.links {
		if of == uplink {
			l.Conn.Close()
		}
	}
}

// StandsIn tells whether a server here stands in for those of the uplinks.
func (x *Station) StandsIn() bool { return x.upstream != nil }

// UpstreamAddress is where that server listens; nil: it does not run.
func (x *Station) UpstreamAddress() net.Addr {
	x.upstream.mu.Lock()
	defer x.upstream.mu.Unlock()
	return x.upstream.address
}

// Upstream starts that server, and gives what ends it.
func (x *Station) Upstream() (end func(), err error) {
	u := x.upstream
	store, found, err := queue.Open(vfs.NewDisk(), "upstream", queue.Options{})
	if err != nil {
		return nil, fmt.Errorf("simulated server upstream: %w", err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	srv := server.New(b, server.Options{})
	address, err := srv.Listen(server.ListenerConfig{Name: "upstream", Network: "tcp", Address: u.tcp, Anonymous: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("simulated server upstream: %w", err), srv.Close(), store.Close())
	}
	u.mu.Lock()
	u.address = address
	u.mu.Unlock()
	x.log.Info("a simulated server stands in for those of the uplinks", "address", address.String())
	lower, endLower := context.WithCancel(context.Background())
	upper, endUpper := context.WithCancel(context.Background())
	var low, high sync.WaitGroup
	low.Go(func() { store.Run(lower) })
	low.Go(func() { b.Run(lower) })
	high.Go(func() { srv.Run(upper) })
	return func() {
		endUpper()
		high.Wait()
		endLower()
		low.Wait()
		if err := store.Close(); err != nil {
			x.log.Debug("simulated server upstream", "err", err)
		}
	}, nil
}
