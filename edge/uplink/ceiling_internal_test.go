package uplink

import "testing"

// TestCeiling: a Server that never takes more than 500 bytes is tried ever more seldom with more, and one that does after all is given full blocks again.
func TestCeiling(t *testing.T) {
	const full = 1300
	var c ceiling
	failed := 0
	sends := func(blocks, most int) {
		for range blocks {
			if size := c.limit(full); size > most {
				failed++
				c.lower(size)
			} else {
				c.take()
			}
		}
	}
	if sends(100_000, full); failed > 0 || c.limit(full) != full {
		t.Fatal("there is a ceiling without a reason")
	}
	if sends(1, 500); c.limit(full) != full/2 {
		t.Errorf("%d after the first", c.limit(full))
	}
	sends(1_000_000, 500)
	if failed > 12 || c.limit(full) > 500 {
		t.Errorf("a million blocks failed %d times; %d bytes at last", failed, c.limit(full))
	}
	sends(2_000_000, full)
	if c.limit(full) != full {
		t.Errorf("%d where all is taken", c.limit(full))
	}
	for range 100 {
		c.lower(c.limit(full))
	}
	if c.limit(full) != leastCeiling {
		t.Errorf("%d at least", c.limit(full))
	}
}
