package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"skerry/drivers"
)

// section is a map of the file that is decoded later, when what it depends on is known.
type section struct {
	node *yaml.Node
	path string
}

// nodeDecoder is a type that does not look in the file as it does in Go.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	sectionType  = reflect.TypeFor[section]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value fills v from a node.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, f field) {
	at := n
	n = follow(n)
	if !d.enter(at, path) || !d.plain(n, path) {
		return
	}
	d.depth++
	defer func() { d.depth-- }()
	if custom, ok := v.Addr().Interface().(nodeDecoder); ok {
		custom.decodeNode(d, n, path)
		return
	}
	switch {
	case v.Type() == sectionType:
		v.Set(reflect.ValueOf(section{n, path}))
	case scalarType(v.Type()):
		d.scalar(n, path, v, f)
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(n, path, p.Elem(), f)
		v.Set(p)
	case v.Kind() == reflect.Struct:
		d.mapping(n, path, v)
	case v.Kind() == reflect.Slice && f.named:
		d.named(n, path, v)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v, f)
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		d.table(n, path, v, f)
	default:
		panic(fmt.Sprintf("config: %s: a field of type %v cannot be decoded", path, v.Type()))
	}
}

// items takes what stands in a list, or alone. none says what is wrong with an empty list.
func (d *decoder) items(n *yaml.Node, path, none, hint string, take func(item *yaml.Node) error) {
	list, several := []*yaml.Node{n}, n.Kind == yaml.SequenceNode
	if several {
		list = n.Content
	}
	if len(list) == 0 {
		d.wrong(n, path, none, hint)
	}
	for i, item := range list {
		at := path
		if several {
			at = fmt.Sprintf("%s[%d]", path, i)
			d.note(at, item)
		}
		item = follow(item)
		if !d.enter(item, at) {
			return
		}
		if err := take(item); err != nil {
			d.wrong(item, at, err.Error(), hintOf(err))
		}
	}
}

// plain refuses tags, which would have YAML do things that this language does otherwise.
func (d *decoder) plain(n *yaml.Node, path string) bool {
	if n.Style&yaml.TaggedStyle == 0 {
		return true
	}
	hint := "remove it"
	if slices.Contains([]string{"!secret", "!file", "!env", "!include"}, n.Tag) {
		hint = "a secret stands in a file of its own: password_file: PATH"
	}
	d.wrong(n, path, fmt.Sprintf("tag %s is not known", n.Tag), hint)
	return false
}

// maxScalar is the longest text that anything here can have: a topic's.
const maxScalar = 65_535

// scalarType reports whether a type is written as one text.
func scalarType(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textType) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// scalar fills v from a text and checks it against the limits of its field.
func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value, f field) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(n, path, fmt.Sprintf("wants %s, not %s", noun(v.Type()), kindOf(n)), "write it on the line of its key: KEY: VALUE")
	case empty(n):
		d.wrong(n, path, "has no value", "leave the line out to have the default")
	case len(n.Value) > maxScalar:
		d.wrong(n, path, fmt.Sprintf("is longer than %d bytes", maxScalar), "is a quote not closed?")
	case strings.ContainsFunc(n.Value, unicode.IsControl):
		d.wrong(n, path, "holds a line end or another control character", "is a quote not closed? Nothing here has more than one line")
	case slices.Contains(f.later, n.Value):
		d.wrong(n, path, n.Value+" is not supported yet", notYet(f.oneof))
	case len(f.oneof) > 0 && !slices.Contains(f.oneof, n.Value):
		d.wrong(n, path, unknownWord(n.Value), suggest(n.Value, f.oneof))
	default:
		if err := setScalar(n.Value, v); err != nil {
			problem, hint := explainScalar(n.Value, err)
			d.wrong(n, path, problem, hint)
		} else if !f.in.contains(v) {
			d.wrong(n, path, fmt.Sprintf("%s is outside %s", n.Value, f.in.text), f.in.nearest(v))
		}
	}
}

func notYet(choices []string) string {
	if len(choices) == 0 {
		return ""
	}
	return "allowed: " + strings.Join(choices, ", ")
}

// explainScalar gives the words of drivers the same explanation as those of this package.
func explainScalar(text string, err error) (problem, hint string) {
	if e, ok := errors.AsType[*drivers.WordError](err); ok {
		return unknownWord(text), suggest(text, e.Words)
	}
	return err.Error(), hintOf(err)
}

func unknownWord(text string) string { return fmt.Sprintf("%q is not known here", text) }

func hintOf(err error) string {
	if h, ok := errors.AsType[*hinted](err); ok {
		return h.hint
	}
	return ""
}

// setScalar puts a text into v. Numbers and truth values in the place of a text are taken as they are written.
func setScalar(text string, v reflect.Value) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		n, err := parseDuration(text)
		v.SetInt(int64(n))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		return setBool(text, v)
	case reflect.Float32, reflect.Float64:
		n, err := parseNumber(text)
		v.SetFloat(n)
		return err
	default:
		return setInteger(text, v)
	}
	return nil
}

func setBool(text string, v reflect.Value) error {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		v.SetBool(true)
	case "false", "no", "off":
		v.SetBool(false)
	default:
		return &hinted{fmt.Sprintf("%q is neither true nor false", text), "write true or false"}
	}
	return nil
}

// setInteger reads 16 and 0x10. A leading zero is refused: half of the readers take it for an octal number.
func setInteger(text string, v reflect.Value) error {
	wrong := &hinted{fmt.Sprintf("%q is not a whole number", text), "digits alone: 64; or 0x40"}
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] != 'x' || strings.Contains(text, "_") {
		return wrong
	}
	if v.CanUint() {
		n, err := strconv.ParseUint(text, 0, v.Type().Bits())
		if err != nil {
			return outside(text, err, wrong)
		}
		v.SetUint(n)
		return nil
	}
	n, err := strconv.ParseInt(text, 0, v.Type().Bits())
	if err != nil {
		return outside(text, err, wrong)
	}
	v.SetInt(n)
	return nil
}

func outside(text string, err, wrong error) error {
	if errors.Is(err, strconv.ErrRange) {
		return &hinted{fmt.Sprintf("%s is too large", text), "has it a digit too many?"}
	}
	return wrong
}

// mapping fills the fields of structs that share one map of the file.
func (d *decoder) mapping(n *yaml.Node, path string, targets ...reflect.Value) {
	if !d.isMap(n, path) {
		return
	}
	var fields []field
	for _, t := range targets {
		fields = append(fields, fieldsOf(t)...)
	}
	for _, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.value)
		if f, ok := pick(fields, e.name); ok {
			d.value(e.value, at, f.value, f)
		} else if planned(targets, e.name) {
			d.wrong(e.key, at, "not supported yet", "leave it out in this version")
		} else {
			d.wrong(e.key, at, "unknown key", suggest(e.name, names(fields)))
		}
	}
}

// isMap reports whether n is a map. A key with nothing behind it, as when all lines below are comments, is an empty one.
func (d *decoder) isMap(n *yaml.Node, path string) bool {
	if n.Kind != yaml.MappingNode && !empty(n) {
		d.wrong(n, path, "wants keys with values, not "+kindOf(n), "write {KEY: VALUE}, or KEY: VALUE on lines of their own, indented")
	}
	return n.Kind == yaml.MappingNode
}

// named fills a slice of structs from a map whose keys are their names.
func (d *decoder) named(n *yaml.Node, path string, v reflect.Value) {
	if !d.isMap(n, path) {
		return
	}
	all := reflect.MakeSlice(v.Type(), 0, len(n.Content)/2)
	for _, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.value)
		d.checkName(e.key, at, e.name)
		one := reflect.New(v.Type().Elem()).Elem()
		one.FieldByName("Name").SetString(e.name)
		d.value(e.value, at, one, field{})
		all = reflect.Append(all, one)
	}
	v.Set(all)
}

// table fills a Go map.
func (d *decoder) table(n *yaml.Node, path string, v reflect.Value, f field) {
	if !d.isMap(n, path) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.value)
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, at, one, f)
		v.SetMapIndex(reflect.ValueOf(e.name).Convert(v.Type().Key()), one)
	}
}

// list fills a slice.
func (d *decoder) list(n *yaml.Node, path string, v reflect.Value, f field) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, path, "wants a list, not "+kindOf(n), "write [A, B]")
		return
	}
	items := n.Content
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.note(at, item)
		d.value(item, at, v.Index(i), f)
	}
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf says what stands in the file.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case empty(n):
		return "nothing"
	}
	return "a text or number"
}

// noun says what a type wants.
func noun(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration"
	case reflect.PointerTo(t).Implements(textType), t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
