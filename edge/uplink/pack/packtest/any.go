package packtest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"skerry/edge/uplink/pack"
)

// Any makes messages of every sort: numbers in all forms, texts, bytes, nothing; repeated and not; with properties, gaps, times known or not.
func Any(n int, seed uint64) []pack.Message {
	r := rand.New(rand.NewPCG(seed, 3))
	sequence := r.Uint64N(1 << 60)
	at := int64(start) + r.Int64N(1e9)
	out := make([]pack.Message, n)
	for i := range out {
		m := &out[i]
		m.Topic = "t/" + strconv.Itoa(r.IntN(1+n/3))
		m.Payload = payload(r)
		m.QoS, m.Retain = byte(r.IntN(3)), r.IntN(4) == 0
		m.Sequence = sequence
		sequence += 1 + r.Uint64N(1<<r.IntN(20))
		if at += r.Int64N(2000) - 200; r.IntN(8) > 0 {
			m.Time = at
		}
		if r.IntN(5) == 0 {
			m.Properties = []byte("\x03\x00\x0aapplication/json"[:2+r.IntN(14)])
		}
	}
	return out
}

func payload(r *rand.Rand) []byte {
	switch r.IntN(6) {
	case 0:
		return fmt.Appendf(nil, `{"value":%s,"unit":"°C","time":"%s"}`, numeral(r), moment(r))
	case 1:
		return fmt.Appendf(nil, "%s,%s;%s", numeral(r), numeral(r), numeral(r))
	case 2:
		return []byte(numeral(r))
	case 3:
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	case 4:
		return []byte([]string{"ON", "OFF", "", "online", "null"}[r.IntN(5)])
	}
	return []byte(strings.Repeat(numeral(r)+" ", r.IntN(50)))
}

// numeral is a number as somebody may write one, and what only looks like one.
func numeral(r *rand.Rand) string {
	v := r.NormFloat64() * 100
	switch r.IntN(14) {
	case 0:
		return strconv.Itoa(int(v))
	case 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case 2:
		return strconv.FormatFloat(float64(int(v*10))/10, 'f', -1, 64)
	case 3:
		return strconv.FormatFloat(v, 'e', -1, 64)
	case 4:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case 5:
		return fmt.Sprintf("%0*d", 1+r.IntN(25), r.IntN(1000))
	case 6:
		return strconv.FormatUint(r.Uint64(), 10)
	case 7:
		return "-" + strconv.FormatUint(r.Uint64(), 10)
	case 8:
		return []string{"-0", "-0.0", "+1", ".5", "5.", "00.5", "-", "1.2.3", "--1", "0x1f", "1e400", "NaN", "-01", "0", "00"}[r.IntN(15)]
	case 9:
		return fmt.Sprintf("%d.%0*d", r.IntN(10), 1+r.IntN(24), r.IntN(1000))
	case 10:
		return strconv.FormatInt(start+r.Int64N(1e9), 10)
	case 11:
		return strconv.FormatInt((start+r.Int64N(1e9))*1e6, 10)
	}
	return moment(r)
}

// moment is a time as somebody may write one, and what only looks like one.
func moment(r *rand.Rand) string {
	day := []string{"2026-02-28", "2024-02-29", "2023-02-29", "1970-01-01", "1969-12-31", "9999-12-31", "2026-13-01", "2026-11-22", "2100-02-29", "2026-04-31"}[r.IntN(10)]
	fraction := ""
	if n := r.IntN(12); n > 0 {
		fraction = "." + fmt.Sprintf("%0*d", n, r.IntN(1000))[:n]
	}
	return fmt.Sprintf("%sT%02d:%02d:%02d%s%s", day, r.IntN(25), r.IntN(61), r.IntN(61), fraction, []string{"Z", "+01:00", ""}[r.IntN(3)])
}
