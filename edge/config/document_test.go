package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/formula"
)

const document = "../../docs/configuration.md"

func readDocument(t *testing.T) (working, planned string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	working, planned, ok := strings.Cut(string(text), "\n## Planned\n")
	if !ok {
		t.Fatal("no section of planned keys")
	}
	return working, planned
}

// TestDocumented: the document has every key of the language and no other, in its tables what works, at its end what is planned.
func TestDocumented(t *testing.T) {
	text, end := readDocument(t)
	working, planned := config.Keys()
	compare(t, "working", working, firstGroups("(?m)^\\| `([^`]+)` \\|", text))
	compare(t, "planned", planned, firstGroups("`([^`]+)`", end))
}

func firstGroups(pattern, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func compare(t *testing.T, what string, keys, documented []string) {
	t.Helper()
	for _, k := range keys {
		if !slices.Contains(documented, k) {
			t.Errorf("%s key %s is not in %s", what, k, document)
		}
	}
	for _, k := range documented {
		if !slices.Contains(keys, k) {
			t.Errorf("%s has %s as a %s key, which Load does not know", document, k, what)
		}
	}
}

// TestDocumentedFunctions: docs/values.md has every function that expressions can use.
func TestDocumentedFunctions(t *testing.T) {
	text, err := os.ReadFile("../../docs/values.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formula.Functions() {
		if !strings.Contains(string(text), "`"+f.Name+"`") && !strings.Contains(string(text), "`"+f.Name+"(") {
			t.Errorf("%s is not documented", f.Name)
		}
	}
}

// TestDocumentedExamples loads every block of YAML in the document, in the pages on values, alarms, boards, outputs, Home Assistant, servers, uplinks and budgets and in the README as
// a file.
func TestDocumentedExamples(t *testing.T) {
	text, _ := readDocument(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := firstGroups("(?s)```yaml\n(.*?)```", text)
	first := firstGroups("(?s)```yaml\n(.*?)```", string(readme))
	if len(first) == 0 {
		t.Fatal("no example in the README")
	}
	blocks = append(blocks, first...)
	for _, page := range []string{"values", "alarms", "boards", "outputs", "home-assistant", "uplink", "keep-alive", "budget", "servers", "streams", "ground", "explain"} {
		text, err := os.ReadFile("../../docs/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		more := firstGroups("(?s)```yaml\n(.*?)```", string(text))
		if len(more) == 0 {
			t.Errorf("no example in %s", page)
		}
		blocks = append(blocks, more...)
	}
	if len(blocks) < 5 {
		t.Fatalf("%d blocks", len(blocks))
	}
	dir := files(t)
	for _, block := range blocks {
		path := filepath.Join(dir, "block.yaml")
		if err := os.WriteFile(path, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path, all.Kinds()); err != nil {
			t.Errorf("%v\n%s", err, block)
		}
	}
}

// TestExamples loads every file of docs/examples, beside the files that it names.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../docs/examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no examples", err)
	}
	dir := files(t)
	for from, to := range map[string]string{"lan.crt": "ca.crt", "users": "access.acl", "other.crt": "device.crt", "other.key": "device.key"} {
		if err := os.Link(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "scenarios"), os.DirFS("../../docs/examples/scenarios")); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(dir, filepath.Base(path))
			if err := os.WriteFile(copied, text, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(copied, all.Kinds())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range c.Sensors {
				seen[s.Driver] = true
			}
			for _, o := range c.Outputs {
				seen[o.Driver] = true
			}
		})
	}
	for _, k := range all.Kinds() {
		if !seen[k.Name] {
			t.Errorf("no example has driver %s", k.Name)
		}
	}
}
