package keepalive

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Path is what a timer on the way may depend on.
type Path struct {
	Link     string `json:"link,omitempty"`
	Operator string `json:"operator,omitempty"` // MCC-MNC
	APN      string `json:"apn,omitempty"`
	Class    string `json:"class,omitempty"` // technology of the radio: LTE, NB-IoT
	Server   string `json:"server"`          // host:port
}

// Most is how many paths a Book keeps.
const Most = 16

// longestName bounds the texts of a Path, in bytes.
const longestName = 255

// Book is what is known of the paths of an uplink. The zero Book is empty.
type Book struct{ pages []page } // the one changed last is the last

type page struct {
	Path
	State
}

// ParseBook reads what MarshalJSON has written. Pages that make no sense are left out.
func ParseBook(document []byte) (Book, error) {
	var all []page
	if err := json.Unmarshal(document, &all); err != nil {
		return Book{}, fmt.Errorf("read what is known of the keep-alive: %w", err)
	}
	var b Book
	for _, p := range all {
		if p.State.sound() && p.Path.sound() {
			b.Put(p.Path, p.State)
		}
	}
	return b, nil
}

func (p Path) sound() bool {
	return !slices.ContainsFunc([]string{p.Link, p.Operator, p.APN, p.Class, p.Server}, func(s string) bool { return len(s) > longestName })
}

// MarshalJSON writes the document.
func (b Book) MarshalJSON() ([]byte, error) {
	if b.pages == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(b.pages)
}

// Get gives what is known of a path; the zero State if nothing is.
func (b *Book) Get(p Path) State {
	for _, one := range b.pages {
		if one.Path == p {
			return one.State
		}
	}
	return State{}
}

// Put notes what is known of a path. Of too many the one that has not changed for longest is forgotten.
func (b *Book) Put(p Path, s State) {
	b.pages = slices.DeleteFunc(slices.Clone(b.pages), func(one page) bool { return one.Path == p })
	b.pages = append(b.pages, page{p, s})
	if over := len(b.pages) - Most; over > 0 {
		b.pages = slices.Delete(b.pages, 0, over)
	}
}

// Len is the number of paths.
func (b *Book) Len() int { return len(b.pages) }
