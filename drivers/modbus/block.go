package modbus

import (
	"cmp"
	"slices"
)

// item is what one value needs of a table: the value itself, or its scale.
type item struct {
	table   Table
	address uint16
	count   uint16
	value   int // in the sensor's registers
}

func (i item) end() int { return int(i.address) + int(i.count) }

// block is what is asked for in one request: some items and what lies between them.
type block struct {
	name    string // in messages; empty: that of its first value
	table   Table
	address uint16
	count   uint16
	items   []item
	grain   uint16 // a longer request is longer by multiples of it

	stretched bool // a longer request was answered once
	solid     int  // for so many rounds no longer request is tried: the device refused one

	failures int   // in a row
	rest     int   // rounds that it is left out
	err      error // of the last failure
}

func (b *block) end() int { return int(b.address) + int(b.count) }

// limits are what a device takes in one request.
type limits struct {
	registers int // at most
	gap       int // so many entries in between may be asked for that nobody wants; -1: each item alone
}

// spare is left of the longest request, a quarter at most, so that it can be made longer when its reply could be taken for another.
const spare = 12

// merge puts items into blocks, neighbours together.
func merge(items []item, l limits) []*block {
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.address, b.address))
	})
	var blocks []*block
	for _, i := range items {
		if n := len(blocks); n == 0 || !blocks[n-1].add(i, l) {
			blocks = append(blocks, newBlock(i))
		}
	}
	return blocks
}

func newBlock(i item) *block {
	return &block{table: i.table, address: i.address, count: i.count, items: []item{i}, grain: grain(i)}
}

// grain keeps requests for numbers of two registers even: some devices refuse half a number.
func grain(i item) uint16 {
	switch {
	case i.table.bits():
		return 8
	case i.count%2 == 0:
		return 2
	}
	return 1
}

// longest is how many entries of a table one request may ask for.
func (l limits) longest(t Table) int {
	if t.bits() {
		return t.limit()
	}
	return min(t.limit(), l.registers)
}

// add takes an item in if it lies near enough.
func (b *block) add(i item, l limits) bool {
	gap, most := l.gap, l.longest(b.table)
	if b.table.bits() {
		gap *= 16
	}
	most -= min(spare, most/4)
	end := max(b.end(), i.end())
	if b.table != i.table || l.gap < 0 || int(i.address)-b.end() > gap || end-int(b.address) > max(most, int(b.count)) {
		return false
	}
	b.count, b.items = uint16(end-int(b.address)), append(b.items, i)
	b.grain = min(b.grain, grain(i))
	return true
}

// split takes a block apart that the device refuses as a whole: first at its gaps, then into single items. One block: it cannot be.
func (b *block) split(l limits) []*block {
	if l.gap = 0; len(b.items) > 1 {
		if parts := merge(b.items, l); len(parts) > 1 {
			return parts
		}
		l.gap = -1
		return merge(b.items, l)
	}
	return []*block{b}
}

// request asks for the block and so many entries more behind it; false: they do not exist or are too many.
func (b *block) request(unit byte, more uint16, l limits) (request, bool) {
	r := request{unit: unit, table: b.table, address: b.address, count: b.count + more}
	fits := int(b.address)+int(r.count) <= 1<<16 && int(r.count) <= l.longest(b.table)
	return r, fits || more == 0
}
