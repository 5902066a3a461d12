package pack

import "sync"

// text is the model of strings: topics, skeletons, properties, payloads that have no skeleton. It goes on reading where it found the beginning
// of the same before, and expects each byte to be the next one there (after LZP, C. Bloom 1996). A byte that is not is coded by the kind of the one before
// it, and the place is looked for anew, by the last four bytes or else the last two.
type text struct {
	seen []byte // what was coded, in a ring of 64 KiB; place 0 stays empty
	at   uint16 // where the next byte goes
	from uint16 // where the one that is expected stands
	run  uint32 // expectations that came true in a row
	last uint32 // the last four bytes

	four  [1 << fourBits]uint16 // what followed four bytes stands there
	two   [1 << twoBits]uint16
	hits  [4][16]bit  // the byte is as expected; by how it was found, and by run
	bytes [4][256]bit // by the kind of the byte before
}

const (
	fourBits = 12
	twoBits  = 10
)

// Which kind of string it is stands before its first byte, for the model.
const (
	topicText      = 1
	skeletonText   = 2
	propertiesText = 3
	payloadText    = 4
)

// end stands behind a topic and a skeleton. It occurs in no UTF-8.
const end = 0xff

// lessons are what the model has seen when a block begins: words of topics and payloads. A change of them is a change of the format.
var lessons = []struct {
	kind byte
	text string
}{
	{topicText, "sensor/status/battery/pressure/humidity/temperature"},
	{skeletonText, "{\"id\":\x00,\"ts\":\x00,\"battery\":\x00,\"voltage\":\x00,\"rssi\":-\x00,\"temperature\":\x00,\"humidity\":\x00,\"pressure\":\x00}"},
	{skeletonText, "{\"time\":\"\x00Z\",\"values\":{\"temperature\":{\"value\":\x00,\"unit\":\"%\"}}}"},
	{skeletonText, "{\"value\":\x00,\"unit\":\"\u00b0C\",\"time\":\"\x00Z\",\"quality\":\"good\"}"},
}

// taught is the model after the lessons.
var taught = sync.OnceValue(func() *text {
	t := &text{seen: make([]byte, 1, 512), at: 1}
	for i := range t.hits {
		for j := range t.hits[i] {
			t.hits[i][j] = evenly
		}
	}
	for i := range t.bytes {
		for j := range t.bytes[i] {
			t.bytes[i][j] = evenly
		}
	}
	var c coder
	c.encode(nil)
	for _, p := range lessons {
		t.begin(p.kind)
		for i := range len(p.text) {
			t.code(&c, p.text[i])
		}
		t.code(&c, end)
	}
	return t
})

func (t *text) reset() {
	seen := t.seen
	*t = *taught()
	t.seen = append(seen[:0], t.seen...)
}

// begin says that a string of a kind begins.
func (t *text) begin(kind byte) {
	t.last, t.run = uint32(kind), 0
}

// code codes one byte.
func (t *text) code(c *coder, b byte) byte {
	four := &t.four[t.last*0x2545f491>>(32-fourBits)]
	two := &t.two[t.last&0xffff*0x9e3779b1>>(32-twoBits)]
	found := 0 // by going on
	if t.run == 0 {
		switch {
		case *four != 0:
			t.from, found = *four, 1
		case *two != 0:
			t.from, found = *two, 2
		default:
			found = 3 // not at all: behind what was wrong
		}
	}
	expected := t.seen[t.from]
	if c.decide(&t.hits[found][min(t.run, 15)], flag(b == expected)) != 0 {
		b = expected
		t.run++
	} else {
		t.run = 0
		b = byte(c.tree(t.bytes[kindOf(byte(t.last))][:], uint32(b), 8))
	}
	*four, *two = t.at, t.at
	t.add(b)
	if t.from++; int(t.from) >= len(t.seen) {
		t.from = 0
	}
	return b
}

// add puts a byte where it is found again.
func (t *text) add(b byte) {
	t.last = t.last<<8 | uint32(b)
	if int(t.at) == len(t.seen) {
		t.seen = append(t.seen, b)
	} else {
		t.seen[t.at] = b
	}
	if t.at++; t.at == 0 {
		t.at = 1
	}
}

// kindOf tells bytes apart behind which others follow.
func kindOf(b byte) int {
	switch {
	case b|0x20 >= 'a' && b|0x20 <= 'z':
		return 0
	case isDigit(b):
		return 1
	case b >= 0x80:
		return 2
	}
	return 3
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
