package interfaces

// Play applies datagrams as Watch does, and gives what it would tell.
func Play(datagrams ...[]byte) Table {
	k := newKernel()
	for _, d := range datagrams {
		for _, m := range parse(d) {
			if !m.done && m.failed == 0 {
				k.apply(m)
			}
		}
	}
	return k.table()
}
