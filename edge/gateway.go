package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/drivers"
	"skerry/edge/alarm"
	"skerry/edge/clock"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/mapping"
	"skerry/edge/output"
	"skerry/edge/sampler"
	"skerry/edge/service"
	"skerry/edge/simulate"
	"skerry/queue"
	"skerry/queue/vfs"
)

// Options of a Gateway. The zero Options are those of a station in the field.
type Options struct {
	Log     *slog.Logger     // nil: discard
	Buses   drivers.Buses    // nil: those of the board that the configuration names
	FS      vfs.FS           // nil: the machine's; where the data directory is
	Version string           // of this program, for $SYS/broker/version
	Clock   *clock.Clock     // nil: that of the configuration
	Service *service.Manager // nil: nobody has started the program who wants to know how it fares
	Stacks  io.Writer        // nil: nowhere. All stacks are written there when a part hangs
	Show    io.Writer        // nil: nowhere. Each message of the broker is shown here in a line: topic and payload
}

// Gateway is one station.
type Gateway struct {
	config    *config.Config
	options   Options
	log       *slog.Logger
	clock     *clock.Clock
	sensors   *sampler.Sampler
	alarms    *alarm.Set
	outputs   *output.Panel
	home      *hass.Plan
	birth     string // local topic of Home Assistant's birth messages; "": none
	listening chan struct{}
	addresses map[string]net.Addr
	broker    *broker.Broker
	store     *queue.Store
	server    *server.Server
	told      told
	windows   *windows
	doors     *doors
	own       own
	modems    *modems
	lost      atomic.Uint64                                          // own.forgotten, when an uplink changed last
	simulated *simulate.Station                                      // nil: the devices are real
	dial      func(context.Context, config.Server) (net.Conn, error) // of uplinks; nil: the network
	modemPoll time.Duration                                          // how often they are asked; 0: as usual
	door      net.Listener                                           // beside those of the configuration, for everybody; nil: none
	boot      queue.Boot                                             // what the log is told of the machine, but for the date; zero: what it says itself
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
	simulated, err := newSimulation(c, o)
	if err != nil {
		return nil, err
	}
	date, present := newClock(c, o, simulated), mapping.NewPresent()
	sensors, err := sampler.New(c.Sensors, sampler.Options{ClockFloor: clockFloor(), Clock: date, Present: present, Log: o.Log})
	if err != nil {
		return nil, wrong(c, err)
	}
	home, err := hass.New(c, o.Version)
	if err != nil {
		return nil, err
	}
	alarms := alarm.New(c.Alarms, present, alarm.Options{ClockFloor: clockFloor(), Clock: date, Log: o.Log})
	birth := ""
	if c.HomeAssistant != nil {
		birth = c.HomeAssistant.Status
	}
	g := &Gateway{config: c, options: o, log: o.Log, clock: date, sensors: sensors, alarms: alarms, home: home, birth: birth, simulated: simulated,
		listening: make(chan struct{}), addresses: map[string]net.Addr{}, doors: newDoors(o.Log)}
	g.outputs = output.New(c.Outputs, output.Options{ClockFloor: clockFloor(), Clock: date, Online: g.own.online, Log: o.Log})
	return g, nil
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

// Run runs the station until ctx ends, and returns nil then. Under a service manager it waits for a data directory that cannot be opened yet. When storage fails it goes on without, and returns the failure when ctx
// ends, or when a new start may heal it.
func (g *Gateway) Run(ctx context.Context) error {
	for _, e := range g.config.Exposed() {
		g.log.Warn("every user of this machine can "+e.May+" a file that is not for them", "file", e.Path)
	}
	buses, release, err := g.openBoard()
	if err != nil {
		return err
	}
	defer release()
	g.clock.Use(buses.Files())
	g.clock.Look(ctx) // before anybody asks for the date
	store, recovery, err := g.awaitStore(ctx)
	if store == nil {
		return err
	}
	if last, known := store.LastDate(); known {
		g.clock.Known(last)
	}
	g.store = store
	g.windows = &windows{store: store, shrunk: g.config.Storage.CommitWindow}
	b, srv, err := g.build(store, recovery)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	layers := newLayers(g.log)
	layers.start("storage", 10*time.Second, func(ctx context.Context) error {
		err := store.Run(ctx)
		if err != nil {
			err = g.outlast(ctx, err)
		}
		return cmp.Or(err, storageFailure(store.Close()))
	})
	layers.start("broker", time.Second, b.Run)
	layers.start("clock", 2*time.Second, g.clock.Run)
	g.startControl(layers, store, recovery.Report, b)
	err = g.startRest(layers, b, srv, store, buses)
	if err == nil {
		err = g.startStatistics(layers, store, recovery.Report, b)
	}
	letGo := func(bool) {}
	if err != nil {
		layers.fail(err)
	} else {
		close(g.listening)
		letGo = g.startWatchdog(layers, store)
		g.startStatus(layers)
		g.tellReady()
	}
	layers.wait(ctx)
	g.log.Info("stopping")
	g.options.Service.Stopping("stopping")
	told := ctx.Err() != nil
	err = layers.stop()
	letGo(told)
	return err
}

// build makes the broker and opens its listeners.
func (g *Gateway) build(store *queue.Store, recovery *queue.Recovery) (*broker.Broker, *server.Server, error) {
	b, err := broker.New(store, recovery, g.brokerOptions())
	if err != nil {
		return nil, nil, fmt.Errorf("read the sessions from %s: %w", g.config.Storage.Path, err)
	}
	g.broker = b
	srv, err := g.listen(b)
	return b, srv, err
}

// startRest starts all that stands on the broker.
func (g *Gateway) startRest(layers *layers, b *broker.Broker, srv *server.Server, store *queue.Store, buses drivers.Buses) error {
	if err := g.startUpstream(layers); err != nil {
		return errors.Join(err, srv.Close())
	}
	uplinks, err := g.openUplinks(b, buses)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	g.own.addUplinks(uplinks)
	layers.start("server", 3*time.Second, srv.Run)
	if g.options.Show != nil {
		v, err := newView(b, g.options.Show)
		if err != nil {
			return err
		}
		layers.start("view", 100*time.Millisecond, v.run)
	}
	for i, u := range uplinks {
		layers.start("uplink "+g.config.Uplinks[i].Name, 2*time.Second, rests(b, u.Run))
	}
	layers.start("modems", 2*time.Second, g.modems.run)
	if err := g.startHome(layers, b, store, uplinks); err != nil {
		return err
	}
	if err := g.startSensors(layers, b, buses); err != nil {
		return err
	}
	g.startSimulation(layers)
	return nil
}

// startSensors starts what asks the sensors, what looks at their values, and at last the outputs.
func (g *Gateway) startSensors(layers *layers, b *broker.Broker, buses drivers.Buses) error {
	session, err := sampler.NewSession(b)
	if err != nil {
		return err
	}
	g.own.addSensors(session)
	layers.start("alarms", time.Second, func(ctx context.Context) error {
		defer session.Close()
		g.alarms.Run(ctx, session)
		return nil
	})
	layers.start("sensors", 3*time.Second, func(ctx context.Context) error {
		g.sensors.Run(ctx, buses, session)
		return nil
	})
	commands, err := sampler.NewCommands(b, g.config.Sensors, g.log)
	if err != nil {
		return err
	}
	layers.start("commands", time.Second, func(ctx context.Context) error {
		commands.Run(ctx, g.sensors.Ask)
		return nil
	})
	return g.startOutputs(layers, b, buses, session)
}

// listen opens the listeners of the configuration.
func (g *Gateway) listen(b *broker.Broker) (*server.Server, error) {
	mark, err := mark(b, g.config.Gateway.ID)
	if err != nil {
		return nil, err
	}
	o := g.serverOptions()
	o.Mark = mark
	srv := server.New(b, o)
	g.server = srv
	err = g.openListeners(srv)
	if err == nil && g.door != nil {
		err = srv.Serve(g.door, server.ListenerConfig{Name: "door", Anonymous: true})
	}
	if err != nil {
		return nil, errors.Join(err, srv.Close())
	}
	return srv, nil
}
