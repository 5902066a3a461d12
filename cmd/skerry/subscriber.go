package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/broker/topic"
)

// subscriber is one run of sub. print and taken are called by turns from the goroutine that receives.
type subscriber struct {
	flags  *subCmd
	layout layout
	client *client.Client // set before anything is received

	busy chan struct{} // holds an element from print to taken: a message is in hand
	left chan struct{} // closed when we have said good-bye

	line   []byte
	skip   bool         // the message in hand is not for the output
	full   bool         // --count is reached
	failed error        // of the output; read it when talk has returned
	seen   atomic.Int64 // messages printed
}

func newSubscriber(s *subCmd) *subscriber {
	layout, _ := s.Output.layout() // Validate has seen the error
	return &subscriber{flags: s, layout: layout, busy: make(chan struct{}, 1), left: make(chan struct{})}
}

// print writes the line of one message. It is acknowledged when print returns, so print does not return before it is written.
func (in *subscriber) print(m *packet.Publish) {
	select {
	case in.busy <- struct{}{}:
	case <-in.left: // the connection is closed: what came too late stays unacknowledged
		in.skip = true
		return
	}
	in.skip = in.full || !in.wanted(m)
	if in.skip {
		return
	}
	in.line = in.layout.append(in.line[:0], m, time.Now())
	if _, err := os.Stdout.Write(in.line); err != nil {
		in.failed = fmt.Errorf("write to standard output: %w", err)
		in.client.Close() // without this message's acknowledgement
	}
}

// wanted is the choice between retained messages and others.
func (in *subscriber) wanted(m *packet.Publish) bool {
	f := in.flags
	return (!f.RetainedOnly || m.Retain) && (!f.NoRetained || !m.Retain || f.RetainAsPublished)
}

// taken is called when the acknowledgement of the message that was printed is on its way.
func (in *subscriber) taken() {
	if !in.skip && in.seen.Add(1) == int64(in.flags.Count) {
		in.full = true
		in.client.Disconnect(packet.NormalDisconnection) // no later message is acknowledged
	}
	select {
	case <-in.busy:
	default: // print came after the end
	}
}

// leave lets the message in hand be printed and acknowledged, and no other. Without that a QoS 2 message that was
// printed could come once more in the next run of a session.
func (in *subscriber) leave(talking context.Context) {
	select {
	case in.busy <- struct{}{}:
		in.client.Disconnect(packet.NormalDisconnection)
	case <-talking.Done():
	}
	close(in.left)
}

// subscribe asks for the filters and hears what is granted.
func (in *subscriber) subscribe(ctx context.Context) error {
	f := in.flags
	var asked []packet.Subscription
	for _, filter := range f.Topic {
		s := packet.Subscription{
			TopicFilter: []byte(filter), QoS: f.QoS, NoLocal: f.NoLocal, RetainAsPublished: f.RetainAsPublished,
		}
		if f.NoRetained {
			s.RetainHandling = 2
		}
		asked = append(asked, s)
	}
	codes, err := in.client.Subscribe(ctx, asked...)
	if err != nil {
		return &stageError{"subscribe", err}
	}
	return granted(asked, codes)
}

// granted finds what the server refused. A lower QoS is worth a remark.
func granted(asked []packet.Subscription, codes []packet.ReasonCode) error {
	if len(codes) != len(asked) {
		return &stageError{"subscribe", errors.New("the server answered for another number of filters")}
	}
	for i, code := range codes {
		if code.IsError() {
			return &stageError{"subscribe to " + string(asked[i].TopicFilter), code}
		}
		if packet.QoS(code) < asked[i].QoS {
			fmt.Fprintf(os.Stderr, "skerry: %s: the server grants QoS %d\n", asked[i].TopicFilter, code)
		}
	}
	return nil
}

// await returns when it is enough.
func (in *subscriber) await(ctx context.Context) error {
	var timeout <-chan time.Time
	if t := in.flags.Timeout; t.set {
		timeout = time.After(t.duration)
	}
	if in.flags.Output.Ready {
		fmt.Fprintln(os.Stderr, "ready")
	}
	select {
	case <-timeout:
		if seen := in.seen.Load(); seen < int64(in.flags.Count) {
			return fmt.Errorf("%d of %d messages came in time", seen, in.flags.Count)
		}
		return nil
	case <-ctx.Done():
		return &stageError{"receive", context.Cause(ctx)}
	}
}

// done tells whether --count is reached, which ends the connection.
func (in *subscriber) done() bool {
	return in.flags.Count > 0 && in.seen.Load() >= int64(in.flags.Count)
}

// checkFilter judges one --topic.
func checkFilter(filter string, noLocal bool) error {
	if strings.HasPrefix(filter, "$share/") && noLocal {
		return errors.New("--no-local cannot be used with a shared subscription")
	}
	if topic.IsShared(filter) {
		_, rest, err := topic.ParseShared(filter)
		if err != nil {
			return err
		}
		filter = rest
	}
	return topic.ValidFilter(filter)
}
