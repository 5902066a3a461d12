package uplink

import (
	"strings"

	"skerry/broker"
	"skerry/edge/config"
)

// verbatimStream is the name of the stream that carries what is to leave without the prefix. No stream of a configuration can have it.
const verbatimStream = "$verbatim"

// Verbatim is what stands before a local topic whose messages an uplink carries to the rest of it, without its prefix: documents for
// a program upstream that looks for them in a place of its own. Only the program itself can publish there, and "#" does not match it.
// See Options.Verbatim.
func Verbatim(uplink string) string { return "$skerry/verbatim/" + uplink + "/" }

func (u *Uplink) newVerbatim() *stream {
	match := []string{Verbatim(u.config.Name) + "#"}
	return &stream{name: verbatimStream, match: match, asks: match, encode: config.EncodePass}
}

// topicOf is the topic upstream of a message of a stream.
func (u *Uplink) topicOf(s *stream, m *broker.Message) string {
	if s.name == verbatimStream {
		return strings.TrimPrefix(m.TopicName, Verbatim(u.config.Name))
	}
	return u.config.Prefix + u.original(m.TopicName)
}

// finishVerbatim has the stream carried on that is needed no more, while it still holds something.
func (u *Uplink) finishVerbatim() error {
	known := u.memory.Streams[verbatimStream]
	if known == nil || len(u.streams) == maxStreams {
		return nil
	}
	for _, s := range u.streams {
		if s.name == verbatimStream {
			return nil
		}
	}
	s := u.newVerbatim()
	s.slot = known.Slot
	session, err := u.connectStream(s, nil)
	if err != nil {
		return err
	}
	defer session.Disconnect(broker.DisconnectOptions{})
	if session.Unfinished() > 0 {
		u.streams = append(u.streams, s)
	}
	return nil
}

// LocalName is where a message that comes under a name upstream goes by a receive map. False: nowhere.
func LocalName(receive config.ReceiveMap, name string) (string, bool) {
	for _, r := range receive {
		if m, err := newMapping(r); err == nil && !m.unpack { // a block goes to many topics
			if local, ok := m.localName(name); ok {
				return local, true
			}
		}
	}
	return "", false
}

// UpstreamName is a name upstream under which a message comes to a local topic by a receive map. False: none is known, as when a wildcard
// has many come to one topic.
func UpstreamName(receive config.ReceiveMap, local string) (string, bool) {
	for _, r := range receive {
		back, err := newMapping(config.Receive{Filter: r.Local, Local: r.Filter})
		if err != nil {
			continue
		}
		name, ok := back.localName(local)
		if !ok {
			continue
		}
		if there, leads := LocalName(receive, name); leads && there == local {
			return name, true
		}
	}
	return "", false
}
