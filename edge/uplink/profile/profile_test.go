package profile_test

import (
	"strings"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge/uplink/profile"
)

func TestOf(t *testing.T) {
	if got := profile.Of("no such").Name; got != "generic" {
		t.Errorf("an unknown profile is %s", got)
	}
	for _, name := range profile.All() {
		p := profile.Of(name)
		if p.Name != name || len(p.Versions) == 0 || p.MaximumQoS < 1 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestTopicFault(t *testing.T) {
	tests := []struct {
		profile, topic string
		fault          string // part of it; "": none
	}{
		{"generic", strings.Repeat("a/", 200) + "b.c d", ""},
		{"generic", strings.Repeat("a/", 201) + "b", "201 slashes; generic takes 200"},
		{"mosquitto", strings.Repeat("a/", 201) + "b", "takes 200"},
		{"aws-iot", "1/2/3/4/5/6/7/8", ""},
		{"aws-iot", "1/2/3/4/5/6/7/8/9", "8 slashes; aws-iot takes 7"},
		{"aws-iot", strings.Repeat("a", 256), ""},
		{"aws-iot", strings.Repeat("a", 257), "257 bytes; aws-iot takes 256"},
		{"azure-iot", strings.Repeat("a/", 300), ""}, // it becomes a property
		{"emqx", strings.Repeat("a/", 128), "takes 127"},
		{"nats", "a/b", ""},
		{"nats", "a.b", "'.' in a topic"},
		{"nats", "a b", "' ' in a topic"},
		{"activemq", "a.b", ""},
		{"activemq", "a>b", "'>' in a topic"},
	}
	for _, test := range tests {
		f := profile.Of(test.profile).TopicFault(test.topic)
		if (f == nil) != (test.fault == "") || f != nil && !strings.Contains(f.Error(), test.fault) {
			t.Errorf("%s %.20q: %v, want %q", test.profile, test.topic, f, test.fault)
		}
	}
}

func TestClientIDFault(t *testing.T) {
	tests := []struct{ profile, id, fault string }{
		{"generic", "ä" + strings.Repeat("x", 300), ""},
		{"aws-iot", strings.Repeat("x", 128), ""},
		{"aws-iot", strings.Repeat("x", 129), "takes 128"},
		{"azure-iot", "wx-042:a.b@c", ""},
		{"azure-iot", "wx 042", "takes no ' '"},
		{"azure-iot", "wx/042", "takes no '/'"},
		{"azure-iot", "wx+042", "stands in topics"},
		{"azure-iot", "wä", "takes no 'ä'"},
	}
	for _, test := range tests {
		f := profile.Of(test.profile).ClientIDFault(test.id)
		if (f == nil) != (test.fault == "") || f != nil && !strings.Contains(f.Error(), test.fault) {
			t.Errorf("%s %.20q: %v, want %q", test.profile, test.id, f, test.fault)
		}
	}
}

func TestClamp(t *testing.T) {
	tests := []struct {
		profile   string
		from, got time.Duration
	}{
		{"aws-iot", 5 * time.Second, 30 * time.Second}, {"aws-iot", time.Minute, time.Minute}, {"aws-iot", time.Hour, 20 * time.Minute},
		{"azure-iot", time.Hour, 1177 * time.Second}, {"generic", 24 * time.Hour, 65535 * time.Second},
	}
	for _, test := range tests {
		if got := profile.Of(test.profile).Clamp(test.from); got != test.got {
			t.Errorf("%s: %v becomes %v, want %v", test.profile, test.from, got, test.got)
		}
	}
}

func TestFits(t *testing.T) {
	aws, azure := profile.Of("aws-iot"), profile.Of("azure-iot")
	if !aws.Fits("long topic", 128<<10) || aws.Fits("", 128<<10+1) {
		t.Error("aws-iot takes 128 KiB of payload")
	}
	if !azure.Fits("0123456789", 256_000-10) || azure.Fits("0123456789", 256_000) {
		t.Error("azure-iot counts the properties too")
	}
}

func TestVersions(t *testing.T) {
	for name, want := range map[string]packet.Version{"aws-iot": packet.V5, "azure-iot": packet.V311, "nats": packet.V311, "activemq": packet.V311} {
		if got := profile.Of(name).Versions[0]; got != want {
			t.Errorf("%s is first spoken to in %v, want %v", name, got, want)
		}
	}
}

// TestPace: in no second more leaves than the server takes, and no less than three quarters of it, whatever the messages are.
func TestPace(t *testing.T) {
	p := profile.Of("aws-iot")
	for _, size := range []int{50, 2_000, 20_000, 128 << 10} {
		pace, start := p.Pace(), time.Unix(1e9, 0)
		var sent []time.Duration
		for at := time.Duration(0); at < 30*time.Second; {
			if wait := pace.Wait(start.Add(at)); wait > 0 {
				at += wait
				continue
			}
			pace.Sent(start.Add(at), size)
			sent = append(sent, at)
		}
		first := 0
		for i, at := range sent {
			for sent[first] <= at-time.Second {
				first++
			}
			if n := i - first + 1; n > 100 || n > 1 && n*size > 512_000 {
				t.Fatalf("%d messages of %d bytes in the second before %v", n, size, at)
			}
		}
		if n := float64(len(sent)) / 30; n < 75 && n*float64(size) < 0.6*512_000 {
			t.Errorf("%.0f messages of %d bytes per second", n, size)
		}
	}
}

func TestNoPace(t *testing.T) {
	pace := profile.Of("generic").Pace()
	for range 10_000 {
		pace.Sent(time.Unix(1e9, 0), 1<<20)
	}
	if wait := pace.Wait(time.Unix(1e9, 0)); wait != 0 {
		t.Errorf("generic waits %v", wait)
	}
}

// TestMetering: what is billed by message has steps, which blocks are made for; a price has a currency, and a quota no price.
func TestMetering(t *testing.T) {
	metered := 0
	for _, name := range profile.All() {
		p := profile.Of(name)
		m := p.Metering
		if m.Step != p.BillingStep || (m.Messages > 0) != (m.Currency != "") || m.Messages > 0 && m.Daily > 0 {
			t.Errorf("%s: %+v, blocks for %d B", name, m, p.BillingStep)
		}
		if m.Step > 0 {
			metered++
		} else if m != (profile.Metering{}) {
			t.Errorf("%s: %+v without a step", name, m)
		}
	}
	if metered != 2 {
		t.Errorf("%d servers bill by message", metered)
	}
}
