package output_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/config"
	"skerry/edge/output"
)

func TestCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		s.expect("at the start", "0 heater off start")
		s.until(10)
		s.command("heater", "on")
		s.expect("on", "10 heater on command")
		s.command("heater", `{"value": "off", "id": 17}`)
		s.expect("off, with an id", "10 heater off command id=17")
		s.command("heater", "true")
		s.command("heater", ` "OFF" `)
		s.expect("other spellings", "10 heater on command; 10 heater off command")
		if got := d.took(); got != "0 take 0, 0 set 0, 10 set 1, 10 set 0, 10 set 1, 10 set 0" {
			t.Errorf("the device: %s", got)
		}
		s.until(20)
		s.command("heater", "on")
		s.stop()
		s.expect("and the end", "20 heater on command; 20 heater off stop")
		if got := d.took(); got != "20 set 1, 20 set 0, halt" {
			t.Errorf("the device: %s", got)
		}
	})
}

// TestRepeated: what is repeated is confirmed, and the device is left alone.
func TestRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		s.command("heater", "on")
		s.take()
		d.took()
		for range 3 {
			s.command("heater", `{"value": "on", "id": "a"}`)
		}
		s.expect("three times", "0 heater on command id=a; 0 heater on command id=a; 0 heater on command id=a")
		if got := d.took(); got != "" {
			t.Errorf("the device: %s", got)
		}
	})
}

func TestRefused(t *testing.T) {
	tests := []struct{ payload, want string }{
		{"", "0 heater off start refused=/malformed"},
		{"hot", "0 heater off start refused=hot/malformed"},
		{"2", "0 heater off start refused=2/malformed"},
		{`{"value": "on", "tiem": 3}`, "0 heater off start refused=/malformed"},
		{`{"value": "on", "tiem": 3, "id": "x"}`, "0 heater off start refused=/malformed refused_id=x"},
		{`{"value": "on"`, "0 heater off start refused=/malformed"},
		{`{"value": "on", "time": "yesterday", "id": "x"}`, "0 heater off start refused=/malformed refused_id=x"},
		{`{"id": "x"}`, "0 heater off start refused=/malformed refused_id=x"},
		{`{"value": "on"} {"value": "off"}`, "0 heater off start refused=/malformed"},
		{`{"value": "on"}}`, "0 heater off start refused=/malformed"},
		{strings.Repeat("on", 1000), "0 heater off start refused=/malformed"},
		{strings.Repeat("x", 100), "0 heater off start refused=" + strings.Repeat("x", 64) + "/malformed"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s, d := newStation(t), &device{}
			s.run(relay("heater", d))
			defer s.stop()
			s.take()
			d.took()
			s.command("heater", test.payload)
			s.expect(fmt.Sprintf("%.40q", test.payload), test.want)
			if got := d.took(); got != "" {
				t.Errorf("the device: %s", got)
			}
		})
	}
}

// TestRefusedInTheLog: what somebody sent stands in the state, and not in the log.
func TestRefusedInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		s.command("heater", "hunter2")
		s.mu.Lock()
		defer s.mu.Unlock()
		if log := s.log.String(); strings.Contains(log, "hunter2") || !strings.Contains(log, "why=malformed") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// TestInTimeAndLate: a command says when it was given, or its Message Expiry Interval bounds it, or it counts from its arrival.
func TestInTimeAndLate(t *testing.T) {
	stamp := func(ago time.Duration) string {
		return fmt.Sprintf(`{"value": "on", "time": %q}`, time.Now().Add(-ago).Format(time.RFC3339))
	}
	tests := []struct {
		name    string
		message func() output.Message
		change  func(s *station, o *config.Output)
		want    string
	}{
		{"in time", func() output.Message { return output.Message{Payload: []byte(stamp(4 * time.Minute))} }, nil, "on command"},
		{"seconds since 1970", func() output.Message {
			return output.Message{Payload: fmt.Appendf(nil, `{"value": "on", "time": %d}`, time.Now().Unix())}
		}, nil, "on command"},
		{"late", func() output.Message { return output.Message{Payload: []byte(stamp(5 * time.Minute))} }, nil, "refused=on/late"},
		{"a little ahead", func() output.Message { return output.Message{Payload: []byte(stamp(-50 * time.Second))} }, nil, "on command"},
		{"from the future", func() output.Message { return output.Message{Payload: []byte(stamp(-2 * time.Minute))} }, nil, "refused=on/undated"},
		{"date not known", func() output.Message { return output.Message{Payload: []byte(stamp(0))} },
			func(s *station, _ *config.Output) { s.dated = false }, "refused=on/undated quality=clock-unset"},
		{"date not known, and none said", func() output.Message { return output.Message{Payload: []byte("on")} },
			func(s *station, _ *config.Output) { s.dated = false }, "on command quality=clock-unset"},
		{"no time where one is required", func() output.Message { return output.Message{Payload: []byte("on")} },
			func(_ *station, o *config.Output) { o.Command.Time = config.TimeRequired }, "refused=on/undated"},
		{"retained", func() output.Message { return output.Message{Payload: []byte("on"), Retained: true} }, nil, "refused=on/retained"},
		{"retained, and in time", func() output.Message { return output.Message{Payload: []byte(stamp(time.Second)), Retained: true} }, nil, "on command"},
		{"retained, and late", func() output.Message { return output.Message{Payload: []byte(stamp(time.Hour)), Retained: true} }, nil, "refused=on/late"},
		{"expired on its way", func() output.Message { return output.Message{Payload: []byte("on"), Expires: true} }, nil, "refused=on/late"},
		{"about to expire", func() output.Message { return output.Message{Payload: []byte("on"), Expires: true, Left: time.Second} }, nil, "on command"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, d := newStation(t), &device{}
				o := relay("heater", d)
				if test.change != nil {
					test.change(s, &o)
				}
				s.run(o)
				defer s.stop()
				s.take()
				m := test.message()
				m.Topic, m.Arrived = "heater/set", time.Now()
				s.panel.Take(t.Context(), m)
				if got := s.take(); !strings.HasSuffix(got, test.want) {
					t.Errorf("published %s, want %s", got, test.want)
				}
			})
		})
	}
}

// TestOrderOfTimes: a command that was given before one that was carried out comes too late, whatever its age.
func TestOrderOfTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		at := func(second int, value string) string {
			return fmt.Sprintf(`{"value": %q, "time": "1999-12-31T23:59:%02dZ"}`, value, second)
		}
		s.command("heater", at(20, "on"))
		s.command("heater", at(30, "off"))
		s.take()
		s.command("heater", at(20, "on"))
		s.expect("delivered twice", "0 heater off command refused=on/overtaken")
		s.command("heater", at(30, "off"))
		s.expect("the last one twice", "0 heater off command")
	})
}

// TestLocalIsGivenNow: a message that was given before somebody set the output by hand comes too late.
func TestLocalIsGivenNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		s.until(20)
		if _, err := s.panel.Set(t.Context(), "heater", "off"); err != nil {
			t.Error(err)
		}
		s.take()
		s.command("heater", `{"value": "on", "time": "2000-01-01T00:00:10Z"}`)
		s.expect("held up on its way", "20 heater off local refused=on/overtaken")
		s.until(30)
		s.command("heater", `{"value": "on", "time": "2000-01-01T00:00:25Z"}`)
		s.expect("given later", "30 heater on command")
	})
}

// TestLocalWithoutADate: a station that does not know the date does not compare the times of others with its own.
func TestLocalWithoutADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.dated, s.off = false, 24*time.Hour
		s.run(relay("heater", d))
		defer s.stop()
		if _, err := s.panel.Set(t.Context(), "heater", "off"); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.dated, s.off = true, 0
		s.mu.Unlock()
		s.take()
		s.until(10)
		s.command("heater", `{"value": "on", "time": "2000-01-01T00:00:05Z"}`)
		s.expect("with a date", "10 heater on command")
	})
}

func TestMinimumTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("pump", d, func(o *config.Output) { o.MinOn, o.MinOff = time.Minute, 2*time.Minute }))
		s.take()
		s.until(30)
		s.command("pump", `{"value": "on", "id": 1}`)
		s.expect("too early after the start", "30 pump off start wanted=on waits=min_off")
		s.until(200)
		s.expect("when its time has come", "120 pump on command id=1")
		s.command("pump", "off") // 80 s after
		s.expect("off", "200 pump off command")
		s.command("pump", "on")
		s.until(210)
		s.command("pump", "off")
		s.expect("a change of mind", "200 pump off command wanted=on waits=min_off; 210 pump off command")
		s.until(1000)
		s.expect("afterwards", "")
		s.command("pump", "on")
		s.command("pump", "off")
		s.expect("not so soon", "1000 pump on command; 1000 pump on command wanted=off waits=min_on")
		s.until(1030)
		s.stop()
		s.expect("the end does not wait", "1030 pump on command refused=off/ending; 1030 pump off stop")
	})
}

// TestStopInTheMiddle: a call that the end cuts off is no failure, and the output is left as it is configured.
func TestStopInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		s.take()
		d.change(func() { d.slow = 5 * time.Second })
		s.command("heater", "on")
		s.until(1)
		d.change(func() { d.slow = 0 })
		s.stop()
		s.expect("the end", "1 heater off stop")
		if log := s.log.String(); strings.Contains(log, "WARN") || strings.Contains(log, "ERROR") {
			t.Errorf("log:\n%s", log)
		}
		if got := d.took(); got != "0 take 0, 0 set 0, 0 set 1, 1 set 0, halt" {
			t.Errorf("the device: %s", got)
		}
	})
}

// TestExpiresWhileItWaits: a command that has to wait is not carried out after its time.
func TestExpiresWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("pump", d, func(o *config.Output) { o.MinOff = 4 * time.Minute }))
		defer s.stop()
		s.take()
		s.panel.Take(t.Context(), output.Message{Topic: "pump/set", Payload: []byte("on"), Arrived: time.Now(), Expires: true, Left: time.Minute})
		s.expect("waiting", "0 pump off start wanted=on waits=min_off")
		s.until(1000)
		s.expect("its time is over", "60 pump off start refused=on/late")
		if got := d.took(); strings.Contains(got, "set 1") {
			t.Errorf("the device: %s", got)
		}
	})
}

func TestInterlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, down := newStation(t), &device{}, &device{}
		s.run(relay("up", up, func(o *config.Output) { o.Interlock = &config.Interlock{With: "down", Gap: 2 * time.Second} }), relay("down", down))
		defer s.stop()
		s.take()
		s.until(1)
		s.command("up", "on")
		s.expect("the gap counts from the start", "1 up off start wanted=on waits=interlock: the gap after down")
		s.until(5)
		s.expect("after it", "2 up on command")
		s.command("down", "on")
		s.expect("while the other is on", "5 down off start refused=on/interlock")
		s.command("up", "off")
		s.command("down", "on")
		s.command("up", "on")
		s.expect("the first one has it", "5 up off command; 5 down off start wanted=on waits=interlock: the gap after up; 5 up off command refused=on/interlock")
		s.until(60)
		s.expect("after the gap", "7 down on command")
	})
}

// TestInterlockOfASickDevice: an output whose value nobody knows counts as on.
func TestInterlockOfASickDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, down := newStation(t), &device{}, &device{}
		s.run(relay("up", up, func(o *config.Output) { o.Interlock = &config.Interlock{With: "down"} }), relay("down", down))
		defer s.stop()
		down.change(func() { down.err = errDead })
		s.command("down", "on")
		s.take()
		s.command("up", "on")
		s.expect("down may be on", "0 up off start refused=on/interlock")
		down.change(func() { down.err = nil })
		s.until(2)
		s.expect("it is", "1 down on command")
		s.command("down", "off")
		s.command("up", "on")
		s.expect("and off", "2 down off command; 2 up on command")
		// A device that goes on by itself beside its partner is set off at once.
		down.change(func() { down.value = 1 })
		s.until(40)
		s.expect("by itself", "32 down on device; 32 down off restored")
	})
}

func TestInitialWithInterlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, down := newStation(t), &device{}, &device{}
		down.slow = 3 * time.Second
		s.run(relay("up", up, func(o *config.Output) {
			o.Interlock, o.Initial = &config.Interlock{With: "down", Gap: time.Second}, setting("on")
		}), relay("down", down))
		defer s.stop()
		s.until(100)
		s.expect("on when the other is off for certain", "0 up off start; 0 up off start wanted=on waits=interlock: down is not off; 6 down off start; "+
			"6 up off start wanted=on waits=interlock: the gap after down; 7 up on start")
	})
}

func TestUplinkLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d, func(o *config.Output) {
			o.OnUplinkLoss = &config.UplinkLoss{After: 30 * time.Minute, Set: setting("off")}
		}))
		defer s.stop()
		link := func(online bool) {
			s.mu.Lock()
			s.online = online
			s.mu.Unlock()
			s.panel.Look()
			synctest.Wait()
		}
		s.command("heater", "on")
		s.take()
		s.until(100)
		link(false)
		s.until(1000)
		link(true)
		s.until(1001)
		link(false)
		s.until(2800)
		s.expect("not lost for long enough", "")
		s.until(3000)
		s.expect("lost", "2801 heater off uplink_loss")
		s.command("heater", "on")
		s.until(20000)
		s.expect("a command in the dark counts", "3000 heater on command")
		link(true)
		link(false)
		s.until(30000)
		s.expect("and the next outage", "21800 heater off uplink_loss")
	})
}

// TestLossOvertakesWhatWaits: what waits to go on is refused when the uplink is lost.
func TestLossOvertakesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.online = false
		s.run(relay("heater", d, func(o *config.Output) {
			o.MinOff, o.OnUplinkLoss = 4*time.Minute, &config.UplinkLoss{After: time.Minute, Set: setting("off")}
		}))
		defer s.stop()
		s.command("heater", "on")
		s.take()
		s.until(600)
		s.expect("lost since the start", "60 heater off start refused=on/overtaken; 60 heater off uplink_loss")
	})
}

// TestFailure: a device that fails is tried again less and less often, until the command is too old; then it is given its target.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		s.take()
		d.took()
		d.change(func() { d.err = errDead })
		s.command("heater", "on")
		s.expect("at first", "0 heater off start wanted=on waits=the device quality=stale")
		s.until(299)
		if got := d.took(); got != "0 set 1, 1 set 1, 3 set 1, 7 set 1, 15 set 1, 31 set 1, 63 set 1, 123 set 1, 183 set 1, 243 set 1" {
			t.Errorf("attempts: %s", got)
		}
		s.expect("meanwhile", "")
		s.until(310)
		s.expect("given up", "300 heater off start refused=on/failed quality=stale")
		d.change(func() { d.value, d.err = 1, nil }) // it had heard us after all
		s.until(400)
		s.expect("back", "363 heater off restored")
		if got := d.took(); !strings.HasSuffix(got, "363 set 0") {
			t.Errorf("the device: %s", got)
		}
		if log := s.log.String(); strings.Count(log, "output fails") != 1 || strings.Count(log, "answers again") != 1 {
			t.Errorf("log:\n%s", log)
		}
	})
}

// TestNotThereAtTheStart: an expander that is plugged in later.
func TestNotThereAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{err: errDead}
		s.run(relay("heater", d, func(o *config.Output) { o.Initial = setting("on") }))
		defer s.stop()
		s.expect("without it", "0 heater <nil>  wanted=on waits=the device quality=bad")
		s.until(60)
		d.change(func() { d.err = nil })
		s.until(70)
		s.expect("with it", "63 heater on start")
	})
}

// TestCommandToASickDevice: whoever commands one that fails already is told so, and has it tried soon, but not all the time.
func TestCommandToASickDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		d.change(func() { d.err = errDead })
		s.until(1000)
		s.command("heater", "on")
		s.take()
		d.took()
		for range 100 {
			s.until(time.Since(s.start).Seconds() + 1)
			s.command("heater", "on")
		}
		if n := strings.Count(d.took(), "set 1"); n < 10 || n > 21 {
			t.Errorf("%d attempts in 100 s", n)
		}
		if got := s.take(); !strings.HasSuffix(got, "heater off start wanted=on waits=the device quality=stale") {
			t.Errorf("the state: %s", got)
		}
	})
}

// TestOneHangsOthersGoOn: a call that never comes back holds up its output alone, and not the end.
func TestOneHangsOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sick, well := newStation(t), &device{}, &device{}
		s.run(relay("sick", sick), relay("well", well))
		s.take()
		hang := make(chan struct{})
		sick.change(func() { sick.hang = hang })
		s.command("sick", "on")
		s.command("well", "on")
		s.expect("the other one", "0 well on command")
		s.until(20)
		s.expect("it is said", "12 sick off start wanted=on quality=stale")
		sick.change(func() { sick.hang = nil })
		close(hang)
		s.expect("when it comes back", "20 sick on command")
		again := make(chan struct{})
		sick.change(func() { sick.hang = again })
		s.command("sick", "off")
		before := time.Now()
		s.stop()
		if took := time.Since(before); took > 3*time.Second {
			t.Errorf("the end took %v", took)
		}
		s.expect("at the end", "20.3 well off stop")
		if !strings.Contains(s.log.String(), "left behind") {
			t.Error("nothing was said of it")
		}
		close(again)
	})
}

func TestPanicOfADriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{panics: true}
		s.run(relay("heater", d))
		defer s.stop()
		s.expect("at the start", "0 heater <nil>  wanted=off waits=the device quality=bad")
		d.change(func() { d.panics = false })
		s.until(2)
		s.expect("later", "1 heater off start")
	})
}

// TestChangedByItself: a device that lost its value, as when its power was cut, is set again; min_off counts from then.
func TestChangedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d, func(o *config.Output) { o.MinOff = time.Minute }))
		defer s.stop()
		s.until(100)
		s.command("heater", "on")
		s.take()
		d.change(func() { d.value = 0 })
		s.until(1000)
		s.expect("set again", "130 heater off device; 130 heater off device wanted=on waits=min_off; 190 heater on restored")
	})
}

// TestRepeatedWhenItHasChanged: a command for what the output had is no way round min_off when the device has lost it.
func TestRepeatedWhenItHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("pump", d, func(o *config.Output) { o.MinOff = time.Minute }))
		defer s.stop()
		s.until(100)
		s.command("pump", "on")
		s.take()
		d.change(func() { d.value = 0 })
		s.until(110)
		s.command("pump", "on")
		s.until(300)
		s.expect("after min_off", "110 pump off device wanted=on; 110 pump off device wanted=on waits=min_off; 170 pump on command")
	})
}

// TestFailureOfOneThatIsOn: of a line nobody knows when it went off; a device that keeps its value is asked.
func TestFailureOfOneThatIsOn(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, d := newStation(t), &device{}
			s.run(relay("pump", d, func(o *config.Output) { o.MinOff, o.Doc.Keeps = time.Minute, keeps }))
			defer s.stop()
			s.until(100)
			s.command("pump", "on")
			s.take()
			d.took()
			d.change(func() { d.err = errDead })
			s.until(131)
			d.change(func() { d.err = nil })
			s.until(300)
			want := "130 pump on command quality=stale; 131 pump on command wanted=on waits=min_off quality=stale; 190 pump on restored"
			if keeps {
				want = "130 pump on command quality=stale; 133 pump on command"
			}
			s.expect(fmt.Sprintf("keeps %t", keeps), want)
			if got := d.took(); got != "" {
				t.Errorf("keeps %t, the device: %s", keeps, got)
			}
		})
	}
}

// TestCarriedOutTooLate: a driver that comes back long after the time of a command has done what nobody wants any more.
func TestCarriedOutTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d))
		defer s.stop()
		hang := make(chan struct{})
		d.change(func() { d.hang = hang })
		s.command("heater", "on")
		s.until(1000)
		s.take()
		d.change(func() { d.hang = nil })
		close(hang)
		s.expect("undone", "1000 heater on device; 1000 heater on device wanted=off refused=on/late; 1000 heater off restored")
	})
}

func TestInitialLastAndKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		last := func(o *config.Output) { o.Initial, o.OnStop = setting("last"), setting("keep") }
		s.keeps = "lamp"
		s.run(relay("lamp", d, last))
		s.expect("nothing is known", "0 lamp off start")
		s.command("lamp", "on")
		s.stop()
		s.expect("the end leaves it", "0 lamp on command")
		d.change(func() { d.value = 0 })
		s.run(relay("lamp", d, last))
		s.expect("after a restart", "0 lamp on start")
		s.stop()
		s.kept["lamp"] = "42"
		s.run(relay("lamp", d, last))
		s.stop()
		s.expect("of another configuration", "0 lamp off start")

		s.keeps = ""
		d.change(func() { d.value, d.calls = 1, nil })
		s.run(relay("lamp", d, func(o *config.Output) { o.Doc.Keeps, o.Initial, o.OnStop = true, setting("keep"), setting("keep") }))
		s.stop()
		s.expect("what the device has", "0 lamp on start")
		if got := d.took(); got != "0 take 0, halt" {
			t.Errorf("the device: %s", got)
		}
	})
}

// TestInitialLastTwice: a power cut while min_off is waited for at the start does not lose what was set last, and a command then is kept.
func TestInitialLastTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		last := func(o *config.Output) { o.Initial, o.OnStop, o.MinOff = setting("last"), setting("keep"), time.Minute }
		s.kept["pump"] = "on"
		s.run(relay("pump", d, last))
		s.until(30)
		s.expect("at the first start", "0 pump off start; 0 pump off start wanted=on waits=min_off")
		if s.kept["pump"] != "on" {
			t.Errorf("while it waits %q is kept", s.kept["pump"])
		}
		s.stop()
		s.run(relay("pump", d, last))
		s.until(100)
		s.expect("at the second one", "30 pump off start; 30 pump off start wanted=on waits=min_off; 90 pump on start")
		s.stop()
		s.run(relay("pump", d, last))
		s.until(110)
		s.command("pump", "off")
		s.stop()
		if s.kept["pump"] != "off" {
			t.Errorf("after a command %q is kept", s.kept["pump"])
		}
	})
}

func TestNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		o := relay("fan", d, func(o *config.Output) {
			o.Doc.Switch, o.Doc.Min, o.Doc.Max, o.Round, o.Unit = false, 20, 80, 0.5, "%"
			o.Initial, o.OnStop = setting("20"), setting("keep")
		})
		s.run(o)
		defer s.stop()
		s.command("fan", "33.3")
		s.command("fan", `{"value": 80.1}`)
		s.command("fan", "19")
		s.command("fan", "on")
		s.command("fan", "NaN")
		s.expect("a number", "0 fan 20 start; 0 fan 33.5 command; 0 fan 80 command; 0 fan 80 command refused=19/malformed; "+
			"0 fan 80 command refused=on/malformed; 0 fan 80 command refused=NaN/malformed")
	})
}

// TestSlowStorage: what is published waits, and what is set does not.
func TestSlowStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("heater", d), relay("lamp", &device{}))
		s.take()
		slow := make(chan struct{})
		s.hold(slow)
		s.command("lamp", "on")
		s.command("lamp", "off")
		for range 500 {
			s.command("heater", "on")
			s.command("heater", "off")
		}
		s.command("heater", "on")
		if d.value != 1 {
			t.Errorf("the device has %v", d.value)
		}
		close(slow)
		s.hold(nil)
		got := s.take()
		if n := strings.Count(got, ";"); n < 400 || n > 600 || !strings.Contains(got, "lamp off command") || !strings.HasSuffix(got, "heater on command") {
			t.Errorf("%d states: %s", n, got)
		}
		s.hold(make(chan struct{})) // for ever
		before := time.Now()
		s.stop()
		if took := time.Since(before); took > time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

// TestRepeat: the states are published once more as they are, and nothing else happens.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d, dead := newStation(t), &device{}, &device{err: errDead}
		s.run(relay("heater", d), relay("pump", dead))
		defer s.stop()
		s.command("heater", `{"value": "on", "id": 7}`)
		s.until(10)
		s.take()
		d.took()
		s.panel.Repeat()
		s.expect("once more", "10 heater on command id=7; 10 pump <nil>  wanted=off waits=the device quality=bad")
		if got := d.took(); got != "" {
			t.Errorf("the device: %s", got)
		}
		s.panel.Look()
		s.expect("when nothing is asked for", "")
	})
}

// TestSetLocallyIsOvertaken: who waits is told, also where the output turns out to have changed by itself while another command came.
func TestSetLocallyIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("pump", d))
		defer s.stop()
		s.command("pump", "on")
		d.change(func() { d.value, d.getSlow = 0, time.Second })
		answer := make(chan error, 1)
		go func() {
			_, err := s.panel.Set(t.Context(), "pump", "on")
			answer <- err
		}()
		synctest.Wait()
		s.command("pump", "off")
		s.until(10)
		select {
		case err := <-answer:
			if r, ok := errors.AsType[*output.Refusal](err); !ok || r.Code != output.Overtaken {
				t.Errorf("told %v", err)
			}
		default:
			t.Fatal("nobody told who waits")
		}
	})
}

func TestSetLocally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := newStation(t), &device{}
		s.run(relay("pump", d, func(o *config.Output) { o.MinOn = time.Minute }))
		defer s.stop()
		status, err := s.panel.Set(t.Context(), "pump", "on")
		if err != nil || status.Value != "on" || status.Reason != output.Local || !status.Known {
			t.Errorf("%+v, %v", status, err)
		}
		status, err = s.panel.Set(t.Context(), "pump", "off")
		if err == nil || err.Error() != "it waits for min_on, 1m0s more" || status.Value != "on" || status.Wanted != "off" {
			t.Errorf("%+v, %v", status, err)
		}
		for name, want := range map[string]string{"pmup": "there is pump", "pump": "neither on nor off"} {
			if _, err := s.panel.Set(t.Context(), name, "half"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.until(100)
		d.change(func() { d.err = errDead })
		if _, err := s.panel.Set(t.Context(), "pump", "on"); err == nil || !strings.Contains(err.Error(), "no reply") {
			t.Error(err)
		}
	})
}
