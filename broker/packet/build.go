package packet

import "slices"

// AppendNumber adds a property whose value is an integer or a flag (0 or 1).
// It panics when the property is of another kind.
func (p Properties) AppendNumber(id PropertyID, value uint32) Properties {
	p = append(p, byte(id))
	switch id.rule().kind {
	case oneByte:
		return append(p, byte(value))
	case twoBytes:
		return appendUint16(p, uint16(value))
	case fourBytes:
		return appendUint32(p, value)
	case variable:
		return appendVarint(p, value)
	}
	panic("packet: " + id.String() + " is not a number")
}

// AppendString adds a property whose value is a string or Binary Data.
// It panics when the property is of another kind.
func (p Properties) AppendString(id PropertyID, value string) Properties {
	id.mustBeString()
	return appendString(append(p, byte(id)), value)
}

// AppendBytes is AppendString for bytes.
func (p Properties) AppendBytes(id PropertyID, value []byte) Properties {
	id.mustBeString()
	return appendString(append(p, byte(id)), value)
}

func (id PropertyID) mustBeString() {
	if k := id.rule().kind; k != text && k != binaryData {
		panic("packet: " + id.String() + " is not a string")
	}
}

// AppendUserProperty adds a name and a value.
func (p Properties) AppendUserProperty(name, value string) Properties {
	return appendString(appendString(append(p, byte(UserProperty)), name), value)
}

// Without gives the list without the properties named, the others in their
// order. It is p itself when there is nothing to take away, else a new list.
func (p Properties) Without(ids ...PropertyID) Properties {
	if !p.hasAny(ids) {
		return p
	}
	kept := make(Properties, 0, len(p))
	for rest := p; len(rest) > 0; {
		property, tail, problem := rest.next()
		if problem != "" {
			break
		}
		if !slices.Contains(ids, property.ID) {
			kept = append(kept, rest[:len(rest)-len(tail)]...)
		}
		rest = tail
	}
	return kept
}

func (p Properties) hasAny(ids []PropertyID) bool {
	for len(p) > 0 {
		property, rest, problem := p.next()
		if problem != "" {
			return false
		}
		if slices.Contains(ids, property.ID) {
			return true
		}
		p = rest
	}
	return false
}

// size is the number of bytes of the list with its length in front; nothing before 5.0.
func (p Properties) size(v Version) int {
	if v != V5 {
		return 0
	}
	return varintSize(uint32(len(p))) + len(p)
}

func appendProperties(dst []byte, v Version, p Properties) []byte {
	if v != V5 {
		return dst
	}
	return append(appendVarint(dst, uint32(len(p))), p...)
}
