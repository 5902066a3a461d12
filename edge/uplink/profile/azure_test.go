package profile_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/uplink/profile"
)

func TestOutward(t *testing.T) {
	p := packet.Properties(nil).
		AppendString(packet.ContentType, "application/json").AppendBytes(packet.CorrelationData, []byte("17")).
		AppendUserProperty("site", "lake & shore").AppendUserProperty("t", "taken").AppendUserProperty("$x", "theirs")
	got := profile.Of("azure-iot").Names("wx-042").Outward("farm/lake/ä+b", p)
	want := "devices/wx-042/messages/events/t=farm%2Flake%2F%C3%A4%2Bb&$.ct=application%2Fjson&$.cid=17&site=lake%20%26%20shore"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := profile.Of("generic").Names("wx").Outward("a/b", p); got != "a/b" {
		t.Errorf("generic: %s", got)
	}
}

func TestInward(t *testing.T) {
	names := profile.Of("azure-iot").Names("wx-042")
	const to = "devices/wx-042/messages/devicebound/"
	tests := []struct{ name, topic, user, content string }{
		{to + "t=cmd%2Fheater&a=1&b=&c", "cmd/heater", "a=1 b= c= ", ""},
		{to + "?%24.to=%2Fdevices%2Fwx&%24.ct=text%2Fplain&prop=a%20string", "devicebound", "$.to=/devices/wx prop=a string ", "text/plain"},
		{to, "devicebound", "", ""},
		{to + "&&%zz=%&t=x+y", "x+y", "%zz=% ", ""}, // what is not well formed is taken as it stands
		{to + "a=%FF%00", "devicebound", "", ""},    // no text of MQTT
		{"$iothub/methods/POST/x/?$rid=1", "$iothub/methods/POST/x/?$rid=1", "", ""},
	}
	for _, test := range tests {
		topic, p := names.Inward(test.name)
		var user strings.Builder
		for name, value := range p.UserProperties() {
			fmt.Fprintf(&user, "%s=%s ", name, value)
		}
		content, _ := p.ContentType()
		if topic != test.topic || user.String() != test.user || string(content) != test.content {
			t.Errorf("%s: %q, %q, %q", test.name, topic, user.String(), content)
		}
	}
}

func TestUser(t *testing.T) {
	if got := profile.Of("azure-iot").User("hub.azure-devices.net", "wx", "me"); got != "hub.azure-devices.net/wx/?api-version=2021-04-12" {
		t.Error(got)
	}
	if got := profile.Of("aws-iot").User("h", "wx", "me"); got != "me" {
		t.Error(got)
	}
}

// TestToken checks a token as the hub does: its signature over the resource as it stands in the token, a line end and the end.
func TestToken(t *testing.T) {
	key := []byte("swordfish+/=")
	end := time.Unix(1_800_000_000, 0)
	token := profile.Token(key, "hub.azure-devices.net", "wx:042", end)
	fields, ok := strings.CutPrefix(token, "SharedAccessSignature ")
	values, err := url.ParseQuery(fields)
	if !ok || err != nil || values.Get("sr") != "hub.azure-devices.net/devices/wx:042" || values.Get("se") != "1800000000" {
		t.Fatalf("%s: %v", token, err)
	}
	_, raw, _ := strings.Cut(fields, "sr=")
	raw, _, _ = strings.Cut(raw, "&")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(raw + "\n1800000000"))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); values.Get("sig") != want {
		t.Errorf("signature %s, want %s", values.Get("sig"), want)
	}
	if strings.Contains(token, string(key)) {
		t.Error("the key is in the token")
	}
}

func TestParseKey(t *testing.T) {
	if key, err := profile.ParseKey([]byte(" c3dvcmRmaXNo\r\n")); err != nil || string(key) != "swordfish" {
		t.Errorf("%q, %v", key, err)
	}
	for _, text := range []string{"", "\n", "not base64!", "c3dvcmRmaXNo c3dv"} {
		if _, err := profile.ParseKey([]byte(text)); err == nil || text != "" && len(text) > 2 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzInward: whatever the hub sends, what comes out is a name and properties that MQTT allows.
func FuzzInward(f *testing.F) {
	for _, bag := range []string{"t=a%2Fb&$.ct=x&$.cid=y&k=v", "?a&b=&&=", "%", "%00=%FF", "$.ct=a&$.ct=b"} {
		f.Add(bag)
	}
	names := profile.Of("azure-iot").Names("wx")
	f.Fuzz(func(t *testing.T, bag string) {
		if len(bag) > 65_000 {
			return
		}
		_, p := names.Inward("devices/wx/messages/devicebound/" + bag)
		if err := p.Check(packet.PUBLISH); err != nil {
			t.Errorf("%q: %v", bag, err)
		}
	})
}

// FuzzRoundTrip: a topic that leaves as a property can be read back, and the name it leaves under is sound.
func FuzzRoundTrip(f *testing.F) {
	f.Add("a/b", "k", "v")
	f.Add("ä +#&=%$", "$.x", "")
	names := profile.Of("azure-iot").Names("wx")
	f.Fuzz(func(t *testing.T, name, key, value string) {
		if len(name)+len(key)+len(value) > 20_000 || strings.ContainsRune(name, 0) || strings.ToValidUTF8(name, "") != name {
			return
		}
		up := names.Outward(name, packet.Properties(nil).AppendUserProperty(key, value))
		if err := topic.ValidName(up); err != nil {
			t.Errorf("%q: %v", up, err)
		}
		back, _ := names.Inward(strings.Replace(up, "/events/", "/devicebound/", 1))
		if back != name && !(key == "t") {
			t.Errorf("%q came back as %q", name, back)
		}
	})
}
