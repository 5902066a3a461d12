package modbus

import (
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"skerry/drivers"
)

// shipped are the profiles that come with the program.
//
//go:embed profiles/*.profile
var shipped embed.FS

const (
	extension     = ".profile"
	mostOfProfile = 1 << 20 // bytes
)

// profile is what is known of a type of device: a head of lines `key: value`, an empty line, and a table of comma-separated values
// whose first row names its columns.
type profile struct {
	title        string
	order        Order
	unit         *int
	model        Models
	identity     *identity
	hint         *identity // as identity, and another device may have it too: for those who look for devices
	maxRegisters int
	maxGap       *int
	values       []profileValue
}

type profileValue struct {
	name string
	opts ValueOpts
}

// Profiles are the names of those that come with the program.
func Profiles() []string {
	entries, _ := shipped.ReadDir("profiles") // it is there: it was embedded
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	slices.Sort(names)
	return names
}

func (p *profile) names() []string {
	var names []string
	for _, v := range p.values {
		names = append(names, v.name)
	}
	return names
}

// ProfileName is the name of a shipped profile, or the path of a file.
type ProfileName string

// UnmarshalText reads a name, or a path, which has a dot or a slash.
func (n *ProfileName) UnmarshalText(b []byte) error {
	*n = ProfileName(b)
	if n.file() {
		return nil
	}
	_, err := wordIndex(Profiles(), b)
	return err
}

func (n ProfileName) file() bool { return strings.ContainsAny(string(n), "/.") }

// profile finds the profile of the options; an empty one when they name none.
func (o *Opts) profile() (*profile, error) {
	name := string(o.Profile)
	if name == "" {
		return &profile{}, nil
	}
	wrong := func(err error, hint string) error {
		return &drivers.OptionError{Key: "profile", Problem: err.Error(), Hint: hint}
	}
	var text []byte
	var err error
	if o.Profile.file() {
		if text, err = readProfile(o.folder, name); err != nil {
			return nil, wrong(err, "a path is relative to the configuration")
		}
	} else if text, err = shipped.ReadFile("profiles/" + name + extension); err != nil {
		return nil, wrong(fmt.Errorf("no profile %q", name), "profiles: "+strings.Join(Profiles(), ", ")+"; or a file: ./my-meter.profile")
	}
	p, err := parseProfile(string(text))
	if err != nil {
		return nil, wrong(fmt.Errorf("%s: %w", name, err), "")
	}
	return p, nil
}

func readProfile(folder, name string) ([]byte, error) {
	path := name
	if !filepath.IsAbs(name) {
		path = filepath.Join(folder, name)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > mostOfProfile:
		return nil, fmt.Errorf("%s is not a file of at most 1 MiB", name)
	}
	return os.ReadFile(path)
}

// parseProfile reads the text of a profile.
func parseProfile(text string) (*profile, error) {
	head, table, found := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	if !found {
		return nil, errors.New("has no table: an empty line ends the head")
	}
	p := &profile{}
	for i, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, ":")
		if err := p.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	first := strings.Count(head, "\n") + 2 // lines before the table
	r := csv.NewReader(strings.NewReader(table))
	r.Comment, r.TrimLeadingSpace = '#', true
	columns, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line %d: the names of the columns are missing", first+1)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return p, p.check()
		}
		if err != nil {
			return nil, fmt.Errorf("after line %d: %w", first, err)
		}
		if err := p.addRow(columns, row); err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", first+line, err)
		}
	}
}

// set takes one line of the head.
func (p *profile) set(key, value string) (err error) {
	switch key {
	case "title":
		p.title = value
	case "source", "confirmed", "note":
	case "order":
		err = p.order.UnmarshalText([]byte(value))
	case "model":
		err = p.model.UnmarshalText([]byte(value))
	case "identity":
		p.identity, err = parseIdentity(value)
	case "recognise":
		p.hint, err = parseIdentity(value)
	case "unit_id":
		var n int
		n, err = number(value, 0, 255)
		p.unit = &n
	case "max_registers":
		p.maxRegisters, err = number(value, 1, 125)
	case "max_gap":
		var n int
		n, err = number(value, 0, 100)
		p.maxGap = &n
	default:
		err = fmt.Errorf("unknown key %q; the head has title, source, confirmed, note, order, unit_id, model, identity, recognise, max_registers, max_gap", key)
	}
	return err
}

func number(text string, low, high int) (int, error) {
	n, err := strconv.ParseInt(text, 0, 32)
	if err != nil || len(text) > 1 && text[0] == '0' && text[1] != 'x' || // 010 would be 8
		int(n) < low || int(n) > high {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, low, high)
	}
	return int(n), nil
}

// addRow takes one row of the table.
func (p *profile) addRow(columns, row []string) error {
	v := profileValue{opts: ValueOpts{Model: p.model}}
	for i, column := range columns {
		cell := strings.TrimSpace(row[i])
		if cell == "" {
			continue
		}
		if err := v.set(column, cell); err != nil {
			return fmt.Errorf("%s: %w", column, err)
		}
	}
	if v.name == "" || strings.ContainsFunc(v.name, notOfName) {
		return fmt.Errorf("name: %q is no name; it has letters, digits, _ and -", v.name)
	}
	if slices.Contains(p.names(), v.name) {
		return fmt.Errorf("name: %s is there twice", v.name)
	}
	if err := v.opts.check(v.name, &profile{}); err != nil {
		return err
	}
	r := v.opts.register(v.name, 0)
	v.opts.home = &place{r.table, r.address}
	v.opts.Table, v.opts.Address, v.opts.Reference = 0, nil, Reference{} // free for those of the configuration
	p.values = append(p.values, v)
	return nil
}

func notOfName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}

// set takes one cell.
func (v *profileValue) set(column, cell string) error {
	o, text := &v.opts, []byte(cell)
	switch column {
	case "name":
		v.name = cell
	case "table":
		return o.Table.UnmarshalText(text)
	case "address":
		return address(&o.Address, cell)
	case "scale":
		return address(&o.Scale, cell)
	case "reference":
		return o.Reference.UnmarshalText(text)
	case "type":
		return o.Type.UnmarshalText(text)
	case "order":
		return o.Order.UnmarshalText(text)
	case "bits":
		return o.Bits.UnmarshalText(text)
	case "missing":
		return o.Missing.UnmarshalText(text)
	case "length":
		n, err := number(cell, 1, 250)
		o.Length = n
		return err
	case "multiply":
		n, err := strconv.ParseFloat(cell, 64)
		if err != nil || n == 0 || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q is no factor", cell)
		}
		o.factor = n
	case "unit":
		o.unit = cell
	case "doc":
		o.doc = cell
	default:
		return errors.New("unknown column; there are name, table, address, reference, type, order, bits, length, multiply, scale, missing, unit, doc")
	}
	return nil
}

func address(to **uint16, cell string) error {
	n, err := number(cell, 0, 0xFFFF)
	a := uint16(n)
	*to = &a
	return err
}

func (p *profile) check() error {
	if len(p.values) == 0 {
		return errors.New("has no values")
	}
	return nil
}
