package pack

import "slices"

// state is what the coder has learned from the messages of a block so far, and the same at both ends. It points to nothing but its slices: parts of it name
// each other by their places, so that a copy with copies of the slices goes its own way.
type state struct {
	text       text
	texts      []byte // texts of topics, properties and skeletons
	topics     []span
	properties []span     // place 0 is none
	skeletons  []skeleton // place 0 is none
	slots      []slot     // of all skeletons
	shapes     []shape
	trails     []trail // of all shapes
	patterns   []byte  // of all shapes

	stray struct{ topic, properties []byte } // of a shape whose own are in no table

	last     int    // the shape of the message before, -1: none, or one that is not in the table
	sequence uint64 // of that message
	started  bool   // there is one
	flags    byte   // of the shape that was new last, and so on
	bag      int
}

// reset begins a block whose first message has the sequence first.
func (s *state) reset(first uint64) {
	s.text.reset()
	s.texts, s.topics, s.properties = s.texts[:0], s.topics[:0], append(s.properties[:0], span{})
	s.slots = append(s.slots[:0], slot{size: firstTime, newSize: firstTime})
	s.skeletons = append(s.skeletons[:0], skeleton{})
	s.shapes, s.trails, s.patterns = s.shapes[:0], s.trails[:0], s.patterns[:0]
	s.last, s.sequence, s.started, s.flags, s.bag = none, first-1, false, 0, 0
}

// none is a place in no table.
const none = -1

// A span is a text that is held: from, and to.
type span struct{ start, end int32 }

func hold[T string | []byte](s *state, b T) span {
	start := (len(s.texts) + word - 1) &^ (word - 1) // what begins at a word compares by words
	s.texts = slices.Grow(s.texts, len(b)+word)[:start+len(b)]
	copy(s.texts[start:], b)
	return span{int32(start), int32(len(s.texts))}
}

func (s *state) of(p span) []byte { return s.texts[p.start:p.end] }

// A skeleton is the text of payloads without their numbers, and what is known of the numbers in its places. That at place 0 of the table
// stands for payloads that are carried as text.
type skeleton struct {
	text    span
	first   int32 // of its slots: the numbers in their order, and last the time of the message
	numbers int32
	rest    int32 // where the text behind the last number begins
	next    int32 // the skeleton that the next new shape had when one with this skeleton was before it, at first itself
}

// A slot is one place of a skeleton, under whatever topic: how numbers there are predicted.
type slot struct {
	before  span  // the text that stands before the number
	value   int64 // of the latest number here
	format  format
	way     uint8 // how a number is expected
	taught  uint8 // how many numbers taught it that, up to 15
	size    int32 // of differences
	newSize int32
	lean    int32       // how much less the neighbour's way would have cost for new ones
	costs   [ways]int32 // of each way, of late
	pace    int64       // how far numbers move from one message to the next under a topic, on average, in sixteenths
}

// A slot begins with so many sixteenths of bits expected. The time of a message is most likely as far from that in the payload as the one before.
const (
	firstSize    = 40
	firstNewSize = 128
	firstTime    = 8
)

// A shape is a skeleton under a topic, with QoS, Retain and properties.
type shape struct {
	topic, properties int32 // places in the tables
	skeleton          int32
	first             int32 // of its trails, as the slots of the skeleton
	slots, numbers    int32 // of the skeleton
	next              int32 // the shape that followed it last time
	flags             byte  // QoS, and retainFlag
	timed             bool  // the time of its last message is known
	pattern           pattern
}

const retainFlag = 4

// A trail is what stood in a place under a topic.
type trail struct {
	value  int64
	step   int64 // how far it is from what stood there before
	lag    int64 // how far it is behind where it would be without noise, in sixteenths
	format format
	seen   bool // there was one

	figure // in the pattern of the shape
}

// How many a block can have. A further topic or property is not remembered, a further shape neither; a payload with a further skeleton
// is carried as text.
const (
	maxTopics     = 1024
	maxProperties = 256
	maxSkeletons  = 256
	maxSlots      = 2048 // of all skeletons
	maxShapes     = 1024
)
