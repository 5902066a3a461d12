package profile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"skerry/broker/packet"
)

const (
	// TopicProperty is the property that holds the original topic, in both directions.
	TopicProperty = "t"
	// Nameless is the topic of a message from the hub that has no such property.
	Nameless = "devicebound"

	apiVersion  = "2021-04-12"
	contentType = "$.ct"
	correlation = "$.cid"
)

// Names are the topics of a server that has topics of its own. The zero Names are none: topics go as they are.
type Names struct{ device string }

// Names gives those of a device, by its ClientID.
func (p *Profile) Names(clientID string) Names {
	if !p.OwnNames {
		return Names{}
	}
	return Names{clientID}
}

// Given tells whether the server has names of its own.
func (n Names) Given() bool { return n.device != "" }

// Outward is the Topic Name under which a message of a topic goes up, with what its 5.0 properties say of it. A bag has each name once: of User Properties
// of one name, which MQTT allows, the first is in it.
func (n Names) Outward(topic string, p packet.Properties) string {
	if !n.Given() {
		return topic
	}
	all := []property{{TopicProperty, topic}}
	if text, ok := p.ContentType(); ok {
		all = append(all, property{contentType, string(text)})
	}
	if data, ok := p.CorrelationData(); ok && utf8.Valid(data) {
		all = append(all, property{correlation, string(data)})
	}
	for name, value := range p.UserProperties() {
		has := slices.ContainsFunc(all, func(o property) bool { return o.name == string(name) })
		if len(name) > 0 && name[0] != '$' && !has {
			all = append(all, property{string(name), string(value)})
		}
	}
	return string(appendBag([]byte("devices/"+n.device+"/messages/events/"), all))
}

// Inward gives the topic and the properties of a message of the server that came under name.
func (n Names) Inward(name string) (topic string, p packet.Properties) {
	if !n.Given() {
		return name, nil
	}
	bag, ours := strings.CutPrefix(name, n.inbound())
	if !ours {
		return name, nil
	}
	topic = Nameless
	for _, one := range parseBag(bag) {
		if !utf8.ValidString(one.name+one.value) || strings.ContainsRune(one.name+one.value, 0) {
			continue // no text of MQTT
		}
		switch one.name {
		case TopicProperty:
			topic = one.value
		case contentType:
			p = p.Without(packet.ContentType).AppendString(packet.ContentType, one.value)
		case correlation:
			p = p.Without(packet.CorrelationData).AppendBytes(packet.CorrelationData, []byte(one.value))
		default:
			p = p.AppendUserProperty(one.name, one.value)
		}
	}
	return topic, p
}

// Filter is the one to subscribe to.
func (n Names) Filter() string { return n.inbound() + "#" }

func (n Names) inbound() string { return "devices/" + n.device + "/messages/devicebound/" }

// User is the user name for a device at a hub, and what was configured at other servers.
func (p *Profile) User(host, clientID, configured string) string {
	if !p.FixedUser {
		return configured
	}
	return host + "/" + clientID + "/?api-version=" + apiVersion
}
