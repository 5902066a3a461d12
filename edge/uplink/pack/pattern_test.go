package pack_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/edge/uplink/pack"
)

// TestNumbersThatMove has numbers of a payload grow and shrink by digits, change their sign, stand still and leap, so that it is made of the one before or
// anew, and other payloads come between.
func TestNumbersThatMove(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 6))
		numbers := []int64{0, 5, 99, 999_990, 1764380400000, 999_999_999_999, 123_456_789_012_345_678, 1 << 61, -3}
		var messages []pack.Message
		for i := range 600 {
			k := r.IntN(len(numbers))
			leap := int64(1) << r.IntN(62)
			switch r.IntN(12) {
			case 0:
				numbers[k] += r.Int64N(leap) - leap/2
			case 1, 2:
				numbers[k] = -numbers[k] + r.Int64N(3)
			default:
				numbers[k] += r.Int64N(2001) - 1000
			}
			numbers[k] %= 1 << 62
			if numbers[k] == 0 && k == 8 {
				numbers[k] = 1
			}
			n := numbers
			word := []string{"good", "fair", "poor"}[max(r.IntN(20)-17, 0)]
			payload := fmt.Sprintf(`{"a":%d,"b":%d.%02d,"q":%q,"c":%d.%07d,"d":[%d,%d,%d],"e":%d}`,
				n[0], max(n[1], 0), i%100, word, max(n[2], 0), max(n[3], 0)%1e7, n[4], n[5], n[6], n[7])
			m := pack.Message{Topic: fmt.Sprint("t/", r.IntN(3)), Payload: []byte(payload), Sequence: uint64(i + r.IntN(1+i%50/49)), QoS: 1}
			if m.Sequence = uint64(i); i%50 != 49 {
				m.Time = 1764380400000 + int64(i)*1000 + r.Int64N(3)
			}
			messages = append(messages, m)
		}
		for _, limit := range []int{0, 1350} {
			compare(t, decoded(t, blocks(t, head, limit, 0, messages)), messages)
		}
	}
}
