package repeats

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

const (
	// Pages is how many there are.
	Pages = 17
	// perPage is how many ids a page holds.
	perPage = 64
	// Least is how many ids are remembered: all pages but the one that is being filled.
	Least = (Pages - 1) * perPage
	// header of a page: the number of its first id, counted from the beginning.
	header = 8
)

// sum stands for a topic and an id.
type sum uint64

// Memory is that of one uplink. It is for one goroutine.
type Memory struct {
	pages [Pages][]sum
	begin [Pages]uint64 // number of the first id of a page
	next  uint64        // number of the next id
	known map[sum]struct{}
}

// New makes a memory of its pages, which read gives; nil: there is none. A page that cannot be read is forgotten.
func New(read func(page int) []byte) *Memory {
	m := &Memory{known: map[sum]struct{}{}}
	for p := range Pages {
		b := read(p)
		if len(b) <= header || len(b) > header+8*perPage || len(b)%8 != 0 {
			continue
		}
		begin := binary.LittleEndian.Uint64(b)
		if begin%perPage != 0 || begin/perPage%Pages != uint64(p) || begin > 1<<62 {
			continue
		}
		m.begin[p] = begin
		for b = b[header:]; len(b) > 0; b = b[8:] {
			s := sum(binary.LittleEndian.Uint64(b))
			m.pages[p] = append(m.pages[p], s)
			m.known[s] = struct{}{}
		}
		m.next = max(m.next, begin+uint64(len(m.pages[p])))
	}
	return m
}

// Known tells whether a command has come before.
func (m *Memory) Known(topic string, id []byte) bool {
	_, ok := m.known[sumOf(topic, id)]
	return ok
}

// With is the page that has to be stored when a command comes, and its new content. It does not remember the command yet: Add does, when
// it is stored.
func (m *Memory) With(topic string, id []byte) (page int, content []byte) {
	page = m.page()
	list := m.pages[page]
	if m.next%perPage == 0 {
		list = nil
	}
	content = binary.LittleEndian.AppendUint64(make([]byte, 0, header+8*(len(list)+1)), m.next-uint64(len(list)))
	for _, s := range list {
		content = binary.LittleEndian.AppendUint64(content, uint64(s))
	}
	return page, binary.LittleEndian.AppendUint64(content, uint64(sumOf(topic, id)))
}

// Add remembers a command.
func (m *Memory) Add(topic string, id []byte) {
	page, s := m.page(), sumOf(topic, id)
	if m.next%perPage == 0 {
		m.forget(page)
		m.begin[page] = m.next
	}
	m.pages[page] = append(m.pages[page], s)
	m.known[s] = struct{}{}
	m.next++
}

func (m *Memory) page() int { return int(m.next / perPage % Pages) }

// forget empties a page that is filled anew.
func (m *Memory) forget(page int) {
	gone := m.pages[page]
	m.pages[page] = nil
	for _, s := range gone {
		if !slices.ContainsFunc(m.pages[:], func(list []sum) bool { return slices.Contains(list, s) }) {
			delete(m.known, s)
		}
	}
}

func sumOf(topic string, id []byte) sum {
	h := sha256.New()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(topic)))
	h.Write(n[:])
	h.Write([]byte(topic))
	h.Write(id)
	return sum(binary.LittleEndian.Uint64(h.Sum(nil)))
}
