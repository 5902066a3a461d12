package sim

// Stranger is a chip of another kind: it takes everything, and answers something else.
type Stranger struct{}

// Tx gives what no chip here says.
func (Stranger) Tx(w, r []byte) error {
	for i := range r {
		r[i] = 0x5A
	}
	return nil
}
