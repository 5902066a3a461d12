package pack

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestFiguresMove moves a number in a text, forwards and as a payload shows it, and compares with how the number is written.
func TestFiguresMove(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	formats := []format{0, 2, 4, 7, shortest | 1, shortest | 3, shortest | 9, instant, instant | 3, instant | 4}
	const before, after = `{"v":`, `,"u":1.5}`
	moved, followed := 0, 0
	for i := range 300_000 {
		f := formats[r.IntN(len(formats))]
		v, step := r.Int64N(int64(1)<<(1+r.IntN(50))), r.Int64N(int64(1)<<(1+r.IntN(34)))
		if f.family() == instant {
			v = (1764380400+r.Int64N(90_000))*powers[f.digits()] + r.Int64N(powers[f.digits()])
		} else if r.IntN(3) == 0 {
			v = -v
		}
		if r.IntN(2) == 0 {
			step = -step
		}
		number := f.append(nil, v)
		text := fmt.Append(nil, before, string(number), after)
		at := stand{uint16(len(before)), uint16(len(before) + len(number))}
		next := f.append(nil, v+step)
		want := fmt.Sprint(before, string(next), after)
		var g figure
		if !g.settle(at, f, v, text) {
			continue
		}
		h, other := g, append([]byte(nil), text...)
		if g.advance(text, step) {
			if moved++; string(text) != want {
				t.Fatalf("%d: format %d: %s and %d is written %s, want %s", i, f, number, step, text, want)
			}
			if again := g; !again.settle(at, f, v+step, text) || again != g {
				t.Fatalf("%d: format %d: %s and %d has left the figure %+v, want %+v", i, f, number, step, g, again)
			}
		}
		if got, ok := h.follow(other, []byte(want), step+r.Int64N(41)-20); ok && string(other) == want {
			if followed++; got != step {
				t.Fatalf("%d: format %d: from %s to %s it has moved by %d, want %d", i, f, number, next, got, step)
			}
		}
	}
	if moved < 30_000 || followed < 30_000 {
		t.Errorf("%d were moved, %d followed", moved, followed)
	}
}

// TestFigureRefuses has payloads that are written otherwise than the format says.
func TestFigureRefuses(t *testing.T) {
	for _, c := range []struct {
		f            format
		v            int64
		number, next string
	}{
		{2, 1050, "10.50", "09.50"}, {0, 10, "10", "0a"}, {0, 10, "10", "-1"}, {2, 1050, "10.50", "1.050"}, {2, 1050, "10.50", "1/.50"}, {2, 1050, "10.50", "1:.50"},
		{shortest | 2, 1055, "10.55", "10.50"}, {2, -1, "-0.01", "-0.00"}, {0, -1, "-1", "-0"}, {2, 1050, "10.50", "10.501"}, {2, 1050, "10.50", "10.5"},
		{instant, 1764380459, "2025-11-29T01:40:59", "2025-11-29T01:40:60"}, {instant | 1, 17643804599, "2025-11-29T01:40:59.9", "2025-11-29T01:40:5909"},
	} {
		text := []byte(c.number + "}")
		var g figure
		if !g.settle(stand{0, uint16(len(c.number))}, c.f, c.v, text) {
			t.Fatalf("%s is not settled", c.number)
		}
		if step, ok := g.follow(text, []byte(c.next+"}"), 0); ok && string(text) == c.next+"}" {
			t.Errorf("%s follows %s, by %d", c.next, c.number, step)
		}
	}
}
