package filter

import (
	"fmt"
	"math"
)

// A missingError says what a message does not have.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what + " is missing" }

// present returns its first argument, unless that is missing; the second is its name.
func present(args ...any) (any, error) {
	if args[0] == nil {
		return nil, &missingError{args[1].(string)}
	}
	return args[0], nil
}

// member returns a member of a map by its name, or one of a list by its place; from the end if that is negative.
func member(args ...any) (any, error) {
	from, key := args[0], args[1]
	if name, ok := key.(string); ok {
		switch m := from.(type) {
		case map[string]any:
			if v, ok := m[name]; ok {
				return v, nil
			}
			return nil, &missingError{name}
		case map[string]string:
			if v, ok := m[name]; ok {
				return v, nil
			}
			return nil, &missingError{name}
		}
		return nil, fmt.Errorf("%s is asked of %s, which has no members", name, describe(from))
	}
	i, ok := place(key)
	if !ok {
		return nil, fmt.Errorf("%s is no name and no place", describe(key))
	}
	switch list := from.(type) {
	case []any:
		return element(list, i)
	case []string:
		return element(list, i)
	}
	return nil, fmt.Errorf("element %d is asked of %s, which is no list", i, describe(from))
}

// place is an index; whole numbers of a payload are good for it too.
func place(key any) (int, bool) {
	switch k := key.(type) {
	case int:
		return k, true
	case float64:
		return int(k), k == math.Trunc(k) && math.Abs(k) < 1<<31
	}
	return 0, false
}

func element[T any](list []T, i int) (any, error) {
	at := i
	if at < 0 {
		at += len(list)
	}
	if at < 0 || at >= len(list) {
		return nil, &missingError{fmt.Sprintf("element %d of %d", i, len(list))}
	}
	return list[at], nil
}

// describe names a value in an error: a text or list of any length stays short.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case map[string]any, map[string]string:
		return "a map"
	case []any, []string:
		return "a list"
	case string:
		if len(v) > 40 {
			return fmt.Sprintf("%.40q...", v)
		}
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}
