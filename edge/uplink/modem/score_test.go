package modem_test

import (
	"os"
	"strings"
	"testing"

	"skerry/edge/uplink/modem"
)

// TestEdgesOfPoor: poor is RSRP below -115 dBm, SNR below 0 dB, CSQ below 8, or fewer than two bars; RSRQ alone never is.
func TestEdgesOfPoor(t *testing.T) {
	for name, test := range map[string]struct {
		sample modem.Sample
		score  float64
	}{
		"RSRP -115":        {modem.Sample{RSRP: modem.At(-115)}, 25},
		"RSRP -116":        {modem.Sample{RSRP: modem.At(-116)}, 24},
		"SNR 0":            {modem.Sample{SNR: modem.At(0)}, 25},
		"SNR -1":           {modem.Sample{SNR: modem.At(-1)}, 22},
		"CSQ 8":            {modem.Sample{CSQ: modem.At(8)}, 25},
		"CSQ 7":            {modem.Sample{CSQ: modem.At(7)}, 21},
		"2 bars":           {modem.Sample{Bars: modem.At(2)}, 25},
		"1 bar":            {modem.Sample{Bars: modem.At(1)}, 12},
		"RSRQ -40":         {modem.Sample{RSRQ: modem.At(-40)}, 25},
		"the worst counts": {modem.Sample{RSRP: modem.At(-80), SNR: modem.At(-5), CSQ: modem.At(31)}, 12},
		"percent alone":    {modem.Sample{Percent: modem.At(26)}, 25},
		"percent beside":   {modem.Sample{Percent: modem.At(3), RSRP: modem.At(-80)}, 100},
		"beyond all":       {modem.Sample{RSRP: modem.At(1e300)}, 100},
		"below all":        {modem.Sample{RSRP: modem.At(-1e300)}, 0},
	} {
		if got := modem.Score(test.sample); got != modem.At(test.score) {
			t.Errorf("%s: %s, want %v", name, got, test.score)
		}
	}
	if got := modem.Score(modem.Sample{}); got.Known {
		t.Errorf("of nothing: %s", got)
	}
}

// TestTheTableIsDocumented: docs/modem.md has the table that the program goes by.
func TestTheTableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/modem.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), modem.Table()) {
		t.Errorf("docs/modem.md has not this table:\n%s", modem.Table())
	}
	for s := modem.Reconnect; s <= modem.Power; s++ {
		if !strings.Contains(string(text), "| "+s.String()+" |") {
			t.Errorf("docs/modem.md does not have the step %s", s)
		}
	}
}

// TestTheTableIsSafe: whatever the band, alarms go, and a ping is never later than what was learned.
func TestTheTableIsSafe(t *testing.T) {
	for b := modem.Unknown; b <= modem.Good+1; b++ {
		e := modem.EffectsOf(b)
		if e.Held.Has(modem.Alarm) || e.Ping <= 0 || e.Ping > 1 || e.Ack < 1 {
			t.Errorf("%s: %+v", b, e)
		}
	}
	if modem.EffectsOf(modem.Unknown) != modem.EffectsOf(modem.Fair) {
		t.Error("an unknown signal is not treated as a fair one")
	}
	for _, word := range []string{"alarm", "state", "live", "backfill"} {
		if c := modem.ClassOf(word); c.String() != word || !c.Has(c) {
			t.Errorf("%s is %s", word, c)
		}
	}
	if modem.ClassOf("other") != 0 || modem.Classes(0).Has(0) {
		t.Error("a class that is none")
	}
}
