package filter_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"skerry/broker/filter"
)

// expressions are what hostile payloads are put to: each way into a payload, and the loops.
var expressions = []string{
	"value > 30", "data.a.b[0].c == 1", `any(data, .n == "t" and .v > 30)`, "count(data, # > 3) > 2", "sum(data) > 3",
	`payload matches "^(a+)+$"`, `payload contains "x"`, `(data.a.b ?? 0) > 1`, `"a" in data`, "max(data) > 3", "len(data) > 3",
	`user.a == "b"`, "float(value) > 3", `data == payload`, "data[0] < data[1]", `indexOf(payload, "x") > 2 and upper(payload) == "X"`,
}

func bombs() map[string][]byte {
	half := filter.MaxPayload / 2
	return map[string][]byte{
		"deep lists":       bytes.Repeat([]byte("["), filter.MaxPayload),
		"deep maps":        bytes.Repeat([]byte(`{"a":`), filter.MaxPayload/5),
		"deep and whole":   append(bytes.Repeat([]byte("["), half), bytes.Repeat([]byte("]"), half)...),
		"many values":      []byte("[" + strings.Repeat("1,", half-1) + "1]"),
		"many maps":        []byte("[" + strings.Repeat("{},", half/2) + "{}]"),
		"open quote":       []byte(`"` + strings.Repeat(`\\"`, half/2)),
		"huge number":      []byte(strings.Repeat("9", filter.MaxPayload)),
		"huge exponent":    []byte("1e" + strings.Repeat("9", 60)),
		"invalid UTF-8":    []byte("{\"a\xff\":\"\xc0\xaf\",\"value\":\"\xed\xa0\x80\"}"),
		"surrogate":        []byte(`{"value":"\ud800"}`),
		"nulls":            bytes.Repeat([]byte{0}, filter.MaxPayload),
		"CBOR lists":       bytes.Repeat([]byte{0x81}, filter.MaxPayload),
		"CBOR open lists":  bytes.Repeat([]byte{0x9f}, filter.MaxPayload),
		"CBOR long list":   {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"CBOR long map":    {0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"CBOR long text":   {0x81, 0x7b, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'},
		"CBOR tags":        append([]byte{0x81}, bytes.Repeat([]byte{0xc1}, filter.MaxPayload-1)...),
		"CBOR bignum":      append([]byte{0x81, 0xc2, 0x59, 0xff, 0xf0}, bytes.Repeat([]byte{0xff}, 0xfff0)...),
		"CBOR tables":      bytes.Repeat(append([]byte{0x99, 0x03, 0xff}, bytes.Repeat([]byte{0x80}, 0x3ff)...), 60),
		"CBOR wide":        append([]byte{0x98, 0x3c}, bytes.Repeat(append([]byte{0x99, 0x03, 0xff}, bytes.Repeat([]byte{0x80}, 0x3ff)...), 60)...),
		"CBOR list as key": {0xa1, 0x81, 0x01, 0x02},
		"CBOR map as key":  {0xa1, 0xa1, 0x01, 0x01, 0x02},
		"CBOR bytes key":   {0xa1, 0x41, 0x01, 0x02},
		"CBOR tagged key":  {0xa1, 0xc2, 0x41, 0x01, 0x02},
		"CBOR NaN":         {0xa1, 0x65, 'v', 'a', 'l', 'u', 'e', 0xf9, 0x7e, 0x00},
		"CBOR NaN as key":  {0xa2, 0xf9, 0x7e, 0x00, 0x01, 0xf9, 0x7e, 0x00, 0x02},
		"CBOR time":        {0xa1, 0x65, 'v', 'a', 'l', 'u', 'e', 0xc1, 0xfb, 0x7f, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"CBOR bad UTF-8":   {0xa1, 0x61, 0xff, 0x01},
		"CBOR cut off":     {0xa5, 0x61},
	}
}

// TestBombs: what a payload of the largest size makes of memory is bounded, whatever is in it.
func TestBombs(t *testing.T) {
	for name, payload := range bombs() {
		t.Run(name, func(t *testing.T) {
			for _, source := range expressions {
				x, s := compile(t, source), message{payload: string(payload)}.subject()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				x.Holds(s)
				runtime.ReadMemStats(&after)
				if made := after.TotalAlloc - before.TotalAlloc; made > 8<<20 {
					t.Errorf("%s: %d KiB made of %d", source, made>>10, len(payload)>>10)
				}
			}
		})
	}
}

func FuzzHolds(f *testing.F) {
	for _, payload := range bombs() {
		f.Add(payload[:min(len(payload), 2048)], []byte("application/cbor"))
		f.Add(payload[:min(len(payload), 2048)], []byte(nil))
	}
	f.Add([]byte(`[{"n":"t","v":31.5},{"n":"h","v":"x"}]`), []byte("application/senml+json"))
	f.Add([]byte("31.5"), []byte("text/plain"))
	f.Add([]byte{0x82, 0xa2, 0x00, 0x61, 't', 0x02, 0xf9, 0x4f, 0xe0, 0x20}, []byte("application/senml+cbor; a=b"))
	all := make([]*filter.Expression, len(expressions))
	for i, source := range expressions {
		all[i] = compile(f, source)
	}
	f.Fuzz(func(t *testing.T, payload, media []byte) {
		s := message{payload: string(payload), properties: contentType(string(media))}.subject()
		for i, x := range all {
			held := x.Holds(s)
			if again, err := x.Check(s); again != held || held && err != nil {
				t.Errorf("%s: %v, then %v with %v", expressions[i], held, again, err)
			}
		}
	})
}

// FuzzCompile: whatever stands in a configuration is an expression or an error, and an expression can be asked.
func FuzzCompile(f *testing.F) {
	for _, source := range expressions {
		f.Add(source)
	}
	for _, source := range []string{"data?.a.b ?? (data.c)", "let x = data.a; x.b[1:2]", "{a: 1}.a == 1", "[1,2][value] == 1", "data | len() > 3", "value ? true : qos == 1"} {
		f.Add(source)
	}
	s := message{topic: "a/b", payload: `{"a":{"b":[1,2,{"c":"x"}]},"value":31}`, properties: user("a", "b")}.subject()
	f.Fuzz(func(t *testing.T, source string) {
		x, err := filter.Compile(source)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		x.Holds(s)
	})
}
