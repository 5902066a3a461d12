package pack_test

import (
	"fmt"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

// A sender notes what it sends. When a new primer pays it publishes one, and from its acknowledgement on it primes blocks with it. The other end makes the
// primer of the block that came.
func ExampleRecent() {
	const besidePrimer = 150 // bytes: headers, topic, acknowledgement
	head := pack.Head{Epoch: 1, Stream: "readings"}
	var recent pack.Recent
	var primer *pack.Primer            // acknowledged; nil: none is
	known := map[uint32]*pack.Primer{} // at the other end
	var e pack.Encoder
	for i, m := range packtest.Regular(60, 1) {
		e.BeginPrimed(head, primer, 1300)
		if err := e.Append(m); err != nil {
			fmt.Println(err)
		}
		block, n := e.Seal(nil)
		recent.Sent(head, []pack.Message{m}, len(block))
		if _, messages, err := pack.DecodeWith(block, pack.Limits{}, func(id uint32) *pack.Primer { return known[id] }); err != nil || len(messages) != n {
			fmt.Println(err)
		}
		if i == 0 || i == 59 {
			fmt.Println("a reading takes less than 25 bytes:", len(block) < 25)
		}
		if !recent.Pays(besidePrimer) {
			continue
		}
		kept, p := recent.Primer(head, 1300)
		fmt.Println("a new primer pays")
		primer = p
		if p, err := pack.NewPrimer(kept); err == nil {
			known[p.ID()] = p
		}
	}
	// Output:
	// a reading takes less than 25 bytes: false
	// a new primer pays
	// a reading takes less than 25 bytes: true
}
