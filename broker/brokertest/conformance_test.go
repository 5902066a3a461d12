package brokertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skerry/broker/brokertest"
)

// row is one line of a table in CONFORMANCE.md.
type row struct{ version, clause, code, test string }

// conformance reads the tables of the two versions with numbered clauses.
func conformance(t *testing.T) (rows []row) {
	t.Helper()
	version := ""
	for line := range strings.Lines(readFile(t, "../CONFORMANCE.md")) {
		if head, ok := strings.CutPrefix(line, "## MQTT "); ok {
			version = strings.TrimSpace(head)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || version == "3.1 (MQIsdp)" || version == "" || strings.HasPrefix(line, "| clause") {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("CONFORMANCE.md: not four columns: %s", line)
			continue
		}
		rows = append(rows, row{version, strings.TrimSpace(cells[0]), cells[2], strings.TrimSpace(cells[3])})
	}
	return rows
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// clausesOf reads the list of all clauses of a version.
func clausesOf(t *testing.T, version string) (ids []string) {
	t.Helper()
	for line := range strings.Lines(readFile(t, "testdata/clauses-"+version+".txt")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			ids = append(ids, line)
		}
	}
	return ids
}

// TestConformanceListed keeps CONFORMANCE.md complete, and true as far as names can be.
func TestConformanceListed(t *testing.T) {
	rows := conformance(t)
	for version, count := range map[string]int{"3.1.1": 141, "5.0": 251} {
		ids := clausesOf(t, version)
		if len(ids) != count {
			t.Errorf("%s has %d clauses, the list holds %d", version, count, len(ids))
		}
		listed := map[string]int{}
		for _, r := range rows {
			if r.version == version {
				listed[r.clause]++
			}
		}
		for _, id := range ids {
			if listed[id] != 1 {
				t.Errorf("CONFORMANCE.md: clause %s of %s stands there %d times", id, version, listed[id])
			}
			delete(listed, id)
		}
		for id := range listed {
			t.Errorf("CONFORMANCE.md: %s has no clause %s", version, id)
		}
	}
	v := newNames(t)
	for _, r := range rows {
		v.check(r)
	}
}

// TestCasesNameClauses finds titles with a clause that their version does not have.
func TestCasesNameClauses(t *testing.T) {
	cases, err := brokertest.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		version, _, _ := strings.Cut(c.File, "/")
		if version == "3.1" {
			continue
		}
		for _, id := range c.Clauses {
			if !slices.Contains(clausesOf(t, version), id) {
				t.Errorf("%s: there is no clause %s", c.Name(), id)
			}
		}
	}
}

// names knows what can be named in CONFORMANCE.md.
type names struct {
	t     *testing.T
	tests map[string]bool
	held  map[string]bool // "5.0/3.01-connect.txt 3.1.0-1"
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

func newNames(t *testing.T) *names {
	n := &names{t, map[string]bool{}, map[string]bool{}}
	for _, pattern := range []string{"../*_test.go", "../*/*_test.go", "../../queue/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			for _, m := range testFunc.FindAllStringSubmatch(readFile(t, f), -1) {
				n.tests[m[1]] = true
			}
		}
	}
	cases, err := brokertest.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, id := range c.Clauses {
			n.held[c.File+" "+id] = true
		}
	}
	return n
}

var quoted = regexp.MustCompile("`([^`]*)`")

// check looks up everything that a row names.
func (n *names) check(r row) {
	where := fmt.Sprintf("CONFORMANCE.md: %s of %s", r.clause, r.version)
	for _, m := range quoted.FindAllStringSubmatch(r.code, -1) {
		if err := n.code(m[1]); err != nil {
			n.t.Errorf("%s: %v", where, err)
		}
	}
	tests := quoted.FindAllStringSubmatch(r.test, -1)
	excused := strings.HasPrefix(r.test, "client's duty") || strings.HasPrefix(r.test, "not applicable: ")
	if !excused && (len(tests) == 0 || !strings.Contains(r.code, "`")) {
		n.t.Errorf("%s: it names no code or no test, and no reason", where)
	}
	for _, m := range tests {
		if err := n.test(m[1], r); err != nil {
			n.t.Errorf("%s: %v", where, err)
		}
	}
}

// code looks up "server/publish.go: aliased".
func (n *names) code(ref string) error {
	file, name, named := strings.Cut(ref, ": ")
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		text, err = os.ReadFile(filepath.Join("../..", file))
	}
	if err != nil {
		return fmt.Errorf("there is no file %s", file)
	}
	declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|var |const |type )` + regexp.QuoteMeta(name) + `\b`)
	if named && !declared.Match(text) {
		return fmt.Errorf("%s declares no %s", file, name)
	}
	return nil
}

// test looks up a Go test, a file of conversations with a case for the clause, or a file with words in it.
func (n *names) test(ref string, r row) error {
	file, words, worded := strings.Cut(ref, ": ")
	if !strings.HasSuffix(file, ".txt") {
		if !n.tests[ref] {
			return fmt.Errorf("there is no test %s", ref)
		}
		return nil
	}
	path := filepath.Join("..", file)
	if !strings.Contains(file, "testdata") {
		path = filepath.Join("testdata", file)
	}
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return fmt.Errorf("there is no file %s", file)
	case worded && !strings.Contains(string(text), words):
		return fmt.Errorf("%s does not hold %q", file, words)
	case !worded && !n.held[file+" "+r.clause]:
		return fmt.Errorf("%s has no case with the clause in its title", file)
	}
	return nil
}
