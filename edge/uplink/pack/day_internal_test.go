package pack

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestDay has instants read and written with what is known of the day before, and without.
func TestDay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	var known day
	v := int64(1764380400)
	for i := range 20_000 {
		d := []int{0, 3, 3, 3, 4, 6, 9}[r.IntN(7)]
		if v += r.Int64N(7200) - 3000; i%100 == 0 {
			v = r.Int64N(maxTime / 1000)
		}
		f := instant | format(d)
		value := v*powers[d] + r.Int64N(powers[d])
		want := appendInstant(nil, value, d)
		if got := known.append(nil, f, value); string(got) != string(want) {
			t.Fatalf("%d with %d decimals is written %q, want %q", value, d, got, want)
		}
		for _, text := range []string{
			string(want), string(want) + "Z", string(want) + ".5", string(want) + "5", string(want[:len(want)-1]), string(want[:len(want)-1]) + "x",
			string(want[:11]) + "24" + string(want[13:]), string(want[:14]) + "60" + string(want[16:]), fmt.Sprintf("%s.%0*d", want[:19], 1+r.IntN(10), r.IntN(10)),
		} {
			wantV, wantLength := f.read([]byte(text))
			if got, length := known.read([]byte(text), f); got != wantV || length != wantLength {
				t.Fatalf("%q with %d decimals is read as %d, %d bytes, want %d, %d", text, d, got, length, wantV, wantLength)
			}
		}
	}
}
