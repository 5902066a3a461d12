package board_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Of periph.io/x/host only sysfs may be imported, anywhere: the others reach for physical memory (see the package comment).
func TestOnlySysfsOfPeriphHost(t *testing.T) {
	found := false
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return nil // not ours to judge here; the compiler does
		}
		for _, i := range f.Imports {
			p := strings.Trim(i.Path.Value, `"`)
			found = found || p == "periph.io/x/host/v3/sysfs"
			if strings.HasPrefix(p, "periph.io/x/host") && p != "periph.io/x/host/v3/sysfs" {
				t.Errorf("%s imports %s", path, p)
			}
		}
		return nil
	})
	if err != nil || !found {
		t.Errorf("the walk saw no import of sysfs: %v", err)
	}
}
