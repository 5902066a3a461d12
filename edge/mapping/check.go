package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"skerry/drivers"
	"skerry/edge/config"
)

// check finds what is wrong with a sensor beyond what its keys show one by one.
func check(c config.Sensor) error {
	var errs []error
	for _, v := range c.Values {
		if _, err := conversionsOf(v); err != nil {
			errs = append(errs, err)
		}
		if err := checkText(v); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// conversions are those around a calibration; without one there is only before. Nil: the unit stays.
type conversions struct{ before, after *conversion }

// conversionsOf finds the way from the driver's unit to the one published. A driver that gives no unit counts something, and the
// configuration says what. A calibration leads from one unit to another by itself: without units of its own it begins with the
// driver's and ends with the one published.
func conversionsOf(c config.Value) (all conversions, err error) {
	if c.Doc.Text {
		return all, nil
	}
	if c.Calibrate == nil {
		if c.Doc.Unit == "" || c.Unit == c.Doc.Unit {
			return all, nil
		}
		how, ok := convert(c.Doc.Unit, c.Unit)
		if !ok && c.Multiply != 1 {
			return all, nil // converted by hand
		}
		if !ok {
			return all, noWay(c.Name, "unit", origin(c)+c.Doc.Unit, c.Doc.Unit, c.Unit,
				"to convert it yourself write multiply:, and offset: if the zeros differ")
		}
		all.before = &how
		return all, checkMultiply(c, &how)
	}
	if raw := c.Calibrate.RawUnit; raw != "" && raw != c.Doc.Unit {
		how, ok := convert(c.Doc.Unit, raw)
		if !ok {
			return all, noWay(c.Name, "calibrate", origin(c)+cmp.Or(c.Doc.Unit, "no unit"), c.Doc.Unit, raw, "leave the units of the points out")
		}
		all.before = &how
	}
	if unit := c.Calibrate.TrueUnit; unit != "" && unit != c.Unit {
		how, ok := convert(unit, c.Unit)
		if !ok {
			return all, noWay(c.Name, "unit", "the calibration ends in "+unit, unit, c.Unit, "leave unit: out")
		}
		all.after = &how
	}
	return all, nil
}

// origin says whose unit that of a value is.
func origin(c config.Value) string {
	if c.Derive.Formula != nil {
		return "the formula gives "
	}
	return "the driver measures in "
}

// noWay says that a unit cannot be converted into another one.
func noWay(value, key, what, from, to, hint string) error {
	if units := convertible(from); units != "" {
		hint = "units it can be converted into: " + units + "; " + hint
	}
	return &drivers.OptionError{Key: "values." + value + "." + key,
		Problem: fmt.Sprintf("%s, and there is no way from there to %s", what, to), Hint: hint}
}

// checkMultiply refuses the factor that the conversion applies already: the published number would be wrong by a factor
// of it, and look right.
func checkMultiply(v config.Value, how *conversion) error {
	factor := how.factor()
	if factor == 0 || factor == 1 || math.Abs(v.Multiply/factor-1) > 1e-6 {
		return nil
	}
	return &drivers.OptionError{Key: "values." + v.Name + ".multiply",
		Problem: fmt.Sprintf("%s is converted to %s already", v.Doc.Unit, v.Unit), Hint: "leave multiply: out"}
}

func checkText(v config.Value) error {
	if !v.Doc.Text {
		return nil
	}
	key := ""
	switch {
	case v.Multiply != 1:
		key = "multiply"
	case v.Offset != 0:
		key = "offset"
	case v.Calibrate != nil:
		key = "calibrate"
	case v.Valid != nil:
		key = "valid"
	case v.Window != nil:
		key = "window"
	case v.Burst != nil:
		key = "burst"
	case v.Round != 0:
		key = "round"
	case v.Deadband.Percent:
		key = "deadband"
	default:
		return nil
	}
	return &drivers.OptionError{Key: "values." + v.Name + "." + key, Problem: "the value is a text, not a number", Hint: "leave it out"}
}
