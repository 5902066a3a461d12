package filter

import (
	"bytes"
	"math/big"
	"strconv"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// looksLikeCBOR tells whether a payload that says nothing of its type begins like a map, a list or a self-described item of
// CBOR. No text begins with such bytes.
func looksLikeCBOR(payload []byte) bool {
	return payload[0] >= 0x80 && payload[0] <= 0xbf || bytes.HasPrefix(payload, []byte{0xd9, 0xd9, 0xf7})
}

// decoding has bounds for each list and map; bound counts the whole.
var decoding = sync.OnceValue(func() cbor.DecMode {
	m, err := cbor.DecOptions{
		MaxNestedLevels:  MaxDepth,
		MaxArrayElements: MaxValues,
		MaxMapPairs:      MaxValues,
		DupMapKey:        cbor.DupMapKeyQuiet,
		UTF8:             cbor.UTF8DecodeInvalid,
		TimeTagToAny:     cbor.TimeTagToRFC3339Nano,
	}.DecMode()
	if err != nil {
		panic(err) // options that contradict each other: a mistake in the lines above
	}
	return m
})

// readCBOR returns a payload of CBOR; nil if it is none, or too much.
func readCBOR(payload []byte) any {
	var v any
	if decoding().Unmarshal(payload, &v) != nil {
		return nil
	}
	b := bound{left: MaxValues}
	if v = b.plain(v); b.left < 0 {
		return nil
	}
	return v
}

// bound counts values.
type bound struct{ left int }

// plain turns what the decoder makes of CBOR into what JSON would have been: numbers are float64, keys are texts, byte
// strings are texts, tags are gone. What has no such form is nothing.
func (b *bound) plain(v any) any {
	if b.left--; b.left < 0 {
		return nil
	}
	switch v := v.(type) {
	case bool, string:
		return v
	case []byte:
		return string(v)
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return finite(v)
	case big.Int:
		n, _ := new(big.Float).SetInt(&v).Float64()
		return finite(n)
	case cbor.Tag:
		return b.plain(v.Content)
	case []any:
		for i := range v {
			v[i] = b.plain(v[i])
		}
		return v
	case map[any]any:
		return b.texts(v)
	}
	return nil
}

// texts is a map whose keys are texts; numbers, which SenML has, are written in digits. Other keys are left out.
func (b *bound) texts(v map[any]any) map[string]any {
	m := make(map[string]any, len(v))
	for key, value := range v {
		if b.left--; b.left < 0 {
			return nil
		}
		switch k := key.(type) {
		case string:
			m[k] = b.plain(value)
		case uint64:
			m[strconv.FormatUint(k, 10)] = b.plain(value)
		case int64:
			m[strconv.FormatInt(k, 10)] = b.plain(value)
		}
	}
	return m
}
