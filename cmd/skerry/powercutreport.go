package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// reportFlags say where the number of the last confirmed write survives.
type reportFlags struct {
	Journal      string   `type:"path" placeholder:"FILE" help:"A file on another disk, not on another partition of this one, that the number is kept in."`
	Report       string   `placeholder:"URL" help:"mqtt://HOST/TOPIC: an MQTT server on another machine that the number is kept at."`
	User         string   `short:"u" placeholder:"NAME" help:"User name for --report."`
	PasswordFile string   `type:"path" placeholder:"FILE" help:"File with the password for --report."`
	CAFile       string   `name:"cafile" type:"path" placeholder:"FILE" help:"Certificates of the authorities to trust, for --report mqtts://..."`
	Protocol     protocol `default:"5" placeholder:"VERSION" help:"MQTT version for --report: 5 or 3.1.1 (${default})."`
}

// validate finds flags that do not go together.
func (f *reportFlags) validate() error {
	if f.Report == "" {
		return nil
	}
	c, topic, err := f.target()
	return errors.Join(err, checkReportTopic(topic, err), c.TLS.validate(c.Server.TLS))
}

func checkReportTopic(topic string, err error) error {
	switch {
	case err != nil:
		return nil
	case topic == "":
		return errors.New("--report names no topic (hint: mqtt://HOST/TOPIC)")
	}
	return checkTopic("--report", topic)
}

// target takes the URL apart.
func (f *reportFlags) target() (*connection, string, error) {
	c := &connection{
		Protocol: f.Protocol, User: f.User, PasswordFile: f.PasswordFile, TLS: tlsFlags{CAFile: f.CAFile},
		KeepAlive: interval{duration: time.Minute}, Connect: interval{duration: 10 * time.Second},
	}
	scheme, rest, ok := strings.Cut(f.Report, "://")
	if !ok {
		return c, "", fmt.Errorf("--report %s is no URL (hint: mqtt://HOST/TOPIC)", f.Report)
	}
	host, topic, _ := strings.Cut(rest, "/")
	err := c.Server.UnmarshalText([]byte(scheme + "://" + host))
	return c, topic, err
}

// told is what is kept elsewhere.
type told struct {
	Round     int    `json:"round"`
	Confirmed uint64 `json:"confirmed"`
}

// reporter keeps what was told last.
type reporter interface{ tell(told) error }

// reporters hear of each confirmed number, one after the other.
type reporters []reporter

func (all reporters) tell(t told) error {
	for _, r := range all {
		if err := r.tell(t); err != nil {
			return err
		}
	}
	return nil
}

// display is a terminal, where one line is written anew, or a file with a line for each number.
type display struct {
	out      *os.File
	terminal bool
}

func newDisplay(out *os.File) *display {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &display{out, err == nil}
}

func (s *display) tell(t told) error {
	end := "\n"
	if s.terminal {
		end = "\r"
	}
	_, err := fmt.Fprintf(s.out, "confirmed %d%s", t.Confirmed, end)
	return err
}

// remoteReporter keeps the number as a retained message.
type remoteReporter struct {
	ctx    context.Context // of one run: ends with the connection
	client *client.Client
	topic  string
}

// tell returns when the message is on its way: at QoS 0, because what counts is that it leaves at once.
func (r *remoteReporter) tell(t told) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return r.client.Publish(r.ctx, &packet.Publish{TopicName: []byte(r.topic), Retain: true, Payload: text})
}

// withRemote runs f with a reporter to the server, if there is one.
func (f *reportFlags) withRemote(ctx context.Context, run func(context.Context, reporters) error) error {
	if f.Report == "" {
		return run(ctx, nil)
	}
	c, topic, err := f.target()
	if err != nil {
		return err
	}
	p, err := c.packet()
	if err != nil {
		return err
	}
	cl, err := c.open(ctx, p, client.Options{})
	if err != nil {
		return err
	}
	return c.talk(ctx, cl, func(ctx context.Context) error {
		return run(ctx, reporters{&remoteReporter{ctx, cl, topic}})
	})
}

// fetch asks the server for the number.
func (f *reportFlags) fetch(ctx context.Context) (t told, err error) {
	c, topic, err := f.target()
	if err != nil {
		return t, err
	}
	p, err := c.packet()
	if err != nil {
		return t, err
	}
	got := make(chan []byte, 1)
	cl, err := c.open(ctx, p, client.Options{OnMessage: func(m *packet.Publish) {
		select {
		case got <- append([]byte(nil), m.Payload...):
		default:
		}
	}})
	if err != nil {
		return t, err
	}
	err = c.talk(ctx, cl, func(ctx context.Context) error {
		if _, err := cl.Subscribe(ctx, packet.Subscription{TopicFilter: []byte(topic)}); err != nil {
			return &stageError{"subscribe to " + topic, err}
		}
		select {
		case text := <-got:
			return json.Unmarshal(text, &t)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Second):
			return fmt.Errorf("%s has no message at %s (hint: is it the URL that `skerry powercut write --report` was given?)", topic, config.Server(c.Server.Server))
		}
	})
	return t, cmp.Or(err, f.plausible(t))
}

func (f *reportFlags) plausible(t told) error {
	if t.Round == 0 {
		return fmt.Errorf("the message at %s holds no number", f.Report)
	}
	return nil
}
