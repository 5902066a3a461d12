package modem_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
)

// TestRadioLeftOff: a radio that was off when the program was killed is on again with the first poll of the next one; one that is on, and one
// that does not tell, are left alone.
func TestRadioLeftOff(t *testing.T) {
	for name, test := range map[string]struct {
		off   bool
		lacks map[string]bool
		want  bool
	}{
		"off": {off: true, want: true}, "on": {}, "does not tell": {lacks: map[string]bool{"AT+CFUN": true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := modemtest.New(modemtest.Fine())
				m.Fail(modemtest.Faults{Lacks: test.lacks})
				if test.off {
					m.SwitchOff()
				}
				w := watch(t, m, modem.Options{})
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if got := slices.Contains(m.Heard(), "AT+CFUN=1"); got != test.want {
					t.Errorf("switched on: %v", got)
				}
				if s := w.Signal(); s.Registration != modem.Home {
					t.Errorf("%v", s)
				}
			})
		})
	}
}

// TestModemManagerLeftOff: likewise where ModemManager has the modem; once, for somebody may want it off.
func TestModemManagerLeftOff(t *testing.T) {
	_, asked := managePolls(t, "disabled", 3, modem.Options{Every: 10 * time.Millisecond})
	n := 0
	for _, a := range asked {
		if a == "-m any --enable" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it was switched on %d times: %q", n, asked)
	}
}
