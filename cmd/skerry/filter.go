package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"skerry/broker/filter"
	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/config"
)

// filterCmd is `skerry filter`.
type filterCmd struct {
	Config string `arg:"" help:"Configuration file."`
	Name   string `arg:"" help:"One of its broker.filters."`

	Topic      string       `short:"t" required:"" placeholder:"TOPIC" group:"Message:" help:"The topic it is published to."`
	Payload    *string      `short:"p" xor:"payload" placeholder:"TEXT" group:"Message:" help:"The payload; none is an empty one."`
	File       string       `short:"f" xor:"payload" placeholder:"FILE" group:"Message:" help:"A file whose bytes are the payload; - is standard input."`
	QoS        byte         `name:"qos" short:"q" enum:"0,1,2" default:"0" placeholder:"N" group:"Message:" help:"0, 1 or 2 (${default})."`
	Retain     bool         `short:"r" group:"Message:" help:"It is to be retained, or is."`
	Age        interval     `placeholder:"TIME" group:"Message:" help:"How old it is, as a retained one may be."`
	Properties messageFlags `embed:"" group:"MQTT 5:"`
}

// Help stands behind the flags.
func (*filterCmd) Help() string {
	return `Prints what a filter sees of a message. Ends with status 0 when the message passes, with 1 and the reason when it does not.

Examples:

    skerry filter station.yaml hot -t lake/wx-042/air/temperature -p 31.5
    skerry filter station.yaml north -t a -f reading.cbor --property content-type=application/cbor --user-property region=north`
}

// Validate finds flags that are wrong by themselves; kong calls it.
func (c *filterCmd) Validate() error {
	_, err := c.Properties.properties()
	return errors.Join(checkTopic("--topic", c.Topic), err)
}

// Run tries the filter.
func (c *filterCmd) Run() error {
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	f, err := c.find(cfg.Broker.Filters)
	if err != nil {
		return err
	}
	payload, err := (&pubCmd{Message: c.Payload, File: c.File}).payload()
	if err != nil {
		return err
	}
	properties, _ := c.Properties.properties() // Validate has seen the error
	var s filter.Subject
	s.Set(c.Topic, payload, packet.Properties(properties), c.QoS, c.Retain, c.Age.duration)
	if err := showSubject(os.Stdout, &s); err != nil {
		return err
	}
	if err := passes(f, &s); err != nil {
		return fmt.Errorf("it does not pass: %w", err)
	}
	fmt.Printf("\nIt passes, and is delivered as %s\n", topic.Filtered(f.Name, c.Topic))
	return nil
}

func (c *filterCmd) find(filters []config.Filter) (*config.Filter, error) {
	var names []string
	for i := range filters {
		if filters[i].Name == c.Name {
			return &filters[i], nil
		}
		names = append(names, filters[i].Name)
	}
	hint := config.Suggest(c.Name, names)
	if len(names) == 0 {
		hint = "the file has none: broker: {filters: {hot: {when: value > 30}}}"
	}
	return nil, fmt.Errorf("%s has no filter %q (hint: %s)", c.Config, c.Name, hint)
}

// passes tells why a message does not pass a filter; nil if it does.
func passes(f *config.Filter, s *filter.Subject) error {
	matches := false
	for _, m := range f.Match {
		matches = matches || topic.Match(m, s.Topic)
	}
	if !matches {
		return fmt.Errorf("its topic matches none of %s", strings.Join(f.Match, " "))
	}
	holds, err := f.When.Expression.Check(s)
	if err != nil {
		return fmt.Errorf("it cannot be told whether %s: %w", strings.TrimSpace(f.When.Text), err)
	}
	if !holds {
		return fmt.Errorf("it is not true that %s", strings.TrimSpace(f.When.Text))
	}
	return nil
}

// showSubject prints what an expression finds under each name.
func showSubject(out io.Writer, s *filter.Subject) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range filter.Names() {
		fmt.Fprintf(w, "%s\t%s\n", name, showValue(name, s))
	}
	return w.Flush()
}

// showValue is a value as JSON, at most a line of it.
func showValue(name string, s *filter.Subject) string {
	v := s.Saw(name)
	if v == nil {
		return "missing" + missingBecause(name, s)
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err.Error()
	}
	return shorten(strings.TrimSpace(text.String()), 160)
}

func missingBecause(name string, s *filter.Subject) string {
	switch {
	case name == "time":
		return ": the payload does not say it; a station takes when the message was published"
	case name == "quality" && len(s.Payload) <= filter.MaxPayload:
		return ": the payload is no number, and no JSON or CBOR"
	case name != "payload" && name != "quality" && name != "value" && name != "data":
		return ""
	case len(s.Payload) > filter.MaxPayload:
		return fmt.Sprintf(": the payload has more than %d bytes", filter.MaxPayload)
	case name == "data" && len(s.Payload) > 0:
		return fmt.Sprintf(": the payload is no number, and no JSON or CBOR of at most %d values and %d levels", filter.MaxValues, filter.MaxDepth)
	case name == "value":
		return ": the payload is no number and has no member value"
	}
	return ""
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "..."
}
