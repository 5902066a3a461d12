package pack

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// farm is what numbers of several kinds do: they move, change their length and sign, and the minute ends.
func farm(n int) (messages []Message) {
	for i := range n {
		at := 1764380400000 + int64(i/3)*7013
		payload := []string{
			fmt.Sprintf(`{"ts":%d,"v":%.2f,"n":%d}`, at, float64(i*i%700)/100-3, 95+i),
			fmt.Sprintf(`{"value":%g,"time":"2025-11-29T01:%02d:%02d.%03dZ"}`, float64(i*37%400-150)/10, 40+i/9, i*7%60, i*13%1000),
			fmt.Sprintf("%d", 990+i),
		}[i%3]
		messages = append(messages, Message{Topic: fmt.Sprint("farm/", i%3), Payload: []byte(payload), Sequence: uint64(i + 1), Time: at + 2, QoS: 1})
	}
	return messages
}

func same(a, b []Message) bool {
	return slices.EqualFunc(a, b, func(a, b Message) bool {
		return a.Topic == b.Topic && bytes.Equal(a.Payload, b.Payload) && bytes.Equal(a.Properties, b.Properties) && a.Sequence == b.Sequence &&
			a.Time == b.Time && a.QoS == b.QoS && a.Retain == b.Retain
	})
}

// TestCheckFindsFaults has an encoder write each bit of a block wrongly: what the check lets pass decodes to the messages all the same.
func TestCheckFindsFaults(t *testing.T) {
	messages := farm(60)
	var e Encoder
	e.Begin(Head{Epoch: 1, Stream: "s"}, 0)
	for _, m := range messages {
		if err := e.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	e.body = e.shaper.finish()
	if !e.sound() {
		t.Fatal("a block without a fault is not let pass")
	}
	found := 0
	for i := range len(e.body) * 8 {
		e.body[i/8] ^= 1 << (i % 8)
		if !e.sound() {
			found++
		} else {
			h := e.header
			h.codec, h.count = codecShape, len(messages)
			if _, got, err := Decode(h.seal(nil, e.body), Limits{}); err != nil || !same(got, messages) {
				t.Errorf("bit %d is wrong, and the check did not find it: %v", i, err)
			}
		}
		e.body[i/8] ^= 1 << (i % 8)
	}
	if found < len(e.body)*7 {
		t.Errorf("%d of %d faults were found", found, len(e.body)*8)
	}
}

// TestCheckFindsOtherPayloads has the encoder misread a byte of each payload: the check compares with what was appended.
func TestCheckFindsOtherPayloads(t *testing.T) {
	messages := farm(60)
	for i := range messages {
		for _, at := range []int{0, len(messages[i].Payload) / 2, len(messages[i].Payload) - 1} {
			var e Encoder
			e.Begin(Head{Epoch: 1, Stream: "s"}, 0)
			for _, m := range messages {
				if err := e.Append(m); err != nil {
					t.Fatal(err)
				}
			}
			messages[i].Payload[at] ^= 1
			block, n := e.Seal(nil)
			if _, got, err := Decode(block, Limits{}); e.Fallbacks != 1 || n != len(messages) || err != nil || !same(got, messages) {
				t.Errorf("byte %d of message %d: %d fallbacks, %d messages, %v", at, i, e.Fallbacks, n, err)
			}
			messages[i].Payload[at] ^= 1
		}
	}
}
