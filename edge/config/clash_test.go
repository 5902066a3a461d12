package config_test

import (
	"reflect"
	"strings"
	"testing"

	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
)

// keysOf lists the keys of a struct.
func keysOf(t reflect.Type) map[string]bool {
	all := map[string]bool{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			all[name] = true
		}
	}
	return all
}

// TestNoOptionHidesAKey: the options of a driver and the keys that every sensor, or output, has share one map of the file.
func TestNoOptionHidesAKey(t *testing.T) {
	sensor, value := keysOf(reflect.TypeFor[config.Sensor]()), keysOf(reflect.TypeFor[config.Value]())
	sensor["values"] = true
	check := func(kind string, opts func() any, taken map[string]bool) {
		if opts == nil {
			return
		}
		for key := range keysOf(reflect.TypeOf(opts()).Elem()) {
			if taken[key] {
				t.Errorf("driver %s has an option %s, which is a key of every sensor, value or output", kind, key)
			}
		}
	}
	outputs := keysOf(reflect.TypeFor[config.Output]())
	for _, k := range all.Kinds() {
		if k.Output != nil {
			check(k.Name, k.Output.Opts, outputs)
		}
		check(k.Name, k.Opts, sensor)
		docs := k.Values
		if k.Named != nil {
			docs = append([]drivers.ValueDoc{k.Named("x")}, docs...)
		}
		for _, doc := range docs {
			check(k.Name, doc.Opts, value)
		}
	}
}
