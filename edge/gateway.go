package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/sampler"
	"skerry/queue"
	"skerry/queue/vfs"
)

// Options of a Gateway. The zero Options are those of a station in the field.
type Options struct {
	Log   *slog.Logger  // nil: discard
	Buses drivers.Buses // nil: those of the board that the configuration names
	FS    vfs.FS        // nil: the machine's; where the data directory is
	Show  io.Writer     // nil: nowhere. Each message of the broker is shown here in a line: topic and payload
}

// Gateway is one station.
type Gateway struct {
	config    *config.Config
	options   Options
	log       *slog.Logger
	sensors   *sampler.Sampler
	listening chan struct{}
	addresses map[string]net.Addr
}

// New builds a gateway, and touches neither disk nor device. The error is config.Errors: what only those who use the
// configuration can find wrong with it.
func New(c *config.Config, o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	sensors, err := sampler.New(c.Sensors, sampler.Options{ClockFloor: clockFloor(), Log: o.Log})
	if err != nil {
		return nil, wrong(c, err)
	}
	return &Gateway{config: c, options: o, log: o.Log, sensors: sensors,
		listening: make(chan struct{}), addresses: map[string]net.Addr{}}, nil
}

// wrong gives the problems of sensors their places in the file.
func wrong(c *config.Config, err error) error {
	var all config.Errors
	for _, e := range sampler.SensorErrors(err) {
		all = append(all, c.WrongSensor(e.Sensor, e.Err)...)
	}
	return all
}

// Listening is closed when all listeners accept connections.
func (g *Gateway) Listening() <-chan struct{} { return g.listening }

// Address is where a listener listens, known once Listening is closed; nil if there is no such listener.
func (g *Gateway) Address(listener string) net.Addr { return g.addresses[listener] }

// Run runs the station until ctx ends, and returns nil then.
func (g *Gateway) Run(ctx context.Context) error {
	buses, release, err := g.openBoard()
	if err != nil {
		return err
	}
	defer release()
	store, recovery, err := g.openStore()
	if err != nil {
		return err
	}
	b, srv, err := g.build(store, recovery)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	layers := newLayers(g.log)
	layers.start("storage", 10*time.Second, func(ctx context.Context) error {
		err := store.Run(ctx)
		return storageFailure(cmp.Or(err, store.Close()))
	})
	layers.start("broker", time.Second, b.Run)
	if err := g.startRest(layers, b, srv, buses); err != nil {
		layers.fail(err)
	} else {
		close(g.listening)
	}
	layers.wait(ctx)
	g.log.Info("stopping")
	return layers.stop()
}

// build makes the broker and opens its listeners.
func (g *Gateway) build(store *queue.Store, recovery *queue.Recovery) (*broker.Broker, *server.Server, error) {
	b, err := broker.New(store, recovery, broker.Options{Log: g.log})
	if err != nil {
		return nil, nil, fmt.Errorf("read the sessions from %s: %w", g.config.Storage.Path, err)
	}
	srv, err := g.listen(b)
	return b, srv, err
}

// startRest starts all that stands on the broker.
func (g *Gateway) startRest(layers *layers, b *broker.Broker, srv *server.Server, buses drivers.Buses) error {
	uplinks, err := g.openUplinks(b)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	layers.start("server", 3*time.Second, srv.Run)
	if g.options.Show != nil {
		v, err := newView(b, g.options.Show)
		if err != nil {
			return err
		}
		layers.start("view", 100*time.Millisecond, v.run)
	}
	for i, u := range uplinks {
		layers.start("uplink "+g.config.Uplinks[i].Name, 2*time.Second, u.Run)
	}
	session, err := sampler.NewSession(b)
	if err != nil {
		return err
	}
	layers.start("sensors", 3*time.Second, func(ctx context.Context) error {
		defer session.Close()
		g.sensors.Run(ctx, buses, session)
		return nil
	})
	return nil
}

// listen opens the listeners of the configuration.
func (g *Gateway) listen(b *broker.Broker) (*server.Server, error) {
	limits := g.config.Broker.Limits
	srv := server.New(b, server.Options{Log: g.log, Limits: server.Limits{
		Connections: limits.Connections,
		Packet:      int(limits.Packet),
		Inflight:    limits.Inflight,
	}})
	users, err := g.users()
	if err != nil {
		return nil, err
	}
	for _, c := range g.config.Broker.Listeners {
		if err := g.listenOn(srv, c, users); err != nil {
			return nil, errors.Join(err, srv.Close())
		}
	}
	return srv, nil
}

func (g *Gateway) listenOn(srv *server.Server, c config.Listener, users server.Authenticator) error {
	l := server.ListenerConfig{Name: c.Name, Network: "tcp", Address: c.TCP, Anonymous: c.Anonymous, Authenticate: users}
	if c.TLS != nil {
		var err error
		if l.TLS, err = c.TLS.Config(); err != nil {
			return fmt.Errorf("listener %s: %w", c.Name, err)
		}
	}
	address, err := srv.Listen(l)
	if err != nil {
		return err
	}
	g.addresses[c.Name] = address
	return nil
}

// users reads who may connect with a password; nil if nobody is named.
func (g *Gateway) users() (server.Authenticator, error) {
	path := g.config.Broker.UsersFile
	if path == "" {
		return nil, nil
	}
	users, err := server.ReadUsers(path)
	if err != nil {
		return nil, fmt.Errorf("read broker.users_file: %w", err)
	}
	return users, nil
}
