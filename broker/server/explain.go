package server

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"skerry/broker/packet"
	"skerry/queue"
)

// mostReason is how long a Reason String gets, in bytes: it is for people, and they may pay for each byte.
const mostReason = 120

// explain adds a Reason String to the properties of an answer of which size bytes are there without it, if the Client
// takes that much [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.9.2-1] [MQTT-3.14.2-3].
func (c *conn) explain(p packet.Properties, size int, text string) packet.Properties {
	const head = 1 + 2 + 4 // property, length, and what the lengths before it may grow by
	if text = brief(text); text == "" || !c.server.reasons || c.tooLarge(size+head+len(text)) {
		return p
	}
	return p.AppendString(packet.ReasonString, text)
}

// explainAck is explain for packets that a Client can spare itself: all but PUBLISH, CONNACK and DISCONNECT
// [MQTT-3.1.2-29].
func (c *conn) explainAck(size int, text string) packet.Properties {
	if c.version != packet.V5 || c.noProblems {
		return nil
	}
	return c.explain(nil, size, text)
}

// brief cuts a text to what a Reason String may be.
func brief(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F && r < 0xA0 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	for len(text) > mostReason {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// explanation is what an error says beyond its Reason Code, to the Client that made it.
func explanation(err error) string {
	if malformed, ok := errors.AsType[*packet.Error](err); ok {
		return fmt.Sprintf("%v: %s [%s]", malformed.Type, malformed.Problem, malformed.Clause)
	}
	code, ok := errors.AsType[packet.ReasonCode](err)
	// Who knocks is told no more than "no", and what is wrong inside of the Server stands in its log.
	if !ok || code == packet.BadUserNameOrPassword || code == packet.ImplementationSpecificError {
		return ""
	}
	text := strings.TrimSuffix(err.Error(), code.Error())
	return strings.TrimRight(text, ": \n")
}

// refusedMessage says why a message was refused. Whose queue is full concerns nobody else.
func (c *conn) refusedMessage(code packet.ReasonCode) string {
	switch code {
	case packet.TopicNameInvalid:
		return "not a Topic Name, or deeper or longer than this server takes"
	case packet.QuotaExceeded:
	case packet.ImplementationSpecificError:
		if c.gateway != nil && c.gateway.told {
			return "the message has come back: stations carry it to each other"
		}
		return ""
	default:
		return ""
	}
	err := c.session.Refusal()
	full, ok := errors.AsType[*queue.FullError](err)
	switch {
	case ok && full.Session != 0:
		return "the queue of a receiver is full"
	case ok:
		return "the store is full"
	case errors.Is(err, queue.ErrTooLarge):
		return "the message is too large for the store"
	case errors.Is(err, queue.ErrFull):
		return "too many retained messages"
	}
	return ""
}

// refusedFilters says why filters of a SUBSCRIBE were refused; the first of each kind stands for all.
func refusedFilters(codes []packet.ReasonCode) string {
	for i, code := range codes {
		if why := filterReasons[code]; why != "" {
			return fmt.Sprintf("filter %d: %s", i+1, why)
		}
	}
	return ""
}

var filterReasons = map[packet.ReasonCode]string{
	packet.TopicFilterInvalid: "not a Topic Filter, or deeper or longer than this server takes",
	packet.QuotaExceeded:      "too many subscriptions, or too many retained messages are still to be sent",
}

// redirect refuses a Client because it is to go to another Server (section 4.11).
type redirect struct {
	code      packet.ReasonCode
	reference string
}

func (r *redirect) Error() string { return fmt.Sprintf("%v: %s", r.code, r.reference) }
func (r *redirect) Unwrap() error { return r.code }

// elsewhere tells where Clients of the listener are sent; nil: nowhere, they are served.
func (l *ListenerConfig) elsewhere() error {
	switch {
	case l.MovedTo != "":
		return &redirect{packet.ServerMoved, l.MovedTo}
	case l.UseOther != "":
		return &redirect{packet.UseAnotherServer, l.UseOther}
	}
	return nil
}

// refusal is the CONNACK for a Client that is not let in.
func (c *conn) refusal(code packet.ReasonCode, err error) packet.Connack {
	answer := packet.Connack{ReasonCode: code}
	if to, ok := errors.AsType[*redirect](err); ok {
		answer.Properties = answer.Properties.AppendString(packet.ServerReference, to.reference)
		if c.tooLarge(answer.Size(packet.V5)) {
			answer.Properties = nil
		}
		return answer
	}
	answer.Properties = c.explain(answer.Properties, answer.Size(packet.V5), explanation(err))
	return answer
}

// responseInformation is where the answers for a Client may go (section 3.2.2.3.15); "" when there is no such place.
func (s *Server) responseInformation(clientID, user string) string {
	topic := strings.NewReplacer("%c", clientID, "%u", user).Replace(s.response)
	if strings.ContainsAny(topic, "+#") || len(topic) > 65_535 { // a ClientID may hold anything
		return ""
	}
	return topic
}
