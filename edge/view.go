package edge

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"

	"skerry/broker"
	"skerry/broker/packet"
)

// view shows the messages of the broker to a person. It is a session like any other, without any promise: QoS 0.
type view struct {
	session *broker.Session
	out     io.Writer
	wake    chan struct{} // capacity 1
}

// shownTogether bounds how many messages are taken from the session at a time.
const shownTogether = 64

func newView(b *broker.Broker, out io.Writer) (*view, error) {
	v := &view{out: out, wake: make(chan struct{}, 1)}
	var err error
	v.session, _, err = b.Connect(broker.ConnectOptions{ClientID: "view", Internal: true, Version: packet.V5, CleanStart: true, Conn: v})
	if err != nil {
		return nil, fmt.Errorf("connect the view to the broker: %w", err)
	}
	v.session.Subscribe([]broker.Subscription{{TopicFilter: "#"}}, nil)
	return v, nil
}

// Wake, Flush and Close are what a broker.Conn has.
func (v *view) Wake() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Flush leaves the work to run: a publisher does not wait for a terminal.
func (v *view) Flush() { v.Wake() }

// Close comes when the broker ends; so does run, soon.
func (v *view) Close(packet.ReasonCode) {}

func (v *view) run(ctx context.Context) error {
	defer v.session.Disconnect(broker.DisconnectOptions{})
	var batch []broker.Delivery
	for {
		batch = v.session.Next(batch[:0], shownTogether)
		for _, d := range batch {
			fmt.Fprintln(v.out, line(d.Message))
		}
		if len(batch) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-v.wake:
		}
	}
}

// line is a message as a terminal can show it.
func line(m *broker.Message) string {
	return printable(m.TopicName) + " " + printable(string(m.Payload))
}

// printable quotes what is no text, or would command the terminal.
func printable(text string) string {
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return strconv.Quote(text)
		}
	}
	return text
}
