package house

import (
	"go/ast"
	"os"
	"slices"
	"strings"
	"testing"
)

// tops are the entries that may stand at the top of the project, beside dot files.
var tops = []string{
	"cmd", "edge", "drivers", "queue", "broker", "board", "scripts", "docs",
	"go.mod", "go.sum", "README.md", "Makefile", "LICENSE", "CHANGELOG.md",
	"bin", "dist", "data", // made by the Makefile, never committed
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(tops, e.Name()) {
			t.Errorf("%s stands at the top of the project: it belongs into one of the folders", e.Name())
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment: purpose, vocabulary, guarantees, limits", pkg)
		}
	}
}

// TestNothingHappensByImport keeps work out of package initialisation: what a program does must stand where it is called.
func TestNothingHappensByImport(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
		}
		for _, spec := range s.file.Imports {
			if spec.Name != nil && spec.Name.Name == "_" {
				t.Errorf("%s imports %s for its side effect", s.path, spec.Path.Value)
			}
		}
	}
}

// calls lists functions that only some folders may call, because each is a door to the outside.
var calls = []struct {
	pkg     string // as the file names it
	names   []string
	folders []string
	why     string
}{
	// edge/control: a socket in the data directory, by which `skerry queue` asks a station that runs. edge/answers.go: the gateway asks
	// itself, over loopback, for a moment. edge/simulate: MQTT clients of the local broker, and uplinks to the server that stands in for theirs.
	{"net", []string{"Dial", "DialTimeout", "Listen", "ListenTCP", "ListenUnix", "DialTCP"},
		[]string{"broker/server", "edge/uplink", "edge/console", "edge/control", "edge/metric", "edge/answers.go", "edge/simulate", "board", "cmd", "scripts"}, "dialling and listening"},
	{"os", []string{"Create", "WriteFile", "OpenFile", "CreateTemp", "Rename"},
		[]string{"queue/vfs", "queue/checkpoint/file.go", "edge/config", "broker/access/userfile.go", "board", "cmd", "scripts"}, "writing files"},
}

func TestDoorsToTheOutside(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, door := range calls {
			if underAny(s.pkg, door.folders...) || slices.Contains(door.folders, s.path) {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok || !slices.Contains(door.names, sel.Sel.Name) {
					return true
				}
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == door.pkg {
					t.Errorf("%s: %s.%s: %s belongs to %v", s.fset.Position(sel.Pos()), door.pkg, sel.Sel.Name, door.why, door.folders)
				}
				return true
			})
		}
	}
}

const (
	functionBudget = 70  // lines of one function
	fileBudget     = 470 // lines of one file
)

// longer lists what may exceed a budget, with the reason.
var longer = map[string]string{}

func TestBudgets(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if n := s.fset.File(s.file.Pos()).LineCount(); n > fileBudget && longer[s.path] == "" {
			t.Errorf("%s has %d lines, the budget is %d: split it, or give a reason in this test", s.path, n, fileBudget)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			from, to := s.fset.Position(f.Pos()), s.fset.Position(f.End())
			if n := to.Line - from.Line + 1; n > functionBudget && longer[s.path+":"+f.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines, the budget is %d", from, f.Name.Name, n, functionBudget)
			}
		}
	}
}
