package profiletest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"skerry/broker/packet"
)

// NewAzure makes an Azure IoT Hub with one device. key: nil if that shows a certificate. The rules are those of "Communicate with an IoT
// hub using the MQTT protocol", "Control access to IoT Hub using Shared Access Signatures" and of the quotas.
func NewAzure(hub, device string, key []byte, late time.Duration) *Server {
	return newServer(azure{hub, device, key}, late)
}

type azure struct {
	hub, device string
	key         []byte
}

var userName = regexp.MustCompile(`^([^/]+)/([^/]+)/\?api-version=\d{4}-\d\d-\d\d$`)

func (a azure) connect(c *packet.Connect, now time.Time) (time.Duration, string) {
	user := userName.FindStringSubmatch(string(c.UserName))
	switch {
	case c.Version != packet.V311:
		return 0, "MQTT " + c.Version.String()
	case string(c.ClientID) != a.device:
		return 0, fmt.Sprintf("ClientID %q", c.ClientID)
	case user == nil || user[1] != a.hub || user[2] != a.device:
		return 0, fmt.Sprintf("user name %q", c.UserName)
	case c.KeepAlive == 0 || c.KeepAlive > 1177:
		return 0, fmt.Sprintf("a keep-alive of %d s", c.KeepAlive)
	case c.WillFlag && c.Will.QoS > 1:
		return 0, "a Will with QoS 2"
	}
	if c.WillFlag {
		if _, why := a.bag(string(c.Will.TopicName)); why != "" {
			return 0, why
		}
	}
	if a.key == nil {
		return 0, ""
	}
	return a.token(string(c.Password), now)
}

// token judges a password and gives how long it is good for.
func (a azure) token(password string, now time.Time) (time.Duration, string) {
	text, ok := strings.CutPrefix(password, "SharedAccessSignature ")
	if !ok {
		return 0, "a password that is no token"
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(fields["sr"] + "\n" + fields["se"]))
	signature, err := url.QueryUnescape(fields["sig"])
	end, wrong := strconv.ParseInt(fields["se"], 10, 64)
	resource, bad := url.QueryUnescape(fields["sr"])
	switch {
	case err != nil || wrong != nil || bad != nil:
		return 0, "a token that is not well formed"
	case resource != a.hub+"/devices/"+a.device:
		return 0, fmt.Sprintf("a token for %q", resource)
	case subtle.ConstantTimeCompare([]byte(signature), []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))) == 0:
		return 0, "a token with a wrong signature"
	case end <= now.Unix():
		return 0, "a token of the past"
	}
	return time.Unix(end, 0).Sub(now), ""
}

func (azure) connack(*packet.Connect) packet.Properties { return nil }

// bag reads the properties of an event's topic.
func (a azure) bag(name string) (map[string]string, string) {
	bag, ok := strings.CutPrefix(name, "devices/"+a.device+"/messages/events/")
	if !ok {
		return nil, fmt.Sprintf("topic %q", name)
	}
	all := map[string]string{}
	if bag == "" {
		return all, ""
	}
	for part := range strings.SplitSeq(bag, "&") {
		name, value, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(name)
		text, bad := url.QueryUnescape(value)
		if _, twice := all[key]; err != nil || bad != nil || key == "" || twice || strings.ContainsAny(part, " /?") {
			return nil, fmt.Sprintf("property %q", part)
		}
		all[key] = text
	}
	return all, ""
}

func (a azure) publish(_ *traffic, p *packet.Publish) string {
	switch {
	case p.QoS > 1:
		return "PUBLISH with QoS 2"
	case len(p.TopicName)+len(p.Payload) > 256<<10:
		return fmt.Sprintf("a message of %d bytes", len(p.TopicName)+len(p.Payload))
	}
	_, why := a.bag(string(p.TopicName))
	return why
}

// message: RETAIN is not kept, it becomes a property.
func (a azure) message(p *packet.Publish) Message {
	all, _ := a.bag(string(p.TopicName))
	if p.Retain {
		all["mqtt-retain"] = "true"
	}
	return Message{Topic: all["t"], Properties: all, Payload: string(p.Payload), QoS: p.QoS, Dup: p.Dup}
}

func (a azure) subscribe(had map[string]packet.QoS, p *packet.Subscribe) string {
	known := []string{"devices/" + a.device + "/messages/devicebound/#", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#"}
	for _, s := range p.Subscriptions {
		found := false
		for _, k := range known {
			found = found || string(s.TopicFilter) == k
		}
		if !found {
			return fmt.Sprintf("filter %q", s.TopicFilter)
		}
	}
	if len(had)+len(p.Subscriptions) > 5 {
		return "more than 5 subscriptions"
	}
	return ""
}

func (azure) match(filter, name string) bool {
	return strings.HasPrefix(name, strings.TrimSuffix(filter, "#"))
}

func (azure) expiry() time.Duration { return 0 }
func (azure) queue() int            { return 50 }
