package uplink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/profile"
)

// errRenew ends a connection whose token ends soon.
var errRenew = errors.New("the token is renewed")

// restrict lowers what the Server has said to what is known of its kind. A 3.1.1 Server has said nothing.
func (u *Uplink) restrict(s *client.Server) {
	s.MaximumQoS = min(s.MaximumQoS, u.profile.MaximumQoS)
	if n := u.profile.InFlight; n > 0 {
		s.ReceiveMaximum = min(s.ReceiveMaximum, uint16(n))
	}
}

// asked lists what is subscribed upstream.
func (u *Uplink) asked() []mapping {
	if !u.names.Given() || len(u.receive) == 0 {
		return u.receive
	}
	return []mapping{{filter: u.names.Filter()}}
}

// password is that of the configuration, or a new token.
func (u *Uplink) password(host string) ([]byte, error) {
	if u.config.SASKeyFile == "" {
		return u.config.Password()
	}
	key, err := u.config.SASKey()
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	return []byte(profile.Token(key, host, u.config.ClientID, u.now().Add(profile.TokenLife))), nil
}

// lease bounds the life of a connection that a token opened: the Server hangs up when that ends.
func (u *Uplink) lease(ctx context.Context) (context.Context, context.CancelFunc) {
	if u.config.SASKeyFile == "" {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, profile.TokenLife-profile.RenewBefore, errRenew)
}

// unsuitable says why a message cannot be sent to this kind of Server, "" if it can: many would hang up, and be sent it again.
func (u *Uplink) unsuitable(topic string) string {
	if u.profile.TopicFault(topic) != nil {
		return u.profile.Name + " does not take such a topic"
	}
	return ""
}

// oversized says likewise why a message is too large under its name upstream.
func (u *Uplink) oversized(name string, payload []byte) string {
	switch {
	case len(name) > math.MaxUint16:
		return "the topic is too long with the prefix, or what else stands in it"
	case !u.profile.Fits(name, len(payload)):
		return fmt.Sprintf("larger than the %d bytes that %s takes", u.profile.Payload, u.profile.Name)
	}
	return ""
}

// outward is the name upstream of a message of a topic. At a Server with names of its own the time of what is late is in it, if there is room.
func (l *link) outward(d *broker.Delivery, topic string) string {
	if !l.u.names.Given() {
		return topic
	}
	if p, late := l.timed(d); late {
		if name := l.u.names.Outward(topic, p); l.u.oversized(name, d.Message.Payload) == "" {
			return name
		}
	}
	return l.u.names.Outward(topic, d.Message.Properties)
}

// inPace tells whether a message may leave now. If not, the writer is woken up when it may.
func (l *link) inPace() bool {
	wait := l.pace.Wait(time.Now())
	switch {
	case wait == 0:
		return true
	case l.paced == nil:
		l.paced = time.AfterFunc(wait, l.Wake)
	default:
		l.paced.Reset(wait)
	}
	return false
}

// profileHint says what a refusal mostly means at this kind of Server; "" if nothing is known.
func (u *Uplink) profileHint(err error) string {
	code, _ := errors.AsType[packet.ReasonCode](err)
	if code == packet.BadUserNameOrPassword || code == packet.NotAuthorized || errors.Is(err, client.ErrLost) && strings.HasPrefix(err.Error(), "connect:") {
		return u.profile.Refusal
	}
	return ""
}
