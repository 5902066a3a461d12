package array_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"skerry/broker/packet"
	"skerry/edge/uplink/array"
	"skerry/edge/uplink/pack"
)

func TestElements(t *testing.T) {
	properties := packet.Properties(nil).AppendNumber(packet.MessageExpiryInterval, 60).AppendUserProperty("a", `b"<`).AppendUserProperty("c", "d")
	for _, test := range []struct {
		m    pack.Message
		want string
	}{
		{pack.Message{Topic: "a/b", Payload: []byte(`{"v": 1.50}`)}, `[{"t":"a/b","p":{"v": 1.50}}]`},
		{pack.Message{Topic: "a", Payload: []byte(`on`), QoS: 1, Retain: true, Time: 1764380400007}, `[{"t":"a","p":"on","ts":1764380400007,"q":1,"r":true}]`},
		{pack.Message{Topic: "a", Payload: []byte{0xff, 0}}, `[{"t":"a","b":"/wA="}]`},
		{pack.Message{Topic: "a"}, `[{"t":"a","p":""}]`},
		{pack.Message{Topic: "<ü>", Payload: []byte("1"), Properties: properties}, `[{"t":"<ü>","p":1,"e":60,"u":[["a","b\"<"],["c","d"]]}]`},
	} {
		var e array.Encoder
		e.Begin(pack.Head{}, 0)
		if err := e.Append(test.m); err != nil {
			t.Fatal(err)
		}
		if got, n := e.Seal(nil); string(got) != test.want || n != 1 {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// TestLimit: an array is full before it is larger, and what did not fit is in the next; a message that is larger than the limit has one for itself.
func TestLimit(t *testing.T) {
	for _, zip := range []bool{false, true} {
		e := array.Encoder{Gzip: zip}
		var all []string
		arrays := 0
		seal := func() {
			b, n := e.Seal(nil)
			arrays++
			if most := 1000; len(b) > most && n > 1 && (!zip || arrays > 4) && (!zip || len(b) > most*3/2) {
				t.Errorf("array %d of %d messages has %d bytes", arrays, n, len(b))
			}
			var list []struct{ T string }
			if err := json.Unmarshal(plain(t, b, zip), &list); err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				all = append(all, m.T)
			}
		}
		e.Begin(pack.Head{}, 1000)
		for i := range 500 {
			m := pack.Message{Topic: fmt.Sprint(i), Payload: fmt.Appendf(nil, `{"value":%d.5,"unit":"degC"}`, i)}
			if i == 250 {
				m.Payload = []byte(strings.Repeat("x", 5000))
			}
			if err := e.Append(m); errors.Is(err, pack.ErrFull) {
				seal()
				e.Begin(pack.Head{}, 1000)
				err = e.Append(m)
				if err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		seal()
		for i, name := range all {
			if name != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, name)
			}
		}
		if len(all) != 500 || arrays > 40 || zip && arrays > 20 {
			t.Errorf("%d messages in %d arrays, compressed %t", len(all), arrays, zip)
		}
	}
}

func plain(t *testing.T, b []byte, zip bool) []byte {
	t.Helper()
	if !zip {
		return b
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzArray: whatever messages have in them, the array is JSON and gives topic and payload back.
func FuzzArray(f *testing.F) {
	f.Add("a/b", []byte(`{"v":1}`), []byte{38, 0, 1, 'a', 0, 1, 'b'})
	f.Add("ü", []byte{0xff}, []byte{2, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, name string, payload, properties []byte) {
		if !utf8.ValidString(name) || packet.Properties(properties).Check(packet.PUBLISH) != nil {
			return
		}
		var e array.Encoder
		e.Begin(pack.Head{}, 100)
		for range 2 {
			if err := e.Append(pack.Message{Topic: name, Payload: payload, Properties: properties}); err != nil && !errors.Is(err, pack.ErrFull) {
				t.Fatal(err)
			}
		}
		b, _ := e.Seal(nil)
		var list []struct {
			T string
			P json.RawMessage
			B []byte
		}
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		m := list[0]
		var text string
		asText := json.Unmarshal(m.P, &text) == nil && text == string(payload)
		if m.T != name || !bytes.Equal(m.P, bytes.TrimSpace(payload)) && !asText && !bytes.Equal(m.B, payload) {
			t.Errorf("%q %q became %+v", name, payload, m)
		}
	})
}
