package packet_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"skerry/broker/packet"
)

func TestGettersReadWhatWasAppended(t *testing.T) {
	var p packet.Properties
	for id := packet.PropertyID(1); id <= packet.SharedSubscriptionAvailable; id++ {
		switch {
		case id == packet.UserProperty:
			p = p.AppendUserProperty("name", "value")
		case slices.Contains(stringProperties, id):
			p = p.AppendString(id, id.String())
		case id.String() != fmt.Sprintf("property %d", id):
			p = p.AppendNumber(id, 1)
		}
	}
	checkNumbers(t, p)
	checkStrings(t, p)
	checkFlags(t, p, true)
}

var stringProperties = []packet.PropertyID{
	packet.ContentType, packet.ResponseTopic, packet.CorrelationData, packet.AssignedClientIdentifier,
	packet.AuthenticationMethod, packet.AuthenticationData, packet.ResponseInformation,
	packet.ServerReference, packet.ReasonString,
}

func checkNumbers(t *testing.T, p packet.Properties) {
	t.Helper()
	wide := map[string]func() (uint32, bool){
		"Message Expiry Interval": p.MessageExpiryInterval, "Session Expiry Interval": p.SessionExpiryInterval,
		"Will Delay Interval": p.WillDelayInterval, "Subscription Identifier": p.SubscriptionIdentifier,
	}
	for name, get := range wide {
		if got, ok := get(); got != 1 || !ok {
			t.Errorf("%s: got %d, %v", name, got, ok)
		}
	}
	if got, ok := p.ServerKeepAlive(); got != 1 || !ok {
		t.Errorf("Server Keep Alive: got %d, %v", got, ok)
	}
	if got, ok := p.TopicAlias(); got != 1 || !ok {
		t.Errorf("Topic Alias: got %d, %v", got, ok)
	}
	if p.ReceiveMaximum() != 1 || p.TopicAliasMaximum() != 1 || p.MaximumQoS() != 1 || p.MaximumPacketSize() != 1 {
		t.Error("a limit is not 1")
	}
}

func checkStrings(t *testing.T, p packet.Properties) {
	t.Helper()
	for name, get := range map[string]func() ([]byte, bool){
		"Content Type": p.ContentType, "Response Topic": p.ResponseTopic, "Correlation Data": p.CorrelationData,
		"Assigned Client Identifier": p.AssignedClientIdentifier, "Authentication Method": p.AuthenticationMethod,
		"Authentication Data": p.AuthenticationData, "Response Information": p.ResponseInformation,
		"Server Reference": p.ServerReference, "Reason String": p.ReasonString,
	} {
		if got, ok := get(); string(got) != name || !ok {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

func checkFlags(t *testing.T, p packet.Properties, want bool) {
	t.Helper()
	if got, _ := p.PayloadFormatIndicator(); got != want {
		t.Errorf("Payload Format Indicator: got %v", got)
	}
	for name, got := range map[string]bool{
		"Request Problem Information": p.RequestProblemInformation(), "Request Response Information": p.RequestResponseInformation(),
		"Retain Available": p.RetainAvailable(), "Wildcard": p.WildcardSubscriptionAvailable(),
		"Subscription Identifier": p.SubscriptionIdentifierAvailable(), "Shared": p.SharedSubscriptionAvailable(),
	} {
		if got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestAbsentPropertiesHaveTheDefaultsOfTheSpecification(t *testing.T) {
	var p packet.Properties
	if p.ReceiveMaximum() != 65_535 || p.MaximumQoS() != 2 || p.MaximumPacketSize() != 0 || p.TopicAliasMaximum() != 0 {
		t.Error("a limit")
	}
	if !p.RequestProblemInformation() || p.RequestResponseInformation() || !p.RetainAvailable() ||
		!p.WildcardSubscriptionAvailable() || !p.SubscriptionIdentifierAvailable() || !p.SharedSubscriptionAvailable() {
		t.Error("a flag")
	}
	if _, ok := p.SessionExpiryInterval(); ok || p.Has(packet.ContentType) {
		t.Error("found what is not there")
	}
}

// list is a PUBLISH's property list in which order matters.
func list() packet.Properties {
	return packet.Properties(nil).
		AppendUserProperty("b", "2").
		AppendNumber(packet.TopicAlias, 9).
		AppendUserProperty("a", "1").
		AppendNumber(packet.SubscriptionIdentifier, 300).
		AppendBytes(packet.CorrelationData, []byte{0, 1}).
		AppendNumber(packet.SubscriptionIdentifier, 1).
		AppendUserProperty("b", "3")
}

func TestPropertiesKeepTheirOrder(t *testing.T) {
	var users []string
	for name, value := range list().UserProperties() {
		users = append(users, string(name)+"="+string(value))
	}
	if want := []string{"b=2", "a=1", "b=3"}; !slices.Equal(users, want) {
		t.Errorf("got %v, want %v", users, want)
	}
	if ids := slices.Collect(list().SubscriptionIdentifiers()); !slices.Equal(ids, []uint32{300, 1}) {
		t.Errorf("got %v", ids)
	}
	for name := range list().UserProperties() {
		if string(name) != "b" {
			t.Errorf("got %q first", name)
		}
		break
	}
}

func TestWithout(t *testing.T) {
	p := list()
	got := p.Without(packet.TopicAlias, packet.SubscriptionIdentifier)
	want := packet.Properties(nil).
		AppendUserProperty("b", "2").
		AppendUserProperty("a", "1").
		AppendBytes(packet.CorrelationData, []byte{0, 1}).
		AppendUserProperty("b", "3")
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if !bytes.Equal(p, list()) {
		t.Error("the list itself was changed")
	}
	if same := got.Without(packet.TopicAlias); &same[0] != &got[0] {
		t.Error("nothing to take away, and yet a copy")
	}
}

func TestCheckJudgesListsMadeByHand(t *testing.T) {
	if err := list().Check(packet.PUBLISH); err != nil {
		t.Error(err)
	}
	if err := list().Check(packet.CONNECT); !errors.Is(err, packet.MalformedPacket) {
		t.Errorf("in a CONNECT: %v", err)
	}
	will := packet.Properties(nil).AppendNumber(packet.WillDelayInterval, 5)
	if err := will.CheckWill(); err != nil {
		t.Error(err)
	}
	if err := will.Check(packet.PUBLISH); err == nil {
		t.Error("a PUBLISH has no Will Delay Interval")
	}
}

// A list that nobody checked is read as far as it makes sense.
func TestGettersSurviveGarbage(t *testing.T) {
	p := packet.Properties{byte(packet.ContentType), 0, 9, 'x'}
	if p.Has(packet.ContentType) || p.Has(packet.TopicAlias) {
		t.Error("found something in garbage")
	}
	for range p.All() {
		t.Error("found something in garbage")
	}
	if got := p.Without(packet.ContentType); !bytes.Equal(got, p) {
		t.Errorf("got %x", got)
	}
}
