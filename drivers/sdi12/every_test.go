package sdi12_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/sdi12"
)

// answers counts those of a measurement in three pieces, with what follows when something goes wrong.
const answers = 9

// fault does something to the n-th answer of a device. A line keeps its order; only "old" does not.
type fault struct {
	what string
	at   int // the answer
	old  int // the earlier answer that comes before it once more
}

var faultsInOrder = []string{"lost", "twice", "late", "again late", "torn", "other address", "aborted", "request before"}

// failing is a device whose answers have faults.
type failing struct {
	bus    *sim.SDI12
	faults []fault
	armed  bool
	n      int      // answers since it was armed
	past   []string // all answers
	carry  string   // what comes before the next answer
}

func (d *failing) answer(written string) string {
	var text string
	d.bus.Hear([]byte(written), func(_ time.Duration, s string) { text += s })
	if text == "" {
		return ""
	}
	out := d.carry
	d.carry = ""
	said := text
	for _, f := range d.faults {
		if d.armed && f.at == d.n {
			said = d.spoil(f, text)
		}
	}
	d.past = append(d.past, text)
	if d.armed {
		d.n++
	}
	return out + said
}

func (d *failing) spoil(f fault, text string) string {
	switch f.what {
	case "lost":
		return ""
	case "twice":
		return text + text
	case "late":
		d.carry = text
		return ""
	case "again late":
		d.carry = text
		return text
	case "torn":
		return text[:len(text)/2]
	case "other address":
		return "z" + text[1:]
	case "aborted":
		return text[:1] + "\r\n"
	case "request before":
		return text[:1] + "\r\n" + text
	case "old":
		return d.past[max(0, len(d.past)-1-f.old)] + text
	}
	return text
}

var together = flag.Int("sdi12.faults", 2, "how many faults TestEveryFaultAndEveryTwo has in a measurement at most")

// Every fault at every answer of a measurement, and every two of them: no value under a wrong name, and none of an earlier measurement.
func TestEveryFaultAndEveryTwo(t *testing.T) {
	for _, how := range []struct{ measure, crc string }{{"M", "off"}, {"C", "on"}, {"R0", "off"}} {
		t.Run(how.measure, func(t *testing.T) {
			runs, values := 0, 0
			try := func(faults ...fault) {
				runs++
				values += withFaults(t, how.measure, how.crc, faults...)
			}
			for at := range answers {
				for old := range 8 {
					try(fault{"old", at, old})
				}
			}
			combine(*together, nil, try)
			t.Logf("%d runs, %d values", runs, values)
			if values < runs {
				t.Errorf("%d values in %d runs", values, runs)
			}
		})
	}
}

// combine tries all faults that keep the order, up to n of them, each at a later answer than the one before.
func combine(n int, before []fault, try func(...fault)) {
	from := 0
	if len(before) > 0 {
		from = before[len(before)-1].at + 1
		try(before...)
	}
	for at := from; at < answers && n > 0; at++ {
		for _, what := range faultsInOrder {
			combine(n-1, append(slices.Clip(before), fault{what: what, at: at}), try)
		}
	}
}

// withFaults measures three times, in the second of which the faults are, and gives the number of values.
func withFaults(t *testing.T, measure, crc string, faults ...fault) (values int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sensor, count := telling(0, 6)
		sensor.Identity = "13SKERRY  TELL0 100"
		d := &failing{bus: &sim.SDI12{Sensors: map[byte]*sim.SDI12Sensor{'0': sensor}}, faults: faults}
		s := toldApart(0, measure, crc, 20*time.Millisecond)
		s.Values["6"] = &sdi12.ValueOpts{Index: 6}
		x, err := sdi12.Kind.New(t.Context(), answering(d.answer), s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		for i := range 3 {
			if i == 1 {
				d.armed = true
			}
			before := count.Load()
			ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
			readings, _ := x.Sense(ctx, nil)
			cancel()
			for _, r := range readings {
				values++
				if place, n := math.Floor(r.Number), int64(math.Round(r.Number*10000))%10000; r.Value != fmt.Sprint(place) || n <= before {
					t.Errorf("%+v: %s is %v; the last measurement before was number %d", faults, r.Value, r.Number, before)
				}
			}
		}
	})
	return values
}
