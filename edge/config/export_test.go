package config

import (
	"reflect"
	"strings"
)

// Keys lists every key that works and every one that is planned, as the documentation writes them: NAME for a name.
// A planned choice of a key that works is KEY: CHOICE.
func Keys() (working, planned []string) {
	walk(reflect.TypeFor[contents](), "", func(key string) { working = append(working, key) }, func(key string) { planned = append(planned, key) })
	return working, planned
}

// ScenarioKeys lists every key of a scenario, and those of a signal.
func ScenarioKeys() (keys []string) {
	works := func(key string) { keys = append(keys, key) }
	walk(reflect.TypeFor[Scenario](), "", works, nil)
	walk(reflect.TypeFor[Shape](), "", works, nil)
	return keys
}

func walk(t reflect.Type, path string, works, later func(string)) {
	for _, key := range plannedKeys(t) {
		later(below(path, key))
	}
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		at := below(path, f.name)
		for _, choice := range f.later {
			later(at + ": " + choice)
		}
		ft := f.value.Type()
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		switch {
		case ft == sectionType && f.name == "outputs":
			walk(reflect.TypeFor[Output](), at+".NAME", works, later)
		case ft == sectionType:
			walk(reflect.TypeFor[Sensor](), at+".NAME", works, later)
			walk(reflect.TypeFor[Value](), at+".NAME.values.NAME", works, later)
		case ft.Kind() == reflect.Slice && !f.named && listed(ft):
			walk(ft.Elem(), at+"[]", works, later)
		case f.named:
			walk(ft.Elem(), at+".NAME", works, later)
		case reflect.PointerTo(ft).Implements(reflect.TypeFor[nodeDecoder]()):
			works(strings.TrimPrefix(at, "."))
		case ft.Kind() == reflect.Struct && !reflect.PointerTo(ft).Implements(textType):
			walk(ft, at, works, later)
		default:
			works(strings.TrimPrefix(at, "."))
		}
	}
}

// listed: a list of maps.
func listed(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Elem().Kind() == reflect.Struct && !p.Implements(reflect.TypeFor[nodeDecoder]()) && !p.Implements(textType)
}

var (
	Overlap   = overlap
	Identity  = identity
	LoadBytes = load
)
