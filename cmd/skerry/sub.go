package main

import (
	"context"
	"errors"
	"fmt"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// subCmd is `skerry sub`.
type subCmd struct {
	Topic []string `short:"t" required:"" sep:"none" placeholder:"FILTER" group:"Subscription:" help:"Topic Filter: + stands for one level, # at the end for all below. May be repeated."`
	QoS   byte     `name:"qos" short:"q" enum:"0,1,2" default:"0" placeholder:"N" group:"Subscription:" help:"Highest QoS to be sent with (${default})."`

	NoRetained        bool `xor:"retained" group:"Subscription:" help:"Only what is published from now on."`
	RetainedOnly      bool `xor:"retained" group:"Subscription:" help:"Only retained messages."`
	NoLocal           bool `group:"Subscription:" help:"Not what the same ClientID publishes (MQTT 5)."`
	RetainAsPublished bool `group:"Subscription:" help:"Leave the RETAIN flag as it was published (MQTT 5)."`

	Count   int      `short:"C" placeholder:"N" group:"End:" help:"End after N messages."`
	Timeout interval `short:"W" placeholder:"TIME" group:"End:" help:"End after this time; status 1 if --count messages have not come by then."`

	Session string   `placeholder:"NAME" group:"Session:" help:"Have the server keep the subscription and what comes meanwhile, under this ClientID."`
	Expiry  interval `default:"1d" placeholder:"TIME" group:"Session:" help:"How long it keeps them after we have left, or never (${default}; MQTT 5)."`

	Output outputFlags `embed:"" group:"Output:"`

	connection
}

// Help stands behind the flags.
func (*subCmd) Help() string {
	return `Prints one line for each message and flushes it before the message is acknowledged. Ends at a signal with status 0, and
with 1 when the connection breaks.

Placeholders of --format, beside \n, \t and \\:

` + formatHelp() + `
Examples:

    skerry sub -t lake/# -v
    skerry sub -t lake/+/air/temperature --format '%I,%t,%p'
    skerry sub -t lake/# --json | jq .payload
    skerry sub -t lake/gate/state -C 1 -W 5s
    skerry sub -t lake/alarm/# -q 1 --session pager --expiry 7d`
}

// Validate finds flags that do not go together; kong calls it.
func (s *subCmd) Validate() error {
	switch {
	case s.Protocol.is311() && (s.NoLocal || s.RetainAsPublished):
		return errors.New("--no-local and --retain-as-published need MQTT 5 (hint: leave --protocol out)")
	case s.Session != "" && s.ClientID != "":
		return errors.New("--session is the ClientID; leave --client-id out")
	case s.RetainAsPublished && s.RetainedOnly:
		return errors.New("--retained-only cannot tell retained messages with --retain-as-published")
	case s.Count < 0:
		return errors.New("--count wants 1 or more")
	}
	for _, filter := range s.Topic {
		if err := checkFilter(filter, s.NoLocal); err != nil {
			return fmt.Errorf("--topic %s: %w", filter, err)
		}
	}
	if _, err := s.Output.layout(); err != nil {
		return err
	}
	return errors.Join(checkFlag("--session", s.Session), s.connection.validate())
}

// Run subscribes and prints.
func (s *subCmd) Run(ctx context.Context) error {
	connect, err := s.connect()
	if err != nil {
		return err
	}
	in := newSubscriber(s)
	in.client, err = s.open(ctx, connect, client.Options{OnMessage: in.print, OnTaken: in.taken})
	if err != nil {
		return err
	}
	err = s.talk(ctx, in.client, func(talking context.Context) error {
		defer in.leave(talking)
		if err := in.subscribe(talking); err != nil {
			return err
		}
		return in.await(talking)
	})
	switch {
	case in.failed != nil:
		return in.failed
	case ctx.Err() != nil, in.done(): // a signal is a good end; --count ends the connection in the midst of anything
		return nil
	}
	return err
}

// connect is CONNECT with the session that the flags ask for.
func (s *subCmd) connect() (*packet.Connect, error) {
	if s.Session != "" {
		s.ClientID = s.Session
	}
	p, err := s.connection.packet()
	if err != nil || s.Session == "" {
		return p, err
	}
	p.CleanStart = false
	if p.Version == packet.V5 {
		p.Properties = p.Properties.AppendNumber(packet.SessionExpiryInterval, s.Expiry.seconds())
	}
	return p, nil
}
