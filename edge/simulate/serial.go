package simulate

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"skerry/board/sim"
	"skerry/drivers/frame"
	"skerry/drivers/line"
)

// port is a device alone at a serial port, with what can befall it.
type port struct {
	talk          sim.Talk
	silent, other atomic.Bool
	late          atomic.Int64 // nanoseconds
}

// stranger is what another device says.
const stranger = "#0815 another device\r\n"

// connect puts the device at the port of a sensor.
func (p *port) connect(b *bench, s *source) *handle {
	var t sim.Talk
	if p.talk.Say != nil {
		t.Say = func(at time.Time) string {
			switch {
			case p.silent.Load():
				return ""
			case p.other.Load():
				return stranger
			}
			return p.talk.Say(at)
		}
	}
	if p.talk.Hear != nil {
		t.Hear = func(written []byte, say func(after time.Duration, text string)) {
			p.talk.Hear(written, func(after time.Duration, text string) {
				switch {
				case p.silent.Load():
					return
				case p.other.Load():
					text = stranger
				}
				say(after+time.Duration(p.late.Load()), text)
			})
		}
	}
	b.board.Connect(s.Setup.Bus, t)
	h := &handle{unplug: b.pull(s), wrong: p.other.Store, silence: p.silent.Store, hang: p.silent.Store}
	if t.Hear != nil {
		h.late = func(by time.Duration) { p.late.Store(int64(by)) }
	}
	return h
}

// pull is how the adapter of a sensor is unplugged.
func (b *bench) pull(s *source) func(on bool) {
	return func(on bool) {
		t := b.board.Tty(s.Setup.Bus)
		err := error(nil)
		if on {
			err = t.Unplug()
		} else {
			err = t.Plug()
		}
		if err != nil {
			b.station.log.Error("simulated serial port", "sensor", s.Name, "err", err)
		}
	}
}

// asked is a device that says something when it hears what it waits for.
func asked(request string, answer func() string) sim.Hearing {
	var heard []byte
	return func(written []byte, say func(after time.Duration, text string)) {
		heard = append(heard, written...)
		if bytes.HasSuffix(heard, []byte(request)) {
			heard = heard[:0]
			say(20*time.Millisecond, answer())
		}
		heard = heard[max(0, len(heard)-2*len(request)):]
	}
}

// frames plays a device with binary frames.
func frames(b *bench, s *source) (*handle, error) {
	_, request, err := frame.Compose(s.Setup, s.now)
	if err != nil {
		return nil, err
	}
	return talker(string(request), func() string {
		text, _, _ := frame.Compose(s.Setup, s.now) // there was no error before
		return string(text)
	}).connect(b, s), nil
}

// lines plays a device with lines of text.
func lines(b *bench, s *source) (*handle, error) {
	_, request, err := line.Compose(s.Setup, s.now, s.text)
	if err != nil {
		return nil, err
	}
	return talker(request, func() string {
		text, _, err := line.Compose(s.Setup, s.now, s.text)
		if err != nil { // a number that has become too long for its place
			b.station.log.Debug("simulated line", "sensor", s.Name, "err", err)
		}
		return text
	}).connect(b, s), nil
}

// talker says something once a second, or when it is asked.
func talker(request string, say func() string) *port {
	if request != "" {
		return &port{talk: sim.Talk{Hear: asked(request, say)}}
	}
	return &port{talk: sim.Talk{Say: func(time.Time) string { return say() }}}
}

// receiver plays a satellite receiver. Without a word of the scenario it is where the gateway is.
func receiver(b *bench, s *source) (*handle, error) {
	home := sim.Location{Latitude: 45.832, Longitude: 6.865, Altitude: 2310}
	if l := b.station.config.Gateway.Location; l != nil {
		home = sim.Location{Latitude: l.Latitude, Longitude: l.Longitude, Altitude: float64(l.Altitude)}
	}
	fix := s.texts["fix"]
	if fix != "" && !strings.Contains(" "+strings.Join(sim.Fixes, " ")+" ", " "+fix+" ") {
		return nil, fmt.Errorf("there is no fix %q; it is one of %v", fix, sim.Fixes)
	}
	if fix == "" {
		fix = "gps"
	}
	var blind atomic.Bool
	place := func(value string, at time.Time, otherwise float64) float64 {
		if s.given[value] {
			return s.number(value, at)
		}
		return otherwise
	}
	p := &port{talk: sim.Talk{Say: func(at time.Time) string {
		if blind.Load() {
			return sim.NoFix(at)
		}
		t := float64(at.Unix()) // it wanders by a few metres
		return sim.Position{
			Location: sim.Location{
				Latitude:  place("latitude", at, home.Latitude+2e-5*math.Sin(t/61)),
				Longitude: place("longitude", at, home.Longitude+2e-5*math.Cos(t/73)),
				Altitude:  place("altitude", at, home.Altitude+math.Sin(t/47)),
			},
			Speed: s.number("speed", at), Course: math.Mod(s.number("course", at), 360), HDOP: s.number("hdop", at),
			Satellites: int(math.Round(s.number("satellites", at))), Fix: fix,
		}.Said(at)
	}}}
	h := p.connect(b, s)
	h.noFix = blind.Store
	return h, nil
}

// sdi12Bus is a bus of SDI-12 sensors. The board hears it while faults change it.
type sdi12Bus struct {
	mu      sync.Mutex
	bus     sim.SDI12
	silence map[byte]bool
	late    map[byte]time.Duration
}

func (d *sdi12Bus) hear(written []byte, say func(after time.Duration, text string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bus.Hear(written, func(after time.Duration, text string) {
		if text != "" && !d.silence[text[0]] {
			say(after+d.late[text[0]], text)
		}
	})
}
