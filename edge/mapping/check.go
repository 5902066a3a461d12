package mapping

import (
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
		if err := checkUnit(v); err != nil {
			errs = append(errs, err)
		}
		if err := checkText(v); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// needsConversion tells whether the driver's numbers are in another unit than the one published. A driver that gives no
// unit counts something, and the configuration says what.
func needsConversion(v config.Value) bool {
	return !v.Doc.Text && v.Doc.Unit != "" && v.Unit != v.Doc.Unit
}

func checkUnit(v config.Value) error {
	if !needsConversion(v) {
		return nil
	}
	how, ok := convert(v.Doc.Unit, v.Unit)
	if ok {
		return checkMultiply(v, &how)
	}
	if v.Multiply != 1 {
		return nil // converted by hand
	}
	hint := "to convert it yourself write multiply:, and offset: if the zeros differ"
	if units := convertible(v.Doc.Unit); units != "" {
		hint = "units it can be converted into: " + units + "; " + hint
	}
	return &drivers.OptionError{Key: "values." + v.Name + ".unit",
		Problem: fmt.Sprintf("the driver measures in %s, and there is no way from there to %s", v.Doc.Unit, v.Unit), Hint: hint}
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
	case v.Valid != nil:
		key = "valid"
	case v.Round != 0:
		key = "round"
	case v.Deadband.Percent:
		key = "deadband"
	default:
		return nil
	}
	return &drivers.OptionError{Key: "values." + v.Name + "." + key, Problem: "the value is a text, not a number", Hint: "leave it out"}
}
