package uplink

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// lane is a stream on a link. The writer replaces its session; the reader acknowledges on it.
type lane struct {
	*stream
	link *link

	news atomic.Bool // the broker has something for it since it was asked last

	// The writer's:
	left    []broker.Delivery // pulled, and not sent yet
	at      int               // the first of these
	latest  *latest           // of class state: what is held instead; else nil
	resumed bool              // everything the Server may hold of an earlier connection was sent again
	before  window            // how much more that may be
	asleep  bool              // the link does not carry its class: the local session is not connected

	batch  *batch    // what is gathered for a block; nil: nothing yet
	loose  *batch    // likewise of QoS 0
	pulled time.Time // when there was something to pull last
	alone  bool      // something of it may be on its way that is in no block

	trial trial       // of a message that the Server may hang up on
	took  atomic.Bool // the Server has acknowledged something of it

	doubtful bool // the Server may hold something of an earlier run, and the link does not carry its class: that is not sent again here

	mu     sync.Mutex // guards hold, blocks, owed, come, and the denial of the stream
	hold   hold
	blocks map[uint16]flying // on their way, by Packet Identifier
	owed   uint64            // the lowest ordinal of the blocks that the Server has refused; 0: none
	come   []flying          // blocks that the Server has taken and prime has not looked at
	wait   *backoff
}

// hold is the state of a lane whose Server has refused a message for lack of room (Quota exceeded), or as denial says.
type hold struct {
	on      bool      // nothing new is sent
	until   time.Time // when everything unacknowledged is sent again; zero: when all answers have come
	probing bool      // one message at a time, until one is taken
	asking  bool      // a few of them, until one is taken
}

// connect opens the local session anew: what is unacknowledged is delivered again, in order.
func (a *lane) connect() error {
	a.left, a.at, a.asleep = a.left[:0], 0, false
	a.dropBlocks()
	if a.class == config.StateClass {
		a.latest = newLatest()
	}
	_, err := a.link.u.connectStream(a.stream, a)
	return err
}

// disconnect leaves the local session alone.
func (a *lane) disconnect() { a.session.Load().Disconnect(broker.DisconnectOptions{}) }

// holds tells whether something was pulled and not sent.
func (a *lane) holds() bool { return a.at < len(a.left) || a.latest != nil && len(a.latest.list) > 0 }

// next is the message that the lane sends next, nil if it has none. n is how many may be pulled.
func (a *lane) next(n int) *broker.Delivery {
	if a.at == len(a.left) && n > 0 {
		a.left, a.at = a.session.Load().Next(a.left[:0], n), 0
		if len(a.left) > 0 {
			a.pulled = time.Now()
		}
	}
	if a.at == len(a.left) {
		return nil
	}
	return &a.left[a.at]
}

// done takes out what next has given.
func (a *lane) done() {
	if a.latest != nil {
		a.latest.sent()
		return
	}
	a.left[a.at] = broker.Delivery{}
	a.at++
}

// ack completes a delivery; false if it was not on its way.
func (a *lane) ack(id uint16) bool { return !a.session.Load().Ack(id).IsError() }

// Wake is the broker's: deliveries are ready.
func (a *lane) Wake() {
	a.news.Store(true)
	a.link.Wake()
}

// Flush is the broker's: a publisher has something for this stream.
func (a *lane) Flush() { a.Wake() }

// Close is the broker's: somebody else has taken the session.
func (a *lane) Close(code packet.ReasonCode) {
	a.link.conn.Abort(fmt.Errorf("the local session of stream %s: %w", a.name, code))
}

// deferred notes that the Server had no room for a message. The lane stops, so that order is kept, and what is not
// acknowledged is sent again later.
func (a *lane) deferred() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hold.on = true
	a.hold.until = time.Time{}
	a.shuffled.Store(true)
}

// held tells whether the Server has refused a message for lack of room, and nothing more is sent, or one at a time.
func (a *lane) held() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hold.on || a.hold.probing
}

// accepted notes that the Server has taken a message.
func (a *lane) accepted() {
	a.link.tookLast.Store(int64(time.Since(a.link.born)))
	a.mu.Lock()
	defer a.mu.Unlock()
	d := &a.denial
	if d.others = len(d.ids) > 0; !d.others {
		d.since, d.times, d.before = time.Time{}, 0, nil
	}
	if len(d.ids) == 0 && a.halt.set("") {
		a.link.u.log.Info("the server takes what a stream publishes", "stream", a.name)
	}
	a.goOn()
}

// givenUp notes that the Server has refused a message, and will not be asked again.
func (a *lane) givenUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.goOn()
}

// goOn has more than a trial sent, if there was one. mu is held.
func (a *lane) goOn() {
	if (a.hold.probing || a.hold.asking) && !a.hold.on {
		a.hold.probing, a.hold.asking = false, false
		a.wait.reset()
	}
}

// may tells how many messages the lane may send now, 0 while it is held; resend that it is time to begin again with what was refused.
func (a *lane) may(unacknowledged int) (n int, resend bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.hold.on && unacknowledged > 0:
		return 0, false // the answers to what is on its way come first
	case a.hold.on && a.denial.proven(a.link):
		a.sentence()
		return quantum, true
	case a.hold.on && a.hold.until.IsZero():
		d := max(a.wait.next(), a.wait.Min)
		if len(a.denial.ids) > 0 && a.denial.times > 0 {
			d = a.denial.pause()
		}
		a.hold.until = time.Now().Add(d)
		if len(a.denial.ids) > 0 {
			a.rest()
		}
		time.AfterFunc(d, a.link.Wake)
		return 0, false
	case a.hold.on && time.Now().Before(a.hold.until):
		return 0, false
	case a.hold.on && len(a.denial.ids) > 0:
		a.denial.again()
		a.hold = hold{asking: true}
		return askedAnew, true
	case a.hold.on:
		a.hold = hold{probing: true}
		return 1, true
	case a.hold.asking:
		return max(askedAnew-unacknowledged, 0), false
	case a.hold.probing && unacknowledged > 0:
		return 0, false
	case a.hold.probing:
		return 1, false
	}
	return quantum, false
}
