package frame

import (
	"math"

	"skerry/drivers"
)

// Compose makes the frame that a device says when its values are those numbers: for who plays the device. asked tells what it is asked
// with; nil: it talks by itself.
func Compose(s drivers.Setup, number func(value string) float64) (frame, asked []byte, err error) {
	o := options(s)
	l := o.layout()
	all, err := values(s)
	if err != nil {
		return nil, nil, err
	}
	if p := profiles[o.Profile]; p != nil {
		all = p.values
	}
	frame = make([]byte, l.length)
	copy(frame, l.start)
	copy(frame[len(frame)-len(l.end):], l.end)
	for _, v := range all {
		v.put(frame, number(v.name))
	}
	switch sum := l.check; sum.size {
	case 1:
		frame[l.checkAt] = byte(sum.of(frame[l.checkFrom:l.checkAt]))
	case 2:
		l.checkOrder.PutUint16(frame[l.checkAt:], sum.of(frame[l.checkFrom:l.checkAt]))
	}
	return frame, l.request, nil
}

// put writes a number as near as its type comes.
func (v value) put(frame []byte, n float64) {
	n /= v.scale
	b := frame[v.at : v.at+v.kind.size]
	low, high, float := v.kind.bounds()
	if !float {
		n = math.Round(min(max(n, low), high))
	}
	switch {
	case float && v.kind.size == 4:
		v.order.PutUint32(b, math.Float32bits(float32(n)))
	case float:
		v.order.PutUint64(b, math.Float64bits(n))
	case v.kind.size == 1:
		b[0] = byte(int64(n))
	case v.kind.size == 2:
		v.order.PutUint16(b, uint16(int64(n)))
	default:
		v.order.PutUint32(b, uint32(int64(n)))
	}
}
