package budget

import (
	"encoding/json"
	"errors"
	"fmt"
)

// fact is what an account must know after a restart. It is written rarely and kept short:
//
//	{"ahead":65536,"day":["2026-11-30",1203311,"2026-11-29",2400021],"month":["2026-11-15",30120411]}
//
// A row holds periods by their first days and the bytes used in each: the current one, the one before, and one that was left for an earlier one.
type fact struct {
	Ahead int64 `json:"ahead"` // bytes charged and not used when it was written
	Day   row   `json:"day,omitempty"`
	Month row   `json:"month,omitempty"`
}

// row is written as an array without the entries at its end that are not there.
type row []entry

// MarshalJSON writes the entries one after the other. A date that is not known is "".
func (r row) MarshalJSON() ([]byte, error) {
	var flat []any
	for _, e := range r {
		first := ""
		if !e.First.IsZero() {
			first = e.First.String()
		}
		flat = append(flat, first, e.Used)
	}
	return json.Marshal(flat)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *row) UnmarshalJSON(text []byte) error {
	var flat []json.RawMessage
	if err := json.Unmarshal(text, &flat); err != nil {
		return err
	}
	if len(flat) == 0 || len(flat)%2 != 0 || len(flat) > 6 {
		return fmt.Errorf("a period has %d values: want one to three pairs of a date and bytes", len(flat))
	}
	*r = nil
	for ; len(flat) > 0; flat = flat[2:] {
		var e entry
		if string(flat[0]) != `""` {
			if err := json.Unmarshal(flat[0], &e.First); err != nil {
				return err
			}
		}
		if err := json.Unmarshal(flat[1], &e.Used); err != nil {
			return err
		}
		if e.Used < 0 {
			return fmt.Errorf("%d bytes used: want 0 or more", e.Used)
		}
		*r = append(*r, e)
	}
	return nil
}

func decodeFact(text []byte) (fact, error) {
	var f fact
	if err := json.Unmarshal(text, &f); err != nil {
		return fact{}, err
	}
	if f.Ahead < 0 {
		return fact{}, errors.New("less than nothing is charged ahead")
	}
	return f, nil
}

func (f *fact) row(p Period) *row {
	if p == Day {
		return &f.Day
	}
	return &f.Month
}

// restore takes what the fact says of the book's periods. Everything charged ahead counts as used.
func (b *book) restore(f *fact) {
	r := append(*f.row(b.Period), make(row, 3)...)
	b.current, b.before, b.ahead = r[0], r[1], r[2]
	if len(*f.row(b.Period)) > 0 { // an allowance that is new in the configuration begins with nothing
		b.current.Used = plus(b.current.Used, f.Ahead)
	}
}

func (b *book) save(f *fact) {
	r := row{b.current, b.before, b.ahead}
	for len(r) > 1 && r[len(r)-1] == (entry{}) {
		r = r[:len(r)-1]
	}
	*f.row(b.Period) = r
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // numbers and dates only: cannot fail
		return nil
	}
	return text
}
