package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is the top of the project, seen from this package's folder.
const root = "../.."

// module is the module path that project-internal imports begin with.
const module = "skerry/"

// source is one parsed Go file of the project.
type source struct {
	path    string // relative to root, with slashes
	pkg     string // folder, relative to root
	test    bool
	fset    *token.FileSet
	file    *ast.File
	imports []string
}

// sources parses every Go file of the project. It reads the files itself: a test that asks `go list` in a child process is
// answered from the test cache after an import has changed.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d Go files: the walk does not see the project", len(all))
	}
	return all
}

// parsed is done once for all tests.
var parsed = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		s, err := parse(path)
		if err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	return all, err
})

func parse(path string) (source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	s := source{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"), fset: fset, file: f}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, name)
	}
	return s, nil
}

// under reports whether pkg is the folder dir or lies below it.
func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// underAny reports whether pkg is one of dirs or lies below one.
func underAny(pkg string, dirs ...string) bool {
	for _, dir := range dirs {
		if under(pkg, dir) {
			return true
		}
	}
	return false
}
