package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"skerry/edge/config"
)

var update = flag.Bool("update", false, "write what Load says into testdata")

// TestWrong loads every file NAME.yaml of the archives in testdata/wrong and compares with NAME.want, one line per error.
func TestWrong(t *testing.T) {
	archives, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	dir := files(t)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			wrongFiles(t, dir, archive)
		})
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func wrongFiles(t *testing.T, dir string, archive *txtar.Archive) {
	want := map[string]string{}
	var inputs []txtar.File
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, ".want"); ok {
			want[name] = string(f.Data)
		} else {
			inputs = append(inputs, f)
		}
	}
	archive.Files = nil
	for _, in := range inputs {
		name := strings.TrimSuffix(in.Name, ".yaml")
		t.Run(name, func(t *testing.T) {
			got := problems(t, dir, in)
			if !*update && got != want[name] {
				t.Errorf("got\n%swant\n%s", got, want[name])
			}
			archive.Files = append(archive.Files, in, txtar.File{Name: name + ".want", Data: []byte(got)})
		})
	}
}

// problems returns the errors of one file, named as in the archive.
func problems(t *testing.T, dir string, in txtar.File) string {
	path := filepath.Join(dir, in.Name)
	if err := os.WriteFile(path, in.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path, testKinds())
	wrong, ok := errors.AsType[config.Errors](err)
	if !ok {
		t.Fatalf("Load: %v, want Errors", err)
	}
	for _, e := range wrong {
		if e.Hint == "" || e.Line == 0 {
			t.Errorf("no hint or no place: %v", e)
		}
	}
	return strings.ReplaceAll(wrong.Error(), dir+string(filepath.Separator), "") + "\n"
}
