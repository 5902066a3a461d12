package sdi12_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/sdi12"
)

var measurements = flag.Int("sdi12.measurements", 2400, "how many measurements TestNoValueUnderAWrongName makes, a quarter of them with -short")

// troubled is an adapter whose answers come late, wrong, torn, twice, as another address, with a bad CRC, or not at all. They keep
// their order, as bytes on a line do.
type troubled struct {
	bus     *sim.SDI12
	rand    *rand.Rand
	trouble atomic.Bool
	timeout time.Duration
	last    time.Time // when the last answer leaves
	count   map[string]int
	out     chan timed
}

// rate is that of answers in trouble.
const rate = 0.08

type timed struct {
	at   time.Time
	text string
}

// hear is a sim.Hearing.
func (d *troubled) hear(written []byte, _ func(time.Duration, string)) {
	d.bus.Hear(written, func(after time.Duration, text string) {
		if d.trouble.Load() && d.rand.Float64() < rate {
			d.spoil(after, text)
			return
		}
		d.say(after, text)
	})
}

func (d *troubled) say(after time.Duration, text string) {
	at := time.Now().Add(after)
	if at.Before(d.last) {
		at = d.last
	}
	d.last = at
	d.out <- timed{at, text}
}

// later is up to three times as long as anybody waits.
func (d *troubled) later() time.Duration {
	return d.timeout + time.Duration(d.rand.Int64N(int64(3*d.timeout)))
}

func (d *troubled) spoil(after time.Duration, text string) {
	faults := []string{"late", "never", "twice", "twice, late", "torn", "torn and later whole", "other address", "garbage", "bad CRC", "aborted", "too few", "miscounted", "request"}
	fault := faults[d.rand.IntN(len(faults))]
	d.count[fault]++
	if after > 0 {
		d.count["of those to a service request"]++
	}
	line := strings.TrimSuffix(text, "\r\n")
	cut := d.rand.IntN(len(text))
	switch fault {
	case "late":
		d.say(after+d.later(), text)
	case "twice":
		d.say(after, text+text)
	case "twice, late":
		d.say(after, text)
		d.say(after+time.Duration(d.rand.Int64N(int64(2*d.timeout))), text)
	case "torn":
		d.say(after, text[:cut])
	case "torn and later whole":
		d.say(after, text[:cut])
		d.say(after+d.later(), text[cut:])
	case "other address":
		d.say(after, string("0123xyz"[d.rand.IntN(7)])+text[1:])
	case "garbage":
		d.say(after, string([]byte{byte(d.rand.IntN(256)), byte(d.rand.IntN(256)), byte(d.rand.IntN(256))})+text)
	case "bad CRC":
		if strings.ContainsAny(line, "+-") && line[len(line)-1] > '9' { // a changed digit in an answer without a CRC is no fault that can be seen
			i := 1 + strings.IndexAny(line[1:], "0123456789")
			line = line[:i] + string(rune('0'+(line[i]-'0'+1)%10)) + line[i+1:]
		}
		d.say(after, line+"\r\n")
	case "aborted":
		d.say(after, text[:1]+"\r\n")
	case "too few":
		d.say(after, d.dropped(line)+"\r\n")
	case "miscounted":
		if n := len(line) - 1; n == 4 || n == 5 { // the answer to M! or C!
			line = line[:n] + string("46"[d.rand.IntN(2)])
		}
		d.say(after, line+"\r\n")
	case "request":
		d.say(after, text[:1]+"\r\n"+text)
	}
}

// dropped is an answer without its last value, and with the CRC that it has then if it has one.
func (d *troubled) dropped(line string) string {
	body, err := sdi12.CheckCRC(line)
	if err != nil {
		body = line
	}
	if at := strings.LastIndexAny(body, "+-"); at > 0 {
		body = body[:at]
	}
	if err == nil {
		body += sdi12.CRC(body)
	}
	return body
}

// speak sends the answers when their time has come.
func (d *troubled) speak(tty *sim.Tty) {
	for x := range d.out {
		time.Sleep(time.Until(x.at))
		tty.Write([]byte(x.text))
	}
}

// The places of the values are in their numbers: address*10 + place, and in the decimals the number of the measurement.
func telling(address int, values int) (*sim.SDI12Sensor, *atomic.Int64) {
	count := new(atomic.Int64)
	return &sim.SDI12Sensor{Split: 2, Measure: func(string) []float64 {
		n := count.Add(1)
		all := make([]float64, values)
		for i := range all {
			all[i] = float64(address*10+i+1) + float64(n)/10000
		}
		return all
	}}, count
}

// A sensor that answers late, wrong, torn, twice, as another address: over all measurements not one value under a wrong name, and not
// one of an earlier measurement.
func TestNoValueUnderAWrongName(t *testing.T) {
	const lines = 8
	n := *measurements
	if testing.Short() {
		n /= 4
	}
	var (
		all  tally
		runs sync.WaitGroup
	)
	for i := range lines { // they mostly wait: all at once
		runs.Go(func() {
			one, err := troubledLine(t, uint64(i), n/lines)
			if err != nil {
				t.Errorf("line %d: %v", i, err)
			}
			all.add(one)
		})
	}
	runs.Wait()
	t.Logf("%d measurements, %d with an error, %d values, %d wrong; faults: %v", all.measurements, all.errors, all.values, all.wrong, all.faults)
	if all.values < all.measurements/2 {
		t.Errorf("only %d values in %d measurements", all.values, all.measurements)
	}
	if all.errors == 0 {
		t.Error("no measurement met trouble")
	}
}

// tally is what a run saw.
type tally struct {
	mu                                  sync.Mutex
	measurements, errors, values, wrong int
	faults                              map[string]int
}

func (a *tally) add(b *tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.measurements, a.errors, a.values, a.wrong = a.measurements+b.measurements, a.errors+b.errors, a.values+b.values, a.wrong+b.wrong
	if a.faults == nil {
		a.faults = map[string]int{}
	}
	for f, n := range b.faults {
		a.faults[f] += n
	}
}

// kinds are the sensors on a line: how they are asked, whether they have CRCs, and how long they measure. One that does says a second,
// is ready sooner, and requests to be asked: when the request is missing the second is waited for.
var kinds = []struct {
	measure, crc string
	ready        time.Duration
}{{"M", "on", 0}, {"C", "off", 0}, {"R0", "on", 0}, {"M1", "off", 0}, {"M", "on", 3 * time.Millisecond}}

func troubledLine(t *testing.T, seed uint64, n int) (*tally, error) {
	const timeout = 20 * time.Millisecond
	b := sim.New(sim.Options{})
	defer b.Close()
	d := &troubled{bus: &sim.SDI12{Sensors: map[byte]*sim.SDI12Sensor{}}, rand: rand.New(rand.NewPCG(seed, 7)), timeout: timeout,
		count: map[string]int{}, out: make(chan timed, 10000)}
	got := &tally{faults: d.count}
	var (
		sensors []drivers.Sensor
		counts  []*atomic.Int64
	)
	for a, k := range kinds {
		sensor, count := telling(a, 5)
		sensor.Ready = k.ready
		sensor.Identity = fmt.Sprintf("13SKERRY  TELL%d 100", a)
		d.bus.Sensors[byte('0'+a)] = sensor
		counts = append(counts, count)
	}
	tty := b.Tty("sdi12")
	if err := tty.Unplug(); err != nil {
		return got, err
	}
	tty.Hear(d.hear)
	if err := tty.Plug(); err != nil {
		return got, err
	}
	go d.speak(tty)
	for a, k := range kinds {
		x, err := sdi12.Kind.New(t.Context(), b, toldApart(a, k.measure, k.crc, timeout))
		for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); { // a busy machine may be slower than the timeout
			x, err = sdi12.Kind.New(t.Context(), b, toldApart(a, k.measure, k.crc, timeout))
		}
		if err != nil {
			return got, err
		}
		defer x.Halt()
		sensors = append(sensors, x)
	}
	d.trouble.Store(true)
	for i := range n {
		a := i % len(sensors)
		got.measure(t, sensors[a], counts[a])
	}
	err := tty.Unplug() // nothing is heard any more
	close(d.out)
	return got, err
}

// toldApart is the setup of a sensor whose values are named by what must be in them.
func toldApart(a int, measure, crc string, timeout time.Duration) drivers.Setup {
	s := setup(func(o *sdi12.Opts) {
		o.Measure, o.CRC, o.Timeout = measure, crc, timeout
		if err := o.Address.UnmarshalText([]byte{byte('0' + a)}); err != nil {
			panic(err)
		}
	})
	s.Values = map[string]any{}
	for i := 1; i <= 5; i++ {
		s.Values[fmt.Sprint(a*10+i)] = &sdi12.ValueOpts{Index: i}
	}
	return s
}

func (a *tally) measure(t *testing.T, x drivers.Sensor, count *atomic.Int64) {
	before := count.Load()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
	defer cancel()
	a.measurements++
	readings, err := x.Sense(ctx, nil)
	if err != nil {
		a.errors++
	}
	for _, r := range readings {
		a.values++
		place, n := math.Floor(r.Number), int64(math.Round(r.Number*10000))%10000
		if r.Value != fmt.Sprint(place) || n <= before {
			a.wrong++
			t.Errorf("%s is %v; the last measurement before was number %d", r.Value, r.Number, before)
		}
	}
}
