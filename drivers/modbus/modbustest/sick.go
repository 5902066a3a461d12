package modbustest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Piece is something that is sent some time after a request.
type Piece struct {
	After time.Duration
	Bytes []byte
}

// Sickness decides what is sent for a request: whatever a healthy slave would answer is given.
type Sickness func(request, answer []byte) []Piece

// Serve answers what comes over a line until reading fails, and waits for what is still to be sent. Nil: healthy.
func (s *Slave) Serve(line io.ReadWriter, sick Sickness) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	var writing sync.Mutex
	send := func(b []byte) {
		writing.Lock()
		defer writing.Unlock()
		line.Write(b) // a line that takes nothing any more: reading will tell
	}
	var rest []byte
	for {
		b := make([]byte, 256)
		n, err := line.Read(b)
		if err != nil {
			return err
		}
		rest = Requests(append(rest, b[:n]...), func(frame []byte) {
			answer := s.RTU(frame)
			pieces := []Piece{{Bytes: answer}}
			if sick != nil {
				pieces = sick(frame, answer)
			}
			for _, p := range pieces {
				if p.After == 0 {
					send(p.Bytes)
					continue
				}
				sending.Go(func() {
					time.Sleep(p.After)
					send(p.Bytes)
				})
			}
		})
	}
}

// Trouble is all that happens to replies on a bad line, in about so many of a hundred.
type Trouble struct {
	Percent int
	Timeout time.Duration // of the master: replies come up to Worst times as late
	Worst   int
	Rand    *rand.Rand

	Counts map[string]int
}

// Sickness gives each kind of trouble in turn by chance.
func (t *Trouble) Sickness(request, answer []byte) []Piece {
	if t.Counts == nil {
		t.Counts = map[string]int{}
	}
	if answer == nil || t.Rand.IntN(100) >= t.Percent {
		t.Counts["healthy"]++
		return []Piece{{Bytes: answer}}
	}
	kind := kinds[t.Rand.IntN(len(kinds))]
	t.Counts[kind.name]++
	return kind.make(t, request, answer)
}

// later is a time beyond the timeout.
func (t *Trouble) later() time.Duration {
	return t.Timeout + t.sometime(t.Timeout*time.Duration(t.Worst-1))
}

func (t *Trouble) sometime(most time.Duration) time.Duration {
	return time.Duration(t.Rand.Int64N(int64(most) + 1))
}

func (t *Trouble) garbage(most int) []byte {
	b := make([]byte, 1+t.Rand.IntN(most))
	for i := range b {
		b[i] = byte(t.Rand.Uint32())
	}
	return b
}

// kinds are the kinds of trouble.
var kinds = []struct {
	name string
	make func(t *Trouble, request, answer []byte) []Piece
}{
	{"late", func(t *Trouble, _, a []byte) []Piece { return []Piece{{t.later(), a}} }},
	{"late", func(t *Trouble, _, a []byte) []Piece { return []Piece{{t.later(), a}} }},
	{"just too late", func(t *Trouble, _, a []byte) []Piece { return []Piece{{t.Timeout + t.sometime(t.Timeout/2), a}} }},
	{"lost", func(*Trouble, []byte, []byte) []Piece { return nil }},
	{"twice", func(t *Trouble, _, a []byte) []Piece { return []Piece{{0, a}, {t.sometime(t.Timeout), a}} }},
	{"twice, far apart", func(t *Trouble, _, a []byte) []Piece { return []Piece{{0, a}, {t.later(), a}} }},
	{"late and twice", func(t *Trouble, _, a []byte) []Piece { return []Piece{{t.later(), a}, {t.later(), a}} }},
	{"torn", func(t *Trouble, _, a []byte) []Piece {
		n := 1 + t.Rand.IntN(len(a)-1)
		return []Piece{{0, a[:n]}, {t.sometime(t.Timeout), a[n:]}}
	}},
	{"torn, the rest late", func(t *Trouble, _, a []byte) []Piece {
		n := 1 + t.Rand.IntN(len(a)-1)
		return []Piece{{0, a[:n]}, {t.later(), a[n:]}}
	}},
	{"half", func(t *Trouble, _, a []byte) []Piece { return []Piece{{0, a[:1+t.Rand.IntN(len(a)-1)]}} }},
	{"as another device", func(t *Trouble, _, a []byte) []Piece {
		return []Piece{{0, Frame(append([]byte{a[0] + 1}, a[1:len(a)-2]...)...)}}
	}},
	{"another function", func(t *Trouble, _, a []byte) []Piece {
		return []Piece{{0, Frame(append([]byte{a[0], a[1] ^ 7}, a[2:len(a)-2]...)...)}}
	}},
	{"another length", func(t *Trouble, r, a []byte) []Piece {
		data := append(a[3:len(a)-2:len(a)-2], 0, 0)
		return []Piece{{0, Frame(append([]byte{a[0], a[1], byte(len(data))}, data...)...)}}
	}},
	{"damaged", func(t *Trouble, _, a []byte) []Piece {
		b := append([]byte(nil), a...)
		b[t.Rand.IntN(len(b))] ^= byte(1 << t.Rand.IntN(8))
		return []Piece{{0, b}}
	}},
	{"garbage before", func(t *Trouble, _, a []byte) []Piece { return []Piece{{0, append(t.garbage(20), a...)}} }},
	{"garbage after", func(t *Trouble, _, a []byte) []Piece {
		return []Piece{{0, append(append([]byte(nil), a...), t.garbage(20)...)}}
	}},
	{"garbage alone", func(t *Trouble, _, _ []byte) []Piece { return []Piece{{0, t.garbage(40)}} }},
	{"garbage, then late", func(t *Trouble, _, a []byte) []Piece { return []Piece{{0, t.garbage(20)}, {t.later(), a}} }},
	{"echo", func(t *Trouble, r, a []byte) []Piece { return []Piece{{0, append(append([]byte(nil), r...), a...)}} }},
	{"busy", func(t *Trouble, r, _ []byte) []Piece { return []Piece{{0, Frame(r[0], r[1]|0x80, 6)}} }},
	{"refused, late", func(t *Trouble, r, _ []byte) []Piece { return []Piece{{t.later(), Frame(r[0], r[1]|0x80, 2)}} }},
}

// Addressed is a device whose registers tell where they are: a register with an even address holds its address, the next one the number
// of the requests so far.
func Addressed(requests func() uint16) *Device {
	return &Device{Fill: func(_ byte, address uint16) (uint16, bool) {
		if address%2 == 0 {
			return address, true
		}
		return requests(), true
	}}
}

// Pair reads two registers of an Addressed device: where they are, and when they were read.
func Pair(n uint32) (address, request uint16) { return uint16(n >> 16), uint16(n) }

// Request is the address and count in a frame.
func Request(frame []byte) (address, count uint16) {
	return binary.BigEndian.Uint16(frame[2:]), binary.BigEndian.Uint16(frame[4:])
}
