package pack

// A skeleton is the text of payloads without their numbers, and what is known of the numbers in its places.
type skeleton struct {
	text   string
	number int       // in the table, from 1; 0 stands for none: such payloads are carried as text
	slots  []slot    // the numbers in their order, and last the time of the message
	next   *skeleton // that of the message after one with this skeleton, when its shape was new last
}

// A slot is one place of a skeleton, under whatever topic: how numbers there are predicted.
type slot struct {
	spot               // of the message before with this skeleton
	asUsual  bit       // the number is written as the one before it
	costs    [ways]int // of each way to expect a number, of late
	newCosts [newWays]int
	size     expectation // of differences
	newSize  expectation
	pace     int64 // how far numbers move from one message to the next under a topic, on average, in sixteenths
	paces    int   // how many made that average, as far as gains needs to know
}

// A spot is what stood in a place last.
type spot struct {
	number
	left number // what stood to the left of it
}

// A number is a value and how it is written.
type number struct {
	value  int64
	format format
}

// A trail is what stood in a place under a topic.
type trail struct {
	spot
	seen  bool
	step  int64 // how far it is from what stood there before
	level int64 // where it is without noise, in sixteenths
}

func newSlot() slot { return slot{asUsual: rarely(64).not(), size: 96, newSize: 128} }

// timeSlot is a slot of the time, which most likely goes with the one in the payload.
func timeSlot() slot {
	s := slot{size: 32, newSize: 32}
	for i := range s.costs {
		s.costs[i] = 64
	}
	for i := range s.newCosts {
		s.newCosts[i] = 64
	}
	s.costs[moved], s.newCosts[newMoved] = 0, 0
	return s
}

// A shape is a skeleton under a topic, with QoS, Retain and properties.
type shape struct {
	key
	topic, properties string
	skeleton          *skeleton
	trails            []trail // as the slots of the skeleton
	place             int     // in the table, -1 if it is not in it
	next              *shape  // the one that followed it last time
}

// A key is what makes a shape one: places in the tables.
type key struct {
	topic, properties, skeleton int
	flags                       byte // QoS, and retainFlag
}

const retainFlag = 4

// How many a block can have. A further topic or property is not remembered, a further shape neither; a payload with a further skeleton
// is carried as text.
const (
	maxTopics     = 1024
	maxProperties = 256
	maxSkeletons  = 256
	maxSlots      = 2048 // of all skeletons
	maxShapes     = 1024
)
