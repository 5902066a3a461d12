package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// pubCmd is `skerry pub`.
type pubCmd struct {
	Topic   string  `short:"t" required:"" placeholder:"TOPIC" group:"Message:" help:"Where to publish."`
	Message *string `short:"m" xor:"payload" placeholder:"TEXT" group:"Message:" help:"The payload."`
	File    string  `short:"f" xor:"payload" placeholder:"FILE" group:"Message:" help:"A file whose bytes are the payload; - is standard input."`
	Null    bool    `short:"n" xor:"payload" group:"Message:" help:"An empty payload. With --retain it deletes the retained message."`
	Lines   bool    `short:"l" xor:"payload" group:"Message:" help:"One message for each line of standard input."`
	QoS     byte    `name:"qos" short:"q" enum:"0,1,2" default:"0" placeholder:"N" group:"Message:" help:"0 at most once, 1 at least once, 2 exactly once (${default})."`
	Retain  bool    `short:"r" group:"Message:" help:"Have the server keep the message for later subscribers."`

	Repeat     int          `default:"1" placeholder:"N" group:"Message:" help:"Publish it N times."`
	Every      interval     `placeholder:"TIME" group:"Message:" help:"Pause between the repetitions."`
	Properties messageFlags `embed:"" group:"MQTT 5:"`

	connection
}

// Help stands behind the flags.
func (*pubCmd) Help() string {
	return `Ends with status 0 when the server has acknowledged every message (at QoS 0: when all are written), with 1 when it
has not, with 2 when the command line is wrong.

Times are written 500ms, 30s, 15min, 2h, 7d. What stands in parentheses behind a flag is its default.

Examples:

    skerry pub -t lake/gate/set -m open -q 1
    skerry pub -t lake/camera -f still.jpg --property content-type=image/jpeg
    skerry pub -t lake/gate/state -n -r
    journalctl -f | skerry pub -t lake/log -l -q 1
    skerry pub -s mqtts://broker.example.org --cafile ca.crt -u wx-042 --password-file pw -t a -m b`
}

// Validate finds flags that do not go together; kong calls it.
func (p *pubCmd) Validate() error {
	switch {
	case p.Topic == "":
		return errors.New("where to? (hint: --topic TOPIC)")
	case p.Message == nil && p.File == "" && !p.Null && !p.Lines:
		return errors.New("what is to be published? (hint: --message TEXT, --file FILE, --lines or --null)")
	case p.Properties.any() && p.Protocol.is311():
		return errors.New("properties need MQTT 5 (hint: leave --protocol out)")
	case p.Repeat < 1:
		return errors.New("--repeat wants at least 1")
	case p.Lines && (p.Repeat > 1 || p.Every.set):
		return errors.New("--lines does not go with --repeat and --every")
	}
	_, err := p.Properties.properties()
	return errors.Join(checkTopic("--topic", p.Topic), err, p.connection.validate())
}

// Run publishes.
func (p *pubCmd) Run(ctx context.Context) error {
	payload, err := p.payload()
	if err != nil {
		return err
	}
	connect, err := p.packet()
	if err != nil {
		return err
	}
	c, err := p.open(ctx, connect, client.Options{})
	if err != nil {
		return err
	}
	return p.talk(ctx, c, func(ctx context.Context) error {
		out := &publisher{ctx: ctx, client: c}
		if p.Lines {
			err = p.lines(out, os.Stdin)
		} else {
			err = p.repeat(out, payload)
		}
		return errors.Join(err, out.wait())
	})
}

// payload is what the flags name; nil with --lines.
func (p *pubCmd) payload() ([]byte, error) {
	var payload []byte
	var err error
	switch {
	case p.Message != nil:
		payload = []byte(*p.Message)
	case p.File == "-":
		payload, err = io.ReadAll(os.Stdin)
	case p.File != "":
		payload, err = os.ReadFile(p.File)
	}
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	return payload, nil
}

// message is a message of its own for each payload.
func (p *pubCmd) message(payload []byte) *packet.Publish {
	properties, _ := p.Properties.properties() // Validate has seen the error
	return &packet.Publish{
		TopicName: []byte(p.Topic), QoS: p.QoS, Retain: p.Retain, Properties: properties, Payload: payload,
	}
}

// repeat publishes one payload as often as asked.
func (p *pubCmd) repeat(out *publisher, payload []byte) error {
	message := p.message(payload)
	for i := range p.Repeat {
		if i > 0 && !pause(out.ctx, p.Every.duration) {
			return &stageError{fmt.Sprintf("after %d of %d messages", i, p.Repeat), context.Cause(out.ctx)}
		}
		if err := out.send(message, "publish"); err != nil {
			return err
		}
	}
	return nil
}

// pause waits; false if the context ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
