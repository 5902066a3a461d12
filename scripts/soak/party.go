package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/scripts/rig"
)

// patience is how long a program may take for what it must do.
const patience = 60 * time.Second

// party is a program that stops and starts.
type party struct {
	address string
	argv    []string
	process *rig.Process
}

func (p *party) start() error {
	var err error
	if p.process, err = rig.Start(p.argv[0], p.argv[1:]...); err != nil {
		return err
	}
	return p.process.Listens(p.address, patience)
}

// stop ends it with SIGTERM.
func (p *party) stop() error { return p.process.Stop(patience) }

func (p *party) end() {
	if p.process != nil {
		p.process.Kill()
	}
}

// newGateway writes the configuration of the gateway into dir.
func newGateway(s *settings, dir, address, upstream string) (*party, error) {
	lost := config.PublishAgain
	if s.drop {
		lost = config.GiveUp
	}
	class, encode := config.LiveClass, ""
	if s.alarms {
		class = config.AlarmClass
	}
	switch {
	case s.pack && s.alarms:
		encode = ", encode: pack"
	case s.pack:
		encode = ", encode: pack, linger: 100ms"
	}
	path := filepath.Join(dir, "skerry.yaml")
	text := fmt.Sprintf(`gateway: {id: soak, board: sim}
storage: {path: %[1]q}
broker: {listeners: {local: {tcp: %[2]q, anonymous: true}}}
streams:
  once: {class: %[6]s, match: ["soak/q2/#"]%[5]s}
  atleast: {class: %[6]s, match: ["soak/q1/#"]%[5]s}
uplinks:
  server: {mqtt: "tcp://%[3]s", profile: mosquitto, keep_alive: 10s, retry: 100ms..1s, on_lost_session: %[4]s}
`, filepath.Join(dir, "queue"), address, upstream, lost, encode, class)
	return &party{address: address, argv: []string{s.skerry, "run", path}}, os.WriteFile(path, []byte(text), 0o600)
}

// blocksOf begins the topics of the blocks of the gateway.
const blocksOf = "site/soak/pack/"

// newGround writes the configuration of the ground end into dir.
func newGround(s *settings, dir, address, upstream string) (*party, error) {
	path := filepath.Join(dir, "ground.yaml")
	text := fmt.Sprintf(`gateway: {id: ground, board: sim}
storage: {path: %q}
broker: {listeners: {local: {tcp: %q, anonymous: true}}}
uplinks:
  server: {mqtt: "tcp://%s", profile: mosquitto, keep_alive: 10s, retry: 100ms..1s, carry: [], receive: {"%s#": {to: "#", unpack: true}}}
`, filepath.Join(dir, "ground"), address, upstream, blocksOf)
	return &party{address: address, argv: []string{s.skerry, "ground", path}}, os.WriteFile(path, []byte(text), 0o600)
}

// server is mosquitto with its database.
type server struct {
	party
	database string
}

func newServer(dir, address string) (*server, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("persistence true\npersistence_location %s/\nautosave_interval 60\nmax_queued_messages 0\n"+
		"max_inflight_messages %d\nuser root\nallow_anonymous true\nlistener %s 127.0.0.1\n", dir, window, port)
	s := &server{party: party{address: address, argv: []string{mosquitto, "-c", path}}, database: filepath.Join(dir, "mosquitto.db")}
	return s, os.WriteFile(path, []byte(text), 0o600)
}

// attend connects again and again until ctx ends. The session outlasts the connections.
func attend(ctx context.Context, id string, connection func() error) error {
	for ctx.Err() == nil {
		err := connection()
		var refused *client.Refused
		if errors.As(err, &refused) && refused.Type != packet.CONNACK || errors.Is(err, client.ErrForgotten) {
			return fmt.Errorf("%s: %w", id, err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

// connected is one connection, from its beginning to its end.
func connected(ctx context.Context, address, id string, o client.Options, do func(*client.Client) error) error {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	connecting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	connect := &packet.Connect{Version: packet.V5, ClientID: []byte(id), KeepAlive: 60}
	connect.Properties = connect.Properties.AppendNumber(packet.SessionExpiryInterval, math.MaxUint32)
	c, err := client.Connect(connecting, conn, connect, o)
	if err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- c.Run(ctx) }()
	err = do(c)
	if err != nil {
		c.Close()
	}
	return errors.Join(err, <-over)
}
