package filter

import "fmt"

// sum adds numbers, and puts texts together: these get no longer than a payload that is looked into.
func sum(args ...any) (any, error) {
	switch a := args[0].(type) {
	case string:
		if b, ok := args[1].(string); ok {
			if len(a)+len(b) > MaxPayload {
				return nil, fmt.Errorf("a text would have more than %d bytes", MaxPayload)
			}
			return a + b, nil
		}
	case int:
		switch b := args[1].(type) {
		case int:
			return a + b, nil
		case float64:
			return float64(a) + b, nil
		}
	case float64:
		switch b := args[1].(type) {
		case int:
			return a + float64(b), nil
		case float64:
			return a + b, nil
		}
	}
	return nil, fmt.Errorf("%s and %s cannot be added", describe(args[0]), describe(args[1]))
}
