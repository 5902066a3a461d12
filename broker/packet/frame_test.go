package packet_test

import (
	"bytes"
	"errors"
	"testing"

	"skerry/broker/packet"
)

func TestNext(t *testing.T) {
	for name, test := range map[string]struct {
		in      []byte
		limit   uint32
		n, need int
		err     error
	}{
		"nothing":                 {in: nil, need: 2},
		"first byte only":         {in: []byte{0x30}, need: 2},
		"length is open":          {in: []byte{0x30, 0x80}, need: 3},
		"length known":            {in: []byte{0x30, 5, 0}, need: 7},
		"whole":                   {in: []byte{0xC0, 0}, n: 2, need: 2},
		"whole and more":          {in: []byte{0xC0, 0, 0x30}, n: 2, need: 2},
		"largest":                 {in: []byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}, need: packet.MaxSize},
		"just within the limit":   {in: []byte{0x30, 8}, limit: 10, need: 10},
		"above the limit":         {in: []byte{0x30, 9}, limit: 10, err: packet.PacketTooLarge},
		"largest above the limit": {in: []byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}, limit: packet.MaxSize - 1, err: packet.PacketTooLarge},
		"reserved type":           {in: []byte{0x0F}, err: packet.MalformedPacket},
		"length of five bytes":    {in: []byte{0x30, 0x80, 0x80, 0x80, 0x80}, err: packet.MalformedPacket},
	} {
		n, need, err := packet.Next(test.in, test.limit)
		if n != test.n || need != test.need || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d, %d, %v, want %d, %d, %v", name, n, need, err, test.n, test.need, test.err)
		}
	}
}

// A reader that waits for exactly what Next asks for gets each packet, however long.
func TestNextAsksForEnough(t *testing.T) {
	for _, size := range []int{0, 1, 124, 125, 126, 127, 128, 16_380, 16_384, 2_097_152} {
		p := packet.Publish{TopicName: []byte("t"), Payload: make([]byte, size)}
		stream := append(p.Append(nil, packet.V311), 0xC0, 0)
		have, rounds := 0, 0
		for {
			n, need, err := packet.Next(stream[:have], 0)
			if err != nil {
				t.Fatalf("payload of %d bytes: %v", size, err)
			}
			if n > 0 {
				if n != p.Size(packet.V311) {
					t.Errorf("payload of %d bytes: length is %d, want %d", size, n, p.Size(packet.V311))
				}
				break
			}
			if need <= have {
				t.Fatalf("payload of %d bytes: with %d bytes at hand Next asks for %d", size, have, need)
			}
			have, rounds = need, rounds+1
		}
		if rounds > 5 {
			t.Errorf("payload of %d bytes: %d rounds", size, rounds)
		}
	}
}

func TestTooLongIsTheCallersBug(t *testing.T) {
	for name, write := range map[string]func(){
		"string":     func() { (&packet.Publish{TopicName: make([]byte, 65_536)}).Append(nil, packet.V5) },
		"number":     func() { packet.Properties(nil).AppendNumber(packet.ContentType, 1) },
		"text":       func() { packet.Properties(nil).AppendString(packet.ReceiveMaximum, "1") },
		"identifier": func() { packet.Properties(nil).AppendNumber(packet.SubscriptionIdentifier, 1<<28) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			write()
		}()
	}
}

func TestStringOfMaximumLength(t *testing.T) {
	p := packet.Publish{TopicName: bytes.Repeat([]byte("t"), packet.MaxString)}
	var q packet.Publish
	h, err := packet.Split(p.Append(nil, packet.V311))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Decode(packet.V311, h); err != nil || len(q.TopicName) != packet.MaxString {
		t.Errorf("got %d bytes, error %v", len(q.TopicName), err)
	}
}

func TestCheckStringAndTopicName(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), packet.MaxString+1))
	for name, test := range map[string]struct {
		in            string
		text, isTopic bool
	}{
		"plain":       {"a/b", true, true},
		"empty":       {"", true, false},
		"wildcard":    {"a/+", true, false},
		"multi-level": {"a/#", true, false},
		"NUL":         {"a\x00", false, false},
		"not UTF-8":   {"a\xff", false, false},
		"surrogate":   {"\xed\xa0\x80", false, false},
		"too long":    {long, false, false},
		"longest":     {long[1:], true, true},
	} {
		if err := packet.CheckString(test.in); (err == nil) != test.text {
			t.Errorf("%s: CheckString gives %v", name, err)
		}
		if err := packet.CheckTopicName(test.in); (err == nil) != test.isTopic {
			t.Errorf("%s: CheckTopicName gives %v", name, err)
		}
	}
}
