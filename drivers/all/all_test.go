package all_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
)

func TestKindsAreSortedAndOnce(t *testing.T) {
	var names []string
	for _, k := range all.Kinds() {
		names = append(names, k.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("the table is %q", names)
	}
}

// Each driver has a page that names all of its keys, and its values with their units, and nothing else in those tables.
func TestPages(t *testing.T) {
	for _, k := range all.Kinds() {
		if !k.Reads() {
			continue // TestPageOfOutputs
		}
		b, err := os.ReadFile("../../docs/sensors/" + k.Name + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(b)
		want := keys("", k.Opts())
		for _, v := range k.Values {
			if v.Opts != nil {
				want = append(want, keys("values."+v.Name+".", v.Opts())...)
			}
		}
		if k.Named != nil {
			want = append(want, keys("values.NAME.", k.Named("x").Opts())...)
		}
		if got := column(page, "## Configuration", 1); !slices.Equal(got, want) {
			t.Errorf("%s: the page has the keys %q, the driver %q", k.Name, got, want)
		}
		checkValues(t, k, page)
	}
}

// TestPageOfOutputs: docs/outputs.md has the options of each driver.
func TestPageOfOutputs(t *testing.T) {
	b, err := os.ReadFile("../../docs/outputs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## Drivers\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, k := range all.Kinds() {
		if k.Output == nil {
			continue
		}
		_, part, found := strings.Cut(section, "**`"+k.Name+"`**")
		part, _, _ = strings.Cut(part, "\n**`")
		if !found {
			t.Errorf("nothing is said of %s", k.Name)
		}
		for _, key := range keys("", k.Output.Opts()) {
			if !strings.Contains(part, "`"+key+"`") && !strings.Contains(part, "`"+key+": ") {
				t.Errorf("%s: the page has no %s", k.Name, key)
			}
		}
	}
}

func checkValues(t *testing.T, k drivers.Kind, page string) {
	t.Helper()
	names, units := column(page, "## Values", 1), column(page, "## Values", 2)
	var want []string
	for i, v := range k.Values {
		want = append(want, v.Name)
		unit := v.Unit
		if v.Text {
			unit = "text"
		}
		if i < len(units) && units[i] != unit && units[i] != "as configured" {
			t.Errorf("%s: the page gives %s in %q, the driver in %q", k.Name, v.Name, units[i], unit)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s: the page has the values %q, the driver %q", k.Name, names, want)
	}
}

// keys are the names of the options in a struct.
func keys(prefix string, opts any) []string {
	var names []string
	typ := reflect.TypeOf(opts).Elem()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() {
			names = append(names, prefix+f.Tag.Get("yaml"))
		}
	}
	return names
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)$")

// column gives a column of the rows that begin with a quoted name, in a section.
func column(page, section string, n int) []string {
	_, rest, _ := strings.Cut(page, section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var cells []string
	for _, m := range row.FindAllStringSubmatch(rest, -1) {
		if n == 1 {
			cells = append(cells, m[1])
			continue
		}
		cells = append(cells, strings.TrimSpace(strings.Split(m[2], "|")[n-2]))
	}
	return cells
}

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// Each example on a page is a configuration that works.
func TestExamplesOnPages(t *testing.T) {
	for _, k := range all.Kinds() {
		if !k.Reads() {
			continue
		}
		b, err := os.ReadFile("../../docs/sensors/" + k.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		examples := block.FindAllSubmatch(b, -1)
		if len(examples) == 0 {
			t.Errorf("%s: the page has no example", k.Name)
		}
		for _, example := range examples {
			file := filepath.Join(t.TempDir(), k.Name+".yaml")
			if err := os.WriteFile(file, example[1], 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(file, all.Kinds())
			if err != nil {
				t.Errorf("%s: %v\n%s", k.Name, err, example[1])
				continue
			}
			if len(c.Sensors) != 1 || c.Sensors[0].Driver != k.Name {
				t.Errorf("%s: the example has the sensors %+v", k.Name, c.Sensors)
			}
		}
	}
}
