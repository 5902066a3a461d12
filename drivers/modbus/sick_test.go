package modbus_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"skerry/board"
	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

var (
	asked = flag.Int("modbus.requests", 10_000, "requests of the test with simulated time, a fifth of them with -short")
	polls = flag.Int("modbus.polls", 500, "requests of the test on a pseudo-terminal")
	seed  = flag.Uint64("modbus.seed", 1, "of the troubles there")
)

const trouble = 25 // of a hundred replies

// starts are the places of the blocks that are asked for: most of one length, so that nothing but care tells their replies apart.
var starts = []uint16{0x0100, 0x0200, 0x0300, 0x0400, 0x0500, 0x0600}

// addressed is the setup of a sensor of an Addressed device. Each value is named by its place.
func addressed(unit int, timeout, late time.Duration) drivers.Setup {
	o := modbus.Kind.Opts().(*modbus.Opts)
	o.UnitID, o.Timeout, o.Late, o.Pause, o.Retries = unit, timeout, late, time.Millisecond, 1
	s := drivers.Setup{Opts: o, Values: map[string]any{}}
	for i, start := range starts {
		for n := range 1 + i/4 { // the last ones have two values
			address := start + 2*uint16(n)
			s.Values[fmt.Sprintf("%04X", address)] = &modbus.ValueOpts{Table: modbus.Holding, Address: &address, Type: modbus.Uint32}
		}
	}
	return s
}

// score is how the values of a scenario came out.
type score struct {
	right, wrong, old int
}

// judge looks at readings of an Addressed device in the given poll.
func (c *score) judge(t *testing.T, readings []drivers.Reading, poll uint16) {
	t.Helper()
	for _, r := range readings {
		if r.Quality != drivers.Good || math.IsNaN(r.Number) {
			continue
		}
		address, asked := modbustest.Pair(uint32(r.Number))
		switch {
		case fmt.Sprintf("%04X", address) != r.Value:
			c.wrong++
			t.Errorf("the value %s is that of %04X", r.Value, address)
		case asked != poll:
			c.old++
			t.Errorf("the value %s of poll %d was given in poll %d", r.Value, asked, poll)
		default:
			c.right++
		}
	}
}

// suffer polls two devices on a bad line until so many requests were sent.
func suffer(t *testing.T, m *machine, end io.ReadWriter, stop func(), timeout, late time.Duration, requests int, random *rand.Rand) (score, map[string]int) {
	t.Helper()
	var poll atomic.Uint32
	var line modbustest.Slave
	strict := &modbustest.Device{Fill: func(f byte, a uint16) (uint16, bool) {
		if a&0xFF >= 4 {
			return 0, false
		}
		return modbustest.Addressed(func() uint16 { return uint16(poll.Load()) }).Fill(f, a)
	}}
	line.Set(1, modbustest.Addressed(func() uint16 { return uint16(poll.Load()) }))
	line.Set(2, modbustest.Addressed(func() uint16 { return uint16(poll.Load()) }))
	line.Set(3, strict)
	bad := &modbustest.Trouble{Percent: trouble, Timeout: timeout, Worst: 10, Rand: random}
	var serving sync.WaitGroup
	serving.Go(func() { line.Serve(end, bad.Sickness) })
	var sensors []drivers.Sensor
	for unit := 1; unit <= 3; unit++ {
		x, err := modbus.Kind.New(t.Context(), m, addressed(unit, timeout, late))
		if err != nil {
			t.Fatal(err)
		}
		sensors = append(sensors, x)
	}
	var c score
	for n := 0; modbus.CountsOf(sensors[0]).Requests < uint64(requests); n++ {
		poll.Add(1)
		ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
		x := sensors[n%2]
		if n%8 == 7 {
			x = sensors[2] // it must often wait
		}
		got, _ := x.Sense(ctx, nil)
		cancel()
		c.judge(t, got, uint16(poll.Load()))
	}
	t.Logf("%d requests: %+v", modbus.CountsOf(sensors[0]).Requests, *modbus.CountsOf(sensors[0]))
	for _, x := range sensors {
		if err := x.Halt(); err != nil {
			t.Error(err)
		}
	}
	stop()
	serving.Wait()
	return c, bad.Counts
}

// The rule of rules, with simulated time: whatever comes late, twice, torn or from elsewhere, no value has another's name.
func TestNoValueUnderAnotherName(t *testing.T) {
	requests := *asked
	if testing.Short() {
		requests /= 5
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				c, troubles := suffer(t, onWire(w), slave{w}, func() {}, 100*time.Millisecond, 2*time.Second, requests, rand.New(rand.NewPCG(seed, 1)))
				t.Logf("%d values right, %d under a wrong name, %d old; replies: %v", c.right, c.wrong, c.old, troubles)
				if c.right < requests*3/10 {
					t.Errorf("only %d values came through", c.right)
				}
			})
		})
	}
}

// The same on a pseudo-terminal, through the port of a real board. `make modbus` asks more often, and runs a well-known library through it.
func TestNoValueUnderAnotherNameOnAPTY(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	m := &machine{port: func() (drivers.Port, error) {
		return board.OpenPort(tty.Name(), drivers.SerialConfig{Baud: 115200, DataBits: 8, StopBits: 1}, board.RS485{})
	}}
	stop := func() { tty.Close() } // the last one: the other end sees a hang-up
	c, troubles := suffer(t, m, master, stop, 10*time.Millisecond, time.Second, *polls, rand.New(rand.NewPCG(*seed, 1)))
	t.Logf("skerry: %d requests: %d values right, %d under a wrong name, %d old; replies: %v", *polls, c.right, c.wrong, c.old, troubles)
	if c.right < *polls/10 {
		t.Errorf("only %d values came through", c.right)
	}
}

// The echo of a request for about 20 bits at 0x0300 reads like a reply to it, with the request's own bytes as data. Behind noise it is
// an echo all the same.
func TestEchoThatLooksLikeAReply(t *testing.T) {
	for name, before := range map[string][]byte{"alone": nil, "behind noise": {0}, "behind noise that may be a reply": {1, 1, 200}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire()
			line := new(modbustest.Slave)
			d := &modbustest.Device{Coils: map[uint16]bool{}}
			values := map[string]modbus.ValueOpts{}
			for i := range uint16(24) {
				d.Coils[0x0300+i] = i%3 == 0
				values[fmt.Sprint(i)] = modbus.ValueOpts{Table: modbus.Coil, Address: at(0x0300 + i)}
			}
			line.Set(1, d)
			go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
				return []modbustest.Piece{{Bytes: append(bytes.Clone(before), request...)}, {After: 50 * time.Millisecond, Bytes: answer}}
			})
			x, err := modbus.Kind.New(t.Context(), onWire(w), setup(values))
			if err != nil {
				t.Fatal(err)
			}
			defer x.Halt()
			got := mustSense(t, x)
			for i := range uint16(24) {
				if r := got[fmt.Sprint(i)]; (r.Number == 1) != (i%3 == 0) {
					t.Errorf("%s: bit %d: %+v", name, i, r)
				}
			}
		})
	}
}

// What stands in the registers of a reply under way is not read as a reply, however much it looks like one.
func TestReplyInsideAReply(t *testing.T) {
	inside := map[string][]byte{
		"of another device": modbustest.Frame(9, 3, 2, 0, 7),
		"a refusal":         modbustest.Frame(1, 0x83, 2),
		"of another length": modbustest.Frame(1, 3, 4, 0, 1, 0, 2),
	}
	for name, frame := range inside {
		synctest.Test(t, func(t *testing.T) {
			w := newWire()
			line := new(modbustest.Slave)
			d := holding(200)
			addresses := []uint16{30, 40, 49}
			d.Holding = map[uint16]uint16{}
			for i := 0; i < len(frame); i += 2 {
				low := byte(0)
				if i+1 < len(frame) {
					low = frame[i+1]
				}
				d.Holding[32+uint16(i/2)] = uint16(frame[i])<<8 | uint16(low)
			}
			line.Set(1, d)
			go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
				return []modbustest.Piece{{Bytes: answer[:30]}, {After: 16 * time.Millisecond, Bytes: answer[30:]}}
			})
			x, err := modbus.Kind.New(t.Context(), onWire(w), numbers(addresses...))
			if err != nil {
				t.Fatal(err)
			}
			defer x.Halt()
			for range 3 {
				wantOwn(t, mustSense(t, x), len(addresses))
			}
			if n := modbus.CountsOf(x).Strays; n != 0 {
				t.Errorf("%s: %d strays", name, n)
			}
		})
	}
}
