package modbus_test

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// requests records what a device is asked for.
type requests struct{ asked []string }

func (r *requests) see(d *modbustest.Device) *modbustest.Device {
	before := d.Refuse
	d.Refuse = func(f byte, address, count uint16) byte {
		r.asked = append(r.asked, fmt.Sprintf("%d:%d+%d", f, address, count))
		if before == nil {
			return 0
		}
		return before(f, address, count)
	}
	return d
}

func (r *requests) take() string {
	s := strings.Join(r.asked, " ")
	r.asked = nil
	return s
}

// holding is a device with holding registers that hold their address, up to a last one.
func holding(last uint16) *modbustest.Device {
	return &modbustest.Device{Fill: func(_ byte, address uint16) (uint16, bool) { return address, address <= last }}
}

func numbers(addresses ...uint16) drivers.Setup {
	values := map[string]modbus.ValueOpts{}
	for _, a := range addresses {
		values[fmt.Sprint(a)] = modbus.ValueOpts{Table: modbus.Holding, Address: at(a), Type: modbus.Uint16}
	}
	return setup(values)
}

// wantOwn checks that each value is its own address, and that all are there.
func wantOwn(t *testing.T, got map[string]drivers.Reading, n int) {
	t.Helper()
	for name, r := range got {
		if fmt.Sprint(r.Number) != name {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if len(got) != n {
		t.Errorf("%d values, want %d", len(got), n)
	}
}

func TestNeighboursAreAskedForTogether(t *testing.T) {
	tests := []struct {
		name      string
		addresses []uint16
		change    func(*modbus.Opts)
		want      string
	}{
		{"near", []uint16{10, 11, 14, 30}, nil, "3:10+21"},
		{"far", []uint16{10, 27, 200}, nil, "3:10+18 3:200+1"},
		{"a gap too many", []uint16{10, 28}, nil, "3:10+1 3:28+2"}, // one more, so that the reply has a shape of its own
		{"no gap", []uint16{10, 11, 13}, func(o *modbus.Opts) { o.MaxGap = 0 }, "3:10+2 3:13+1"},
		{"a small device", []uint16{10, 12, 14, 16}, func(o *modbus.Opts) { o.MaxRegisters = 4 }, "3:10+3 3:14+4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked requests
				s := numbers(test.addresses...)
				if test.change != nil {
					test.change(s.Opts.(*modbus.Opts))
				}
				x, _ := onLine(t, s, asked.see(holding(math.MaxUint16)))
				wantOwn(t, mustSense(t, x), len(test.addresses))
				if got := asked.take(); got != test.want {
					t.Errorf("asked for %s, want %s", got, test.want)
				}
				wantOwn(t, mustSense(t, x), len(test.addresses))
			})
		})
	}
}

// A device that refuses what lies between its registers is asked for less, until the value is found that it does not have.
func TestRefusedBlocksAreTakenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &modbustest.Device{Holding: map[uint16]uint16{1: 1, 2: 2, 5: 5, 90: 90}}
		x, line := onLine(t, numbers(1, 2, 4, 5, 90), d)
		got, err := sense(t, x)
		if err == nil || !strings.Contains(err.Error(), "value 4, holding register 0x0004 (reference 40005): the device answers with exception 2, illegal data address") {
			t.Errorf("%v", err)
		}
		if r := got["4"]; r.Quality != drivers.Bad {
			t.Errorf("4: %+v", r)
		}
		delete(got, "4")
		wantOwn(t, got, 4)
		before := line.Asked()
		for range 20 {
			got, err = sense(t, x)
			if err == nil || len(got) != 5 {
				t.Errorf("%d values and %v", len(got), err)
			}
		}
		if n := line.Asked() - before; n > 20*3+12 {
			t.Errorf("%d requests in 20 rounds of 3 blocks and one that is refused", n)
		}
		line.Change(func(devices map[byte]*modbustest.Device) { devices[1].Holding[4] = 4 })
		for range 40 {
			got, err = sense(t, x)
		}
		if err != nil {
			t.Errorf("after the register appeared: %v", err)
		}
		wantOwn(t, got, 5)
	})
}

// One exception alone may have been late: it is not believed.
func TestOneExceptionIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, n := holding(math.MaxUint16), 0
		d.Refuse = func(byte, uint16, uint16) byte {
			n++
			return map[int]byte{1: 2, 3: 6, 4: 5}[n] // illegal address, once; busy, and acknowledge
		}
		x, _ := onLine(t, numbers(1, 300), d)
		wantOwn(t, mustSense(t, x), 2)
	})
}

// dead adds up how long rounds take.
func timed(t *testing.T, x drivers.Sensor) (took time.Duration, err error) {
	t.Helper()
	start := time.Now()
	_, err = sense(t, x)
	return time.Since(start), err
}

// A dead device costs its line little, and is found again at once.
func TestDeadDeviceDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		go line.Serve(slave{w}, nil)
		m := onWire(w)
		var sensors []drivers.Sensor
		for unit := 1; unit <= 2; unit++ {
			s := numbers(1, 100, 200, 300, 400)
			s.Opts.(*modbus.Opts).UnitID = unit
			x, err := modbus.Kind.New(t.Context(), m, s)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Halt()
			sensors = append(sensors, x)
		}
		mustSense(t, sensors[0])
		if took, err := timed(t, sensors[1]); err == nil || took > 1500*time.Millisecond {
			t.Errorf("the first round of a dead device took %v: %v", took, err)
		}
		for range 5 {
			time.Sleep(5 * time.Second)
			if took, err := timed(t, sensors[1]); err == nil || took > 800*time.Millisecond {
				t.Errorf("another round of a dead device took %v: %v", took, err)
			}
			if took, err := timed(t, sensors[0]); err != nil || took > 500*time.Millisecond {
				t.Errorf("its neighbour took %v: %v", took, err)
			}
		}
		line.Set(2, holding(math.MaxUint16))
		time.Sleep(5 * time.Second)
		wantOwn(t, mustSense(t, sensors[1]), 5)
	})
}

// A block that is never answered does not keep the others from being read.
func TestSilentBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
			if address, _ := modbustest.Request(request); address == 100 {
				return nil
			}
			return []modbustest.Piece{{Bytes: answer}}
		})
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(100, 200, 300))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		sense(t, x)
		var total time.Duration
		for range 30 {
			time.Sleep(10 * time.Second)
			start := time.Now()
			got, err := sense(t, x)
			total += time.Since(start)
			if err == nil || !strings.Contains(err.Error(), "no reply within") {
				t.Errorf("%v", err)
			}
			wantOwn(t, got, 2)
		}
		if total > 30*time.Second/4 {
			t.Errorf("30 rounds took %v", total)
		}
	})
}

// A late reply to the only block of a device that cannot be asked for more: it waits, and what it gives then is new.
func TestStrictDeviceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		n := uint16(0)
		line.Set(1, &modbustest.Device{Fill: func(_ byte, address uint16) (uint16, bool) { n++; return n, address == 7 }})
		lost := 0
		go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
			if n == 3 && lost == 0 {
				lost++
				return nil
			}
			return []modbustest.Piece{{Bytes: answer}}
		})
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(7))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		missed := 0
		for range 20 {
			got, err := sense(t, x)
			if err != nil {
				missed++
			} else if got["7"].Number != float64(n) {
				t.Errorf("got %v, want %d", got["7"].Number, n)
			}
			time.Sleep(5 * time.Second)
		}
		if missed > 3 {
			t.Errorf("%d of 20 rounds gave nothing", missed)
		}
	})
}

func TestLineThatIsNeverSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					slave{w}.Write([]byte("$GPRMC"))
				}
			}
		}()
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(7))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "never silent") {
			t.Errorf("%v", err)
		}
	})
}

func TestCountsAreValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := numbers(7)
		for _, word := range []string{"requests", "timeouts", "damaged", "strays"} {
			s.Values["line_"+word] = &modbus.ValueOpts{Count: text[modbus.Count](t, word)}
		}
		if err := modbus.Kind.Check(s); err != nil {
			t.Fatal(err)
		}
		x, _ := onLine(t, s, holding(10))
		mustSense(t, x)
		got := mustSense(t, x)
		if got["line_requests"].Number != 2 || got["line_timeouts"].Number != 0 || len(got) != 5 {
			t.Errorf("%+v", got)
		}
	})
}

// A device that gives two registers at a time has blocks of one shape that cannot be made longer: they are told apart by time.
func TestDeviceWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := map[string]modbus.ValueOpts{}
		for a := uint16(0); a < 20; a += 2 {
			values[fmt.Sprint(uint32(a)<<16+uint32(a)+1)] = modbus.ValueOpts{Table: modbus.Holding, Address: at(a), Type: modbus.Uint32}
		}
		s := setup(values)
		s.Opts.(*modbus.Opts).MaxRegisters = 2
		d := holding(math.MaxUint16)
		d.Most = 2
		x, _ := onLine(t, s, d)
		for range 5 {
			got := mustSense(t, x)
			for name, r := range got {
				if fmt.Sprint(uint32(r.Number)) != name {
					t.Errorf("%s: %+v", name, r)
				}
			}
			if len(got) != 10 {
				t.Errorf("%d values", len(got))
			}
			time.Sleep(time.Second)
		}
	})
}

// A device that refuses longer requests, on a line that brings replies twice, has its values one after the other, and each in its turn.
func TestStrictDeviceOnABadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, &modbustest.Device{Holding: map[uint16]uint16{100: 100, 200: 200, 300: 300, 400: 400}})
		n := 0
		go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
			if n++; n%3 == 0 {
				return []modbustest.Piece{{Bytes: answer}, {After: time.Duration(n%9) * time.Second / 3, Bytes: answer}}
			}
			return []modbustest.Piece{{Bytes: answer}}
		})
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(100, 200, 300, 400))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		seen := map[string]int{}
		for range 60 {
			got, _ := sense(t, x)
			for name, r := range got {
				if r.Quality == drivers.Bad {
					continue // a refusal may come twice, too
				}
				if fmt.Sprint(r.Number) != name {
					t.Errorf("%s: %+v", name, r)
				}
				seen[name]++
			}
			time.Sleep(10 * time.Second)
		}
		for _, name := range []string{"100", "200", "300", "400"} {
			if seen[name] < 10 {
				t.Errorf("%s came %d times in 60 rounds", name, seen[name])
			}
		}
	})
}

// A reply to a request of the program that had the line before is not taken for that to the first one of this program.
func TestReplyToAFormerRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(10))
		go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
			return []modbustest.Piece{{After: 400 * time.Millisecond, Bytes: answer}}
		})
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(7))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		time.AfterFunc(300*time.Millisecond, func() { slave{w}.Write(modbustest.Frame(1, 3, 2, 0, 5)) })
		wantOwn(t, mustSense(t, x), 1)
	})
}

// A refusal tells nothing of its request: one that comes late, and twice, is not that of another value.
func TestLateRefusalOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(400))
		refusal := modbustest.Frame(1, 0x83, 2)
		go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
			switch address, _ := modbustest.Request(request); address {
			case 100:
				return []modbustest.Piece{{Bytes: answer}}
			case 200: // its timeout is over after 500 ms, the silence behind it after 750 ms
				return []modbustest.Piece{{After: 790 * time.Millisecond, Bytes: refusal}, {After: 840 * time.Millisecond, Bytes: refusal}}
			}
			return []modbustest.Piece{{After: 100 * time.Millisecond, Bytes: answer}}
		})
		s := numbers(100, 200, 300)
		s.Opts.(*modbus.Opts).Retries = 0
		x, err := modbus.Kind.New(t.Context(), onWire(w), s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		got, err := sense(t, x)
		if r := got["300"]; r.Number != 300 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A copy that comes just before a request is sent tells that the line brings copies: the request waits, as another one may follow.
func TestCopyBeforeARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(400))
		var n atomic.Int32
		go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
			if address, _ := modbustest.Request(request); address == 100 && n.Add(1) == 1 {
				return []modbustest.Piece{{Bytes: answer}, {After: 110 * time.Millisecond, Bytes: answer}, {After: 135 * time.Millisecond, Bytes: answer}}
			}
			return []modbustest.Piece{{After: 50 * time.Millisecond, Bytes: answer}}
		})
		s := numbers(100, 200)
		s.Opts.(*modbus.Opts).MaxRegisters = 1 // no request can be made longer
		x, err := modbus.Kind.New(t.Context(), onWire(w), s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		for range 3 {
			got, err := sense(t, x)
			for _, name := range []string{"100", "200"} {
				if r, ok := got[name]; ok && fmt.Sprint(r.Number) != name {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
			}
			time.Sleep(time.Second)
		}
		time.Sleep(15 * time.Second)
		if got, err := sense(t, x); len(got) == 0 {
			t.Errorf("nothing comes any more: %v", err)
		}
	})
}

// A device that begins to talk when it is asked, and does not stop, is given up before the time of the reading is over.
func TestReplyWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		defer w.Close()
		line := new(modbustest.Slave)
		line.Set(1, holding(400))
		go line.Serve(slave{w}, func(_, _ []byte) (all []modbustest.Piece) {
			for i := range 2000 {
				all = append(all, modbustest.Piece{After: time.Duration(i) * 10 * time.Millisecond, Bytes: []byte{0x55}})
			}
			return all
		})
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(100))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if took, err := timed(t, x); took > 8*time.Second || err == nil || !strings.Contains(err.Error(), "never silent") {
			t.Errorf("took %v: %v", took, err)
		}
		time.Sleep(time.Minute) // until it has said all
	})
}

// Late replies are counted for their unit, and how late they are; where nobody listened, only that they were.
func TestLateness(t *testing.T) {
	for retries, slowest := range map[int]time.Duration{0: 0, 1: 700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire()
			m := onWire(w)
			line := new(modbustest.Slave)
			line.Set(1, holding(10))
			line.Set(2, holding(10))
			var n atomic.Int32
			go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
				if request[0] == 1 && n.Add(1)%4 == 1 {
					return []modbustest.Piece{{After: 700 * time.Millisecond, Bytes: answer}}
				}
				return []modbustest.Piece{{Bytes: answer}}
			})
			var sensors []drivers.Sensor
			for unit := 1; unit <= 2; unit++ {
				s := numbers(7)
				s.Opts.(*modbus.Opts).UnitID, s.Opts.(*modbus.Opts).Retries = unit, retries
				x, err := modbus.Kind.New(t.Context(), m, s)
				if err != nil {
					t.Fatal(err)
				}
				defer x.Halt()
				sensors = append(sensors, x)
			}
			for range 8 {
				for _, x := range sensors {
					time.Sleep(5 * time.Second)
					sense(t, x)
				}
			}
			l := sensors[0].(drivers.Punctual).Lateness()
			if l.Late < 2 || l.Late > 3 || l.Slowest.Round(10*time.Millisecond) != slowest || l.Timeout != 500*time.Millisecond || l.Asked < 8 {
				t.Errorf("%d retries: %+v", retries, l)
			}
			if l := sensors[1].(drivers.Punctual).Lateness(); l.Late != 0 || l.Asked != 8 {
				t.Errorf("the other one: %+v", l)
			}
		})
	}
}

// A device that needs longer for all of its blocks than a reading has gives the rest in the next one.
func TestMoreBlocksThanAReadingHasTimeFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
			return []modbustest.Piece{{After: 450 * time.Millisecond, Bytes: answer}}
		})
		var addresses []uint16
		for a := range uint16(30) {
			addresses = append(addresses, 100*a)
		}
		x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(addresses...))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		seen := map[string]int{}
		for range 6 {
			got, err := sense(t, x)
			if err == nil || !strings.Contains(err.Error(), "a reading has no time for all 30 requests") {
				t.Errorf("%v", err)
			}
			for name, r := range got {
				if fmt.Sprint(r.Number) != name {
					t.Errorf("%s: %+v", name, r)
				}
				seen[name]++
			}
			time.Sleep(5 * time.Second)
		}
		for _, a := range addresses {
			if n := seen[fmt.Sprint(a)]; n < 3 {
				t.Errorf("%d came %d times in 6 rounds", a, n)
			}
		}
	})
}
