package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one key that a struct knows, read from the tags of its Go field:
//
//	yaml:"key"          its key; yaml:"key,named" for a slice that is a map by name in the file
//	oneof:"a b"         the texts allowed
//	in:"1..10"          the limits of a number, duration or size
//	later:"c d"         texts that are planned; on a blank field: planned keys
type field struct {
	name  string
	value reflect.Value
	oneof []string
	later []string
	in    limits
	named bool
}

// fieldsOf lists the keys of a struct.
func fieldsOf(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		name, options, _ := strings.Cut(t.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !t.IsExported() {
			continue
		}
		f := field{name: name, value: v.Field(i), in: limitsOf(t.Type, t.Tag.Get("in"))}
		f.oneof, f.later = strings.Fields(t.Tag.Get("oneof")), strings.Fields(t.Tag.Get("later"))
		f.named = options == "named"
		all = append(all, f)
	}
	return all
}

func pick(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func names(fields []field) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return all
}

// plannedKeys lists the keys that a struct will have.
func plannedKeys(t reflect.Type) []string {
	var all []string
	for i := range t.NumField() {
		if f := t.Field(i); f.Name == "_" {
			all = append(all, strings.Fields(f.Tag.Get("later"))...)
		}
	}
	return all
}

func planned(targets []reflect.Value, name string) bool {
	return slices.ContainsFunc(targets, func(v reflect.Value) bool { return slices.Contains(plannedKeys(v.Type()), name) })
}

// limits bound a number. The zero limits bound nothing.
type limits struct {
	text     string
	min, max float64
}

// limitsOf reads the limits of a type in its own notation. They stand in tags of this program: a mistake there is a panic.
func limitsOf(t reflect.Type, text string) limits {
	if text == "" {
		return limits{}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	low, high, ok := strings.Cut(text, "..")
	a, b := reflect.New(t).Elem(), reflect.New(t).Elem()
	if t.Implements(reflect.TypeFor[spanned]()) {
		a, b = reflect.New(durationType).Elem(), reflect.New(durationType).Elem()
	}
	if !ok || setScalar(low, a) != nil || setScalar(high, b) != nil {
		panic(fmt.Sprintf("config: bad limits %q for %v", text, t))
	}
	return limits{text, number(a), number(b)}
}

func (l limits) contains(v reflect.Value) bool {
	if l.text == "" {
		return true
	}
	if s, ok := v.Interface().(spanned); ok {
		r := s.span()
		return float64(r.Min) >= l.min && float64(r.Max) <= l.max
	}
	return number(v) >= l.min && number(v) <= l.max
}

// nearest is the end of the limits that v is beyond, as a hint.
func (l limits) nearest(v reflect.Value) string {
	low, high, _ := strings.Cut(l.text, "..")
	s, ok := v.Interface().(spanned)
	if ok && s.span().Min < s.span().Max {
		return "both ends from " + low + " to " + high
	}
	if ok && float64(s.span().Min) < l.min || !ok && number(v) < l.min {
		return "at least " + low
	}
	return "at most " + high
}

func number(v reflect.Value) float64 {
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	}
	return v.Float()
}

// spanned is a type whose limits are those of both its ends.
type spanned interface{ span() DurationRange }
