package pack

import "sync"

// models are those of decisions that are not about one slot.
type models struct {
	usual   bit    // all but the numbers is as it most likely is
	follows bit    // the shape is the one that followed the shape before it last time
	isNew   [2]bit // the shape is new; by whether it could have been the one that follows
	shape   count  // its place in the table

	newTopic        bit
	topic           count // its place in the table
	sameFlags       bit   // those of the shape that was new last
	flags           [8]bit
	sameProperties  bit   // so with the properties
	properties      count // 0: new; else their place in the table, from 1
	skeletonFollows bit   // the skeleton is the one that followed the skeleton before it last time
	skeleton        count // 0: new; 1: none; else its number and 1
	lengths         [2]count

	gap    count  // sequences left out
	timed  [2]bit // the time is known; by whether that of the message before was
	format [1 << formatBits]bit
	nearby [expected]nearby
}

// unlearned is what models are at the start of a block.
var unlearned = sync.OnceValue(func() *models {
	m := &models{
		usual: evenly, follows: evenly, newTopic: evenly, skeletonFollows: evenly,
		sameFlags: rarely(64).not(), sameProperties: rarely(64).not(),
	}
	for _, bits := range [][]bit{m.isNew[:], m.flags[:], m.timed[:], m.format[:]} {
		for i := range bits {
			bits[i] = evenly
		}
	}
	for _, c := range []*count{&m.shape, &m.topic, &m.skeleton, &m.properties, &m.gap, &m.lengths[0], &m.lengths[1]} {
		c.reset()
	}
	m.newTopic = rarely(4).not()
	m.gap.none, m.timed[1] = rarely(64).not(), rarely(64).not()
	for i := range m.nearby {
		for j := range m.nearby[i] {
			if m.nearby[i][j] = evenly; j >= 6 {
				m.nearby[i][j] = rarely(16)
			}
		}
	}
	return m
})
