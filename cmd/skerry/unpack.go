package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// unpackCmd is `skerry unpack`.
type unpackCmd struct {
	File   string   `arg:"" optional:"" default:"-" help:"A file with blocks, one behind the other; - is standard input."`
	Primer []string `type:"existingfile" sep:"none" placeholder:"FILE" help:"A primer that blocks need: what is retained under their topic and /primer; may be repeated. Primers in the file are found."`

	Verbose bool   `short:"v" xor:"format" group:"Output:" help:"Topic and payload."`
	JSON    bool   `name:"json" xor:"format" group:"Output:" help:"One JSON object for each message, with epoch, stream and sequence."`
	Format  string `xor:"format" placeholder:"TEXT" group:"Output:" help:"A line with the placeholders of skerry sub (%p)."`
	Heads   bool   `xor:"format" group:"Output:" help:"One line for each block instead: what it is, and how much it saves."`

	primers map[uint32]*pack.Primer
}

// Help stands behind the flags.
func (*unpackCmd) Help() string {
	return `Decodes blocks of the encoding pack, as an uplink sends them, and prints one line for each message. The time of --format is that at
which the message was published; it is empty where that is not known. A block that is damaged is named and left out, and the status is 1; where
the next one begins can no longer be told when its head is damaged. The format is described in docs/pack.md.

Examples:

    mosquitto_sub -t 'site/wx-042/pack/#' -N -C 1 > block
    skerry unpack block -v
    skerry unpack --json < block | jq .payload
    mosquitto_sub -t site/wx-042/pack/alarm/primer -N -C 1 > primer
    skerry unpack --primer primer block -v`
}

// Validate finds a wrong format; kong calls it.
func (c *unpackCmd) Validate() error {
	_, err := c.output().layout()
	return err
}

func (c *unpackCmd) output() *outputFlags {
	return &outputFlags{Verbose: c.Verbose, Format: c.Format}
}

// mostUnpacked is how large a file may be: it is read as a whole.
const mostUnpacked = 256 << 20

// Run prints the messages.
func (c *unpackCmd) Run() error {
	data, err := c.read()
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return errors.New("there are no blocks in it")
	}
	if err := c.readPrimers(); err != nil {
		return err
	}
	layout, _ := c.output().layout() // Validate has seen the error
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	wrong, number := 0, 0
	for len(data) > 0 {
		number++
		block, rest, err := pack.Split(data)
		if err == nil {
			err = c.print(out, layout, block)
		}
		if failed, ok := errors.AsType[*outputError](err); ok {
			return failed
		}
		if err != nil {
			wrong++
			out.Flush() // what is said of it stands where it would
			fmt.Fprintf(os.Stderr, "skerry: block %d: %v\n", number, err)
		}
		if block == nil {
			break
		}
		data = bytes.TrimPrefix(rest, []byte("\n")) // which skerry sub puts behind a payload
	}
	if err := out.Flush(); err != nil {
		return &outputError{err}
	}
	if wrong > 0 {
		return fmt.Errorf("%s of %s could not be decoded", grouped(wrong), several(number, "block"))
	}
	return nil
}

// readPrimers reads those of the flags: files with one each.
func (c *unpackCmd) readPrimers() error {
	c.primers = map[uint32]*pack.Primer{}
	for _, name := range c.Primer {
		block, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if block, _, err = pack.Split(block); err == nil {
			err = c.keep(block)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// keep notes a primer that later blocks may need.
func (c *unpackCmd) keep(block []byte) error {
	p, err := pack.NewPrimer(block)
	if err == nil {
		c.primers[p.ID()] = p
	}
	return err
}

// outputError is one of standard output.
type outputError struct{ err error }

func (e *outputError) Error() string { return "write to standard output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func (c *unpackCmd) read() ([]byte, error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, mostUnpacked+1))
	if err == nil && len(data) > mostUnpacked {
		err = fmt.Errorf("it has more than %s (hint: give it in parts)", size(mostUnpacked))
	}
	return data, err
}

// print writes what one block holds.
func (c *unpackCmd) print(out *bufio.Writer, l layout, block []byte) error {
	head, messages, err := pack.DecodeWith(block, pack.Limits{}, func(id uint32) *pack.Primer { return c.primers[id] })
	switch {
	case errors.Is(err, pack.ErrNoPrimer):
		return fmt.Errorf("%w (hint: --primer FILE, with what is retained under its topic and /primer)", err)
	case err != nil:
		return err
	case head.Keep:
		_ = c.keep(block) // if it is too large to be one, blocks that need it say so
	}
	if c.Heads {
		return written(fmt.Fprintln(out, headLine(head, messages, block)))
	}
	var line []byte
	for i := range messages {
		m := &messages[i]
		p := &packet.Publish{TopicName: []byte(m.Topic), Payload: m.Payload, Properties: m.Properties, QoS: m.QoS, Retain: m.Retain}
		var at time.Time
		if m.Time != 0 {
			at = time.UnixMilli(m.Time)
		}
		if c.JSON {
			line = appendPacked(line[:0], head, m, p, at)
		} else {
			line = l.append(line[:0], p, at)
		}
		if err := written(out.Write(line)); err != nil {
			return err
		}
	}
	return nil
}

func written(_ int, err error) error {
	if err != nil {
		return &outputError{err}
	}
	return nil
}

// packedObject is what --json prints.
type packedObject struct {
	Epoch    string `json:"epoch"` // 16 hex digits: a number of 64 bits is more than some readers of JSON hold
	Stream   string `json:"stream"`
	Sequence uint64 `json:"sequence"`
	object
}

func appendPacked(b []byte, h pack.Head, m *pack.Message, p *packet.Publish, at time.Time) []byte {
	o := packedObject{fmt.Sprintf("%016x", h.Epoch), h.Stream, m.Sequence, objectOf(p, at)}
	if utf8.Valid(m.Payload) {
		o.Payload = string(m.Payload)
	} else {
		digits := fmt.Sprintf("%x", m.Payload)
		o.PayloadHex = &digits
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return append(b, "{}\n"...) // cannot be: every field can be encoded
	}
	return append(b, line.Bytes()...)
}

// headLine says what a block is.
func headLine(h pack.Head, messages []pack.Message, block []byte) string {
	plain := 0
	for _, m := range messages {
		plain += len(m.Topic) + len(m.Payload) + len(m.Properties)
	}
	first, last := messages[0].Sequence, messages[len(messages)-1].Sequence
	floor := ""
	if h.Floor != 0 {
		floor = fmt.Sprintf(", nothing below %d to come", h.Floor)
	}
	primer := ""
	switch {
	case h.Keep: // its check sum ends it
		primer = fmt.Sprintf(", primer %x", block[len(block)-4:])
	case h.Primer != 0:
		primer = fmt.Sprintf(", after primer %08x", h.Primer)
	}
	return fmt.Sprintf("epoch %016x, stream %s, sequence %d to %d%s%s, %s, %s for %s of topics and payloads", h.Epoch, shown(h.Stream), first, last,
		floor, primer, several(len(messages), "message"), size(len(block)), size(plain))
}
