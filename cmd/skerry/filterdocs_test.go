package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"skerry/broker/filter"
)

const filterDocument = "../../docs/filter.md"

// TestFilterDocs runs every command of docs/filter.md on the configuration that stands there.
func TestFilterDocs(t *testing.T) {
	text, err := os.ReadFile(filterDocument)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "skerry")); err != nil {
		t.Fatal(err)
	}
	station := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if err := os.WriteFile(filepath.Join(dir, "station.yaml"), station[1], 0o600); err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1) {
		for _, example := range strings.Split("\n"+string(block[1]), "\n$ ")[1:] {
			command, want, _ := strings.Cut(example, "\n")
			commands++
			c := exec.Command("sh", "-c", command)
			c.Dir, c.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0")
			got, _ := c.CombinedOutput()
			if lines(string(got)) != lines(want) {
				t.Errorf("$ %s\nprints\n%s\nnot\n%s", command, got, want)
			}
		}
	}
	if commands < 4 {
		t.Errorf("only %d commands were found", commands)
	}
}

// lines sorts out that what is written to two streams comes in any order.
func lines(text string) string {
	var errors, others []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "skerry: ") {
			errors = append(errors, line)
		} else {
			others = append(others, line)
		}
	}
	return strings.Join(append(errors, others...), "\n")
}

// TestFilterDocsTable asks every expression of the table about the payloads beside it, and compares the lists of names and
// functions.
func TestFilterDocsTable(t *testing.T) {
	text, err := os.ReadFile(filterDocument)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	rows := 0
	_, table, _ := strings.Cut(string(text), "| expression |")
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") {
			if rows > 0 {
				break
			}
			continue
		}
		rows++
		cells := strings.Split(line, " | ")
		x, err := filter.Compile(code.FindStringSubmatch(cells[0])[1])
		if err != nil {
			t.Errorf("%s: %v", cells[0], err)
			continue
		}
		for i, holds := range []bool{true, false} {
			for _, payload := range code.FindAllStringSubmatch(cells[1+i], -1) {
				var s filter.Subject
				s.Set("a", []byte(payload[1]), nil, 0, false, 0)
				if got, err := x.Check(&s); got != holds {
					t.Errorf("%s holds of %s: %v, %v", cells[0], payload[1], got, err)
				}
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows were found", rows)
	}
	for _, name := range append(filter.Names(), filter.Functions...) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s is not in %s", name, filterDocument)
		}
	}
}
