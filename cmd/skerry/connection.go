package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// connection holds the flags that pub and sub share: how to reach a server, and as whom.
type connection struct {
	Server       address   `short:"s" default:"mqtt://127.0.0.1:1883" env:"SKERRY_SERVER" placeholder:"URL" group:"Connection:" help:"The server: mqtt:// or tcp://HOST[:1883], mqtts:// or tls://HOST[:8883], ws:// or wss://HOST[:PORT][/mqtt], unix://PATH (${default})."`
	Protocol     protocol  `default:"5" placeholder:"VERSION" group:"Connection:" help:"MQTT version: 5 or 3.1.1 (${default})."`
	User         string    `short:"u" env:"SKERRY_USER" placeholder:"NAME" group:"Connection:" help:"User name."`
	PasswordFile string    `type:"path" placeholder:"FILE" group:"Connection:" help:"File with the password. Without it, the environment variable SKERRY_PASSWORD."`
	ClientID     string    `name:"client-id" short:"i" placeholder:"ID" group:"Connection:" help:"ClientID (a random one)."`
	KeepAlive    interval  `default:"60s" placeholder:"TIME" group:"Connection:" help:"Longest silence before the server is asked whether it is there; 0s = never (${default})."`
	Connect      interval  `name:"connect-timeout" default:"10s" placeholder:"TIME" group:"Connection:" help:"How long connecting may take (${default})."`
	TLS          tlsFlags  `embed:"" group:"TLS:"`
	Will         willFlags `embed:"" prefix:"will-" group:"Will:"`
}

// willFlags describe the message that the server publishes when the connection breaks.
type willFlags struct {
	Topic   string   `placeholder:"TOPIC" help:"Topic of the message that the server publishes if this connection breaks."`
	Message string   `placeholder:"TEXT" help:"Its payload (empty)."`
	QoS     byte     `name:"qos" enum:"0,1,2" default:"0" placeholder:"N" help:"Its QoS."`
	Retain  bool     `help:"Have it retained."`
	Delay   interval `placeholder:"TIME" help:"How long the server waits for this client to come back first (MQTT 5)."`
}

// validate finds flags that do not go together.
func (c *connection) validate() error {
	w := &c.Will
	switch {
	case w.Topic == "" && (w.Message != "" || w.QoS != 0 || w.Retain || w.Delay.set):
		return errors.New("a will needs --will-topic")
	case w.Delay.set && c.Protocol.is311():
		return errors.New("--will-delay needs MQTT 5 (hint: leave --protocol out)")
	case c.PasswordFile != "" && c.User == "" && c.Protocol.is311():
		return errors.New("MQTT 3.1.1 has no password without --user")
	case c.KeepAlive.seconds() > 65_535:
		return errors.New("--keep-alive is at most 18h (65535s)")
	case w.Topic != "" && checkTopic("--will-topic", w.Topic) != nil:
		return checkTopic("--will-topic", w.Topic)
	case len(w.Message) > packet.MaxString:
		return errors.New("--will-message is longer than 65,535 bytes")
	}
	return errors.Join(checkFlag("--user", c.User), checkFlag("--client-id", c.ClientID), c.TLS.validate(c.Server.TLS))
}

// checkFlag tells whether a flag can be sent as a string.
func checkFlag(name, value string) error { return named(name, packet.CheckString(value)) }

// checkTopic tells whether a flag can be sent as a Topic Name.
func checkTopic(name, value string) error { return named(name, packet.CheckTopicName(value)) }

// named puts the flag in the place of the packet and the clause that it would break.
func named(flag string, err error) error {
	if e, ok := errors.AsType[*packet.Error](err); ok {
		return fmt.Errorf("%s: %s", flag, e.Problem)
	}
	return err
}

// packet is the CONNECT that the flags ask for.
func (c *connection) packet() (*packet.Connect, error) {
	p := &packet.Connect{
		Version:    packet.Version(c.Protocol),
		CleanStart: true,
		KeepAlive:  uint16(c.KeepAlive.seconds()),
		ClientID:   []byte(c.ClientID),
	}
	if c.ClientID == "" {
		// 23 letters and digits at most: a 3.1.1 server may refuse more, and an empty one [MQTT-3.1.3-5].
		p.ClientID = []byte("skerry" + rand.Text()[:12])
	}
	if c.User != "" {
		p.UserName = []byte(c.User)
	}
	if err := c.password(p); err != nil {
		return nil, err
	}
	if c.Will.Topic != "" {
		p.WillFlag, p.Will = true, c.Will.packet()
	}
	return p, nil
}

func (w *willFlags) packet() packet.Will {
	will := packet.Will{QoS: w.QoS, Retain: w.Retain, TopicName: []byte(w.Topic), Payload: []byte(w.Message)}
	if w.Delay.set {
		will.Properties = will.Properties.AppendNumber(packet.WillDelayInterval, w.Delay.seconds())
	}
	return will
}

// password reads the file, or the environment: a command line can be read by everybody on the machine.
func (c *connection) password(p *packet.Connect) error {
	password := os.Getenv("SKERRY_PASSWORD")
	if c.PasswordFile != "" {
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		password = strings.TrimRight(string(text), "\r\n")
		if password == "" {
			return fmt.Errorf("%s holds no password", c.PasswordFile)
		}
	}
	switch {
	case password == "":
		return nil
	case len(password) > packet.MaxString:
		return errors.New("the password is longer than 65,535 bytes")
	case c.User == "" && p.Version != packet.V5: // only the variable can lead here; it may be meant for another server
		return nil
	}
	p.Password = []byte(password)
	return nil
}

// talk carries packets while f runs, and says good-bye behind it. The context
// given to f ends when the connection does, and its cause says why.
func (c *connection) talk(ctx context.Context, cl *client.Client, f func(context.Context) error) error {
	talking, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	wg.Go(func() { end(cl.Run(context.WithoutCancel(ctx))) })
	err := f(talking)
	cl.Disconnect(packet.NormalDisconnection) // fails only on a connection that has ended, and f has seen that
	wg.Wait()
	return explain(err, c)
}

// open dials and connects.
func (c *connection) open(ctx context.Context, p *packet.Connect, o client.Options) (*client.Client, error) {
	limited, cancel := context.WithTimeout(ctx, c.Connect.duration)
	defer cancel()
	conn, err := c.dial(limited)
	if err != nil {
		return nil, explain(err, c)
	}
	cl, err := client.Connect(limited, conn, p, o)
	if err != nil {
		return nil, explain(fmt.Errorf("%s: %w", c.Server, err), c)
	}
	return cl, nil
}
