package cost_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/cost"
)

// foretell reckons a configuration.
func foretell(t *testing.T, text string) *cost.Forecast {
	t.Helper()
	return foretellAt(t, text, cost.Machine{})
}

func foretellAt(t *testing.T, text string, at cost.Machine) *cost.Forecast {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skerry.yaml")
	if err := os.WriteFile(path, []byte("gateway: {id: wx-042, site: lake}\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	f, err := cost.New(cfg, "", at)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const air = "sensors: {air: {driver: bme280, every: 10s, values: {temperature: {round: 0.01}}}}\n"

// link is the first of the first uplink.
func link(f *cost.Forecast) *cost.Link { return &f.Uplinks[0].Links[0] }

// near tells whether a figure is what was reckoned by hand, but for a hundredth.
func near(got, want float64) bool { return math.Abs(got-want) <= 0.01*want }

// TestByHand: one value each 10 s over TLS. Payload {"value":12.34,"unit":"°C","time":"2026-01-15T00:00:00.000Z"} of 62 B, a byte or two less where a 0 ends the number or it is
// below 10; 10 B before it; 52 + 22 B around. PUBACK 78 B, its acknowledgement 52 B.
func TestByHand(t *testing.T) {
	f := foretell(t, "broker: {listeners: {}}\n"+air+`uplinks: {cloud: {mqtt: "tls://192.0.2.1", links: [{name: lte, kind: cellular, keep_alive: 5min, price: 2 EUR/MB, budget: {bytes: [1MB/day, 100MB/month]}}]}}`)
	l := link(f)
	s := l.Streams[0]
	if s.Messages.Typical != 8640 || s.Messages.Worst != 8640 || s.Packets != s.Messages {
		t.Errorf("messages %+v in packets %+v", s.Messages, s.Packets)
	}
	if want := 8640 * (61.8 + 10 + 74 + 78 + 52); !near(s.Bytes.Typical, want) {
		t.Errorf("the stream costs %.0f B a day, by hand %.0f B", s.Bytes.Typical, want)
	}
	if want := 8640 * (61.8 + 8 + 2 + 2 + 22 + 74 + 78 + 52); !near(s.Bytes.Worst, want) { // the topic lake/wx-042/air/temperature, of 27 B, in place of an alias
		t.Logf("the stream costs %.0f B a day at worst, by hand %.0f B", s.Bytes.Worst, want)
	}
	if l.Pings.Typical != 0 || l.Connects.Typical != 2 || l.Session != "always" {
		t.Errorf("pings %v, connects %v, %s", l.Pings, l.Connects, l.Session)
	}
	total := s.Bytes.Typical + l.Connecting.Typical
	if !near(l.Total.Typical, total) || !near(l.Cost.Typical, total*cost.Days*2/1e6) || l.Currency != "EUR" || l.Price != "2 EUR/MB" {
		t.Errorf("total %v, cost %v %s at %s", l.Total, l.Cost, l.Currency, l.Price)
	}
	if len(l.Budget) != 2 || !near(l.Budget[0].Used.Typical, total) || !near(l.Budget[1].Used.Typical, cost.Days*total) {
		t.Errorf("budget %+v", l.Budget)
	}
	if v := f.Values[0]; v.Name != "air.temperature" || v.Topic != "lake/wx-042/air/temperature" || v.Streams[0] != "cloud/all" || v.QoS != 1 || !v.Retain {
		t.Errorf("value %+v", v)
	}
}

// TestNotes: what is worth a word before the first byte is spent, and what is not.
func TestNotes(t *testing.T) {
	const few = "sensors: {air: {driver: bme280, every: 6h, values: {temperature: {}}}}\n"
	own := `streams: {all: {match: ["{site}/{gateway}/#"]}}` + "\n"
	lte := func(more string) string {
		return `uplinks: {cloud: {mqtt: "tls://192.0.2.1", links: [{name: lte, kind: cellular` + more + `}]}}`
	}
	for _, c := range []struct {
		name, text string
		want       []string // parts of the notes, one for each
	}{
		{"all is well", own + few + lte(", session: on-demand, keep_alive: 5min"), nil},
		{"over budget", own + air + lte(", keep_alive: 20min, budget: {bytes: 1MB/day}"), []string{"links[0].budget: link lte will use 2.39 MB a day, and may use 1.00 MB", "streams.all.encode: "}},
		{"over budget at worst", own + air + lte(", keep_alive: 20min, budget: {bytes: 2.5MB/day}"), []string{"at worst, and may use 2.50 MB; 2.39 MB is typical", "streams.all.encode: "}},
		{"pass", own + air + lte(", keep_alive: 20min"), []string{"with encode: pack, linger: 5min"}},
		{"pass, and nobody pays", own + air + `uplinks: {cloud: {mqtt: "tls://192.0.2.1"}}`, nil},
		{"keep-alive", own + few + lte(", session: always, keep_alive: 1min"), []string{"links[0].keep_alive: keeping link lte alive costs more than the data: 293 kB a day for pings, 1.20 kB"}},
		{"linger", `streams: {all: {match: ["{site}/{gateway}/#"], encode: pack, linger: 5s}}` + "\n" + air + lte(", keep_alive: 20min"), []string{"streams.all.linger: blocks of stream all hold 1.0 messages: within 5s hardly"}},
		{"others", few + lte(", session: on-demand, keep_alive: 5min"), []string{"streams.all.match: stream all carries what other clients publish, too"}},
		{"others that are told of", `streams: {all: {match: ["#"], expect: {messages: 2/h}}}` + "\n" + few + lte(", session: always, keep_alive: 5min"), []string{"costs more than the data"}},
		{"no other clients", "broker: {listeners: {}}\n" + few + lte(", session: on-demand, keep_alive: 5min"), nil},
		{"readings by satellite", own + "sensors: {air: {driver: bme280, every: 1min}}\n" + `uplinks: {cloud: {mqtt: "tls://192.0.2.1", links: [{name: lan, interface: eth0}, {name: sat, interface: ppp0, kind: certus, price: 6 USD/MB, budget: {bytes: 50kB/day}}]}}`,
			[]string{"links[1].budget: link sat would use, if it were the one in use, 3.60 MB a day, and may use 50.0 kB (classes: [alarm]", "links[1]: connecting over link sat costs more than the data: 3.", "streams.all.encode: "}},
		{"nobody pays for blocks of one", `streams: {all: {match: ["{site}/{gateway}/#"], encode: pack, linger: 5s}}` + "\n" + air + `uplinks: {cloud: {mqtt: "tls://192.0.2.1"}}`, nil},
		{"for others alone", few + `streams: {devices: {match: ["device/#"]}}` + "\n" + lte(", session: on-demand, keep_alive: 5min"), []string{"stream devices carries what other clients publish: that is not known, and not counted (expect: {messages: 60/h, size: 100B} says how much that is)"}},
		{"more than the contract", own + air + `uplinks: {cloud: {mqtt: "tls://192.0.2.1", billing: {step: 4kB, daily: 8000}}}`, []string{"uplinks.cloud: the server counts 8642 messages a day over link default, and 8000 are paid for"}},
		{"connecting", own + "sensors: {air: {driver: bme280, every: 5min, values: {temperature: {}}}}\n" + lte(", session: on-demand, keep_alive: 5min"), []string{"connecting over link lte costs more than the data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := foretell(t, listening(c.text)).Warnings
			if len(got) != len(c.want) {
				t.Fatalf("%d notes, want %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
			for i, want := range c.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("note %d is %s\nwant %s", i, got[i], want)
				}
			}
		})
	}
}

// listening adds a listener, by which others may come in.
func listening(text string) string {
	if strings.HasPrefix(text, "broker:") {
		return text
	}
	return "broker: {listeners: {local: {tcp: \"127.0.0.1:1883\", anonymous: true}}}\n" + text
}

// TestExpect: what a stream is told of other clients counts.
func TestExpect(t *testing.T) {
	const uplink = `uplinks: {cloud: {mqtt: "tcp://192.0.2.1"}}`
	without := link(foretell(t, listening(air+`streams: {all: {match: ["#"]}}`+"\n"+uplink))).Streams[0]
	f := foretell(t, listening(air+`streams: {all: {match: ["#"], expect: {messages: 60/h, size: 100B}}}`+"\n"+uplink))
	with := link(f).Streams[0]
	if n := with.Messages.Typical - without.Messages.Typical; n != 1440 {
		t.Errorf("%v messages more", n)
	}
	if each := (with.Bytes.Typical - without.Bytes.Typical) / 1440; each < 99+10+52+56+52 || each > 100+40+52+56+52 {
		t.Errorf("%v B for each of them", each)
	}
	often := link(foretell(t, listening("sensors: {}\n"+`streams: {all: {match: ["#"], expect: {messages: 1/s}}}`+"\n"+uplink)))
	if often.Pings.Worst != 0 {
		t.Errorf("%v pings a day between messages that come each second", often.Pings)
	}
	if !without.Foreign || without.Expected || !with.Foreign || !with.Expected {
		t.Error("who may publish into the stream is not told")
	}
}

// TestOccasions: alarms, outputs and what Home Assistant is told count too.
func TestOccasions(t *testing.T) {
	f := foretell(t, air+`
alarms: {frost: {when: "air.temperature < 0", clear: "air.temperature > 1"}}
outputs: {heater: {driver: gpio, pin: GPIO27, command: {topic: "{site}/{gateway}/heater/set"}}}
home_assistant: {to: cloud}
streams: {alarms: {class: alarm, match: ["+/+/alarm/#"]}, rest: {match: ["{site}/{gateway}/air/#", "{site}/{gateway}/heater"]}}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1"}}
`)
	l := link(f)
	if n := l.Streams[0].Messages; n.Typical != 2 || n.Worst != 48 {
		t.Errorf("alarms: %+v", n)
	}
	if n := l.Streams[1].Messages; n.Typical != 8650 || n.Worst != 8640+288 {
		t.Errorf("readings and the output: %+v", n)
	}
	if s := l.Streams[2]; s.Name != "(home assistant)" || !near(s.Messages.Typical, 2./cost.Days) || s.Bytes.Worst < 2000 {
		t.Errorf("discovery: %+v", s)
	}
	for _, v := range f.Values {
		if !json.Valid([]byte(v.Example)) {
			t.Errorf("%s: example %s", v.Name, v.Example)
		}
	}
}

// TestPair: of a pair the live stream has all, and the other one nothing.
func TestPair(t *testing.T) {
	l := link(foretell(t, air+`streams: {now: {match: ["{site}/#"]}, then: {class: backfill, match: ["{site}/#"]}}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1"}}`))
	if l.Streams[1].Pair != "now" || l.Streams[1].Bytes.Worst != 0 || l.Streams[0].Messages.Typical != 8640 {
		t.Errorf("%+v", l.Streams)
	}
}

// TestClasses: a link that is for alarms alone has nothing else.
func TestClasses(t *testing.T) {
	foretold := foretell(t, air+`uplinks: {cloud: {mqtt: "tcp://192.0.2.1", links: [{name: lte, interface: wwan0}, {name: sat, interface: ppp0, kind: certus, classes: [alarm], session: on-demand}]}}`)
	l := &foretold.Uplinks[0].Links[1]
	if l.Streams[0].Carried || l.Total.Worst != 0 {
		t.Errorf("%+v", l)
	}
}

// TestSessionsBilled: a session costs what the provider bills at least.
func TestSessionsBilled(t *testing.T) {
	l := link(foretell(t, "sensors: {air: {driver: bme280, every: 6h, values: {temperature: {}}}}\n"+
		`uplinks: {cloud: {mqtt: "tcp://192.0.2.1", links: [{name: sat, kind: certus}]}}`))
	if l.Session != "on-demand" || l.Connects.Typical != 4 || !near(l.Total.Typical, 4*5000) {
		t.Errorf("%s, %v sessions, %v B", l.Session, l.Connects, l.Total)
	}
}

// TestPure: the same configuration costs the same.
func TestPure(t *testing.T) {
	text := air + `uplinks: {cloud: {mqtt: "tcp://192.0.2.1"}}`
	a, b := foretell(t, text), foretell(t, text)
	if x, y := link(a).Total, link(b).Total; x != y {
		t.Errorf("%v and %v", x, y)
	}
}

// example reads one of the configurations of the documents, without the first line and those about the station, which foretell has.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nstorage:")
	return "storage:" + rest
}

// TestLinksExample: the satellite of the example is for alarms, and costs a few dollars a month; nothing else is warned of but alarms without end.
func TestLinksExample(t *testing.T) {
	f := foretell(t, example(t, "links.yaml"))
	sat := &f.Uplinks[0].Links[1]
	if sat.Cost.Typical > 3 || sat.Currency != "USD" || sat.Streams[1].Carried {
		t.Errorf("%v %s a month, readings carried %t", sat.Cost, sat.Currency, sat.Streams[1].Carried)
	}
	for _, w := range f.Warnings {
		if !strings.Contains(w, "link sat can use") || !strings.Contains(w, "at worst") {
			t.Error(w)
		}
	}
	if len(f.Warnings) != 2 {
		t.Errorf("%d warnings", len(f.Warnings))
	}
}

// TestTimeStamps: they are 12 B of each packet, of a lone message of QoS 1 three times; whether the machine has them changes what is reckoned, and not what is said of them.
func TestTimeStamps(t *testing.T) {
	const text = `sensors: {air: {driver: bme280, every: 10s, values: {temperature: {round: 0.01}}}}
alarms: {frost: {when: "air.temperature < 0", clear: "air.temperature > 1"}}
streams: {alarms: {match: ["+/+/alarm/#"], class: alarm, encode: pack}, air: {match: ["+/+/air/#"]}}
uplinks: {cloud: {mqtt: "tls://192.0.2.1", links: [{name: lte, kind: cellular, keep_alive: 5min}]}}`
	with, without := foretell(t, text), foretellAt(t, text, cost.Machine{NoTimeStamps: true})
	a, b := link(with), link(without)
	if want := 12. * 3 * (8640 + 2); a.TimeStamps.Typical < want || a.TimeStamps.Typical > 1.01*want || a.TimeStamps != b.TimeStamps {
		t.Errorf("time stamps are %v, and without them would be %v, want %v B", a.TimeStamps, b.TimeStamps, want)
	}
	if d := a.Total.Typical - b.Total.Typical; !near(d, a.TimeStamps.Typical) {
		t.Errorf("%v B less without them, want %v", d, a.TimeStamps.Typical)
	}
	x, y := a.Streams[0].Alone, b.Streams[0].Alone
	if x == nil || y == nil || *x != *y || x.First-x.BareFirst != 36 || x.Again-x.BareAgain != 36 || x.First-x.Again < 20 {
		t.Errorf("alarms: %+v, %+v", x, y)
	}
	if a.Header != 52 || b.Header != 40 || !a.Paid || with.NoTimeStamps || !without.NoTimeStamps {
		t.Errorf("headers of %d and %d B", a.Header, b.Header)
	}
	if six := link(foretell(t, strings.Replace(text, "192.0.2.1", "[2001:db8::1]", 1))); six.Header != 72 {
		t.Errorf("headers of IPv6 have %d B", six.Header)
	}
}

// TestPrimers: what the server keeps for blocks of one message is reckoned with the stream.
func TestPrimers(t *testing.T) {
	f := foretell(t, "sensors: {air: {driver: bme280, every: 2min}}\n"+`streams: {states: {match: ["#"], class: state, encode: pack}, live: {match: ["#"], encode: pack}}
uplinks: {cloud: {mqtt: "tls://192.0.2.1"}}`)
	states, live := link(f).Streams[0], link(f).Streams[1]
	if n := states.Primers; n.Typical < 1./cost.Days || n.Worst < n.Typical+0.9 {
		t.Errorf("%+v primers a day", n)
	}
	if each := states.Priming.Typical / states.Primers.Typical; each < 300 || each > 600 {
		t.Errorf("a primer of three topics costs %.0f B", each)
	}
	if live.Primers.Worst != 0 || live.Priming.Worst != 0 {
		t.Errorf("class live: %+v primers", live.Primers)
	}
}

// TestFigures: no figure is negative, none is typically above its worst, and values sum up to their stream.
func TestFigures(t *testing.T) {
	f := foretell(t, example(t, "links.yaml"))
	for _, l := range f.Uplinks[0].Links {
		for _, r := range []cost.Range{l.Connects, l.Connecting, l.Pings, l.Pinging, l.Rounding, l.Total, l.Cost, l.TimeStamps} {
			if r.Typical < 0 || r.Worst < r.Typical || math.IsNaN(r.Worst) || math.IsInf(r.Worst, 0) {
				t.Errorf("link %s: %+v", l.Name, r)
			}
		}
		for _, s := range l.Streams {
			var sum cost.Range
			for _, p := range s.Parts {
				sum.Typical, sum.Worst = sum.Typical+p.Bytes.Typical, sum.Worst+p.Bytes.Worst
			}
			if s.Bytes.Typical > 0 && !near(sum.Typical, s.Bytes.Typical) {
				t.Errorf("link %s, stream %s: %+v, and its values %+v", l.Name, s.Name, s.Bytes, sum)
			}
		}
	}
}

// TestSlowBesideFast: a sensor that is read each second, and stays on the site, hides nothing of one that is read each hour.
func TestSlowBesideFast(t *testing.T) {
	l := link(foretell(t, `sensors:
  fast: {driver: bme280, address: 0x76, every: 1s, values: {temperature: {}}}
  slow: {driver: bme280, address: 0x77, every: 1h, values: {temperature: {}}}
streams: {all: {match: ["+/+/slow/#"]}}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1", links: [{name: lte, kind: cellular, session: on-demand}]}}`))
	if l.Connects.Typical != 24 || l.Streams[0].Messages.Typical != 24 {
		t.Errorf("%v connections for %v messages, want 24", l.Connects, l.Streams[0].Messages)
	}
}

// TestLingerOnDemand: sessions begin when messages have gathered for a block.
func TestLingerOnDemand(t *testing.T) {
	l := link(foretell(t, air+`streams: {all: {match: ["#"], encode: pack, linger: 30min}}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1", links: [{name: sat, kind: certus, session: on-demand}]}}`))
	if n := l.Connects.Typical; n < 40 || n > 50 {
		t.Errorf("%v connections a day", n)
	}
}

// TestExtremes: nothing is divided by nothing, and nothing takes long.
func TestExtremes(t *testing.T) {
	for _, text := range []string{
		"",
		"sensors: {air: {driver: bme280, every: 10ms}}\n",
		"sensors: {air: {driver: bme280, every: 31d}}\n",
		"sensors: {air: {driver: bme280, every: 10ms, values: {temperature: {deadband: 1000, round: 1}}}}\n",
		`streams: {all: {match: ["#"], expect: {messages: 1000000/s, size: 256KiB}, encode: pack}}` + "\n",
		`streams: {all: {match: ["#"], expect: {messages: 0.001/h, size: 1B}, encode: json, compress: gzip, linger: 1d, block: 256B}}` + "\n",
		air + `streams: {all: {match: ["#"], reduce: {window: 1s, to: [mean]}}}` + "\n",
		air + `streams: {all: {match: ["#"], reduce: {window: 1d, to: [mean]}, encode: pack}}` + "\n",
		air + `streams: {all: {match: ["#"], encode: pack, linger: 0s}}` + "\n",
		air + `streams: {all: {match: ["none/#"]}}` + "\n",
	} {
		for _, l := range []string{", links: [{name: a, kind: certus}]", ", links: [{name: a, kind: lte-m, keep_alive: 1min..20min, price: 1 EUR/MB}]"} {
			f := foretell(t, text+`uplinks: {cloud: {mqtt: "tls://up.example"`+l+`}}`)
			for _, r := range []cost.Range{link(f).Total, link(f).Streams[0].Bytes, link(f).Streams[0].Packets, link(f).Pinging} {
				if r.Typical < 0 || r.Worst < r.Typical || math.IsNaN(r.Typical) || math.IsInf(r.Worst, 0) {
					t.Errorf("%s%s: %+v", text, l, r)
				}
			}
			if _, err := json.Marshal(f); err != nil {
				t.Errorf("%s%s: %v", text, l, err)
			}
		}
	}
}
