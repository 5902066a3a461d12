package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A package in which the race detector breaks down is tested again; what fails by itself, or breaks down again, has failed.
func TestBreakdown(t *testing.T) {
	t.Setenv("SKERRY_NO_SKIP", "")
	const dies = `
func TestDies(t *testing.T) {
	if _, err := os.Stat("died"); err == nil && once {
		return
	}
	os.WriteFile("died", nil, 0o600)
	os.Stderr.WriteString("ThreadSanitizer: CHECK failed: x.cpp:1\n")
	os.Exit(66)
}
`
	const fails = "\nfunc TestFails(t *testing.T) { t.Error(\"wrong\") }\n"
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"breaks down once", "const once = true\n" + dies, 0},
		{"breaks down again", "const once = false\n" + dies, 1},
		{"fails, and breaks down", "const once = true\n" + fails + dies, 1},
		{"dies of a signal", "const once = true\n" + strings.Replace(dies, "ThreadSanitizer: CHECK failed: x.cpp:1", "SIGSEGV: segmentation violation", 1), 0},
		{"fails", "const once = true\nvar _ = os.Exit\n" + fails, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := judged(t, test.body, test.want)
			if again := strings.Contains(out, "once more"); again != strings.Contains(test.body, "died") {
				t.Errorf("once more: %t\n%s", again, out)
			}
		})
	}
}

// A test that fails among the others and passes by itself is named, and is no failure; what a second run cannot excuse stays one.
func TestUnsteady(t *testing.T) {
	t.Setenv("SKERRY_NO_SKIP", "")
	once := func(name, fault string) string {
		return "\nfunc Test" + name + "(t *testing.T) {\n\tif _, err := os.Stat(\"" + name + "\"); err != nil {\n\t\tos.WriteFile(\"" + name + "\", nil, 0o600)\n\t\t" + fault + "\n\t}\n}\n"
	}
	const wrong = `t.Error("wrong")`
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"once", once("A", wrong), 0},
		{"three, once", once("A", wrong) + once("B", wrong) + once("C", wrong), 0},
		{"a part, once", "func TestA(t *testing.T) { t.Run(\"part\", testA) }\n" + strings.Replace(once("A", wrong), "TestA", "testA", 1), 0},
		{"four, once", once("A", wrong) + once("B", wrong) + once("C", wrong) + once("D", wrong), 1},
		{"once and again", once("A", wrong) + "\nfunc TestB(t *testing.T) { t.Error(\"wrong\") }\n", 1},
		{"a panic, once", once("A", `panic("wrong")`), 1},
		{"a data race, once", once("A", "println(\"WARNING: DATA RACE\")\n\t\t"+wrong), 1},
		{"the end of the process, once", once("A", "os.Exit(3)"), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := judged(t, test.body, test.want)
			if named := strings.Contains(out, "unsteady: m TestA failed once"); named != (test.want == 0) {
				t.Errorf("named: %t\n%s", named, out)
			}
			if !strings.Contains(out, "FAIL m") {
				t.Errorf("what failed is not shown:\n%s", out)
			}
		})
	}
}

// judged tests a package of one file, wants a status, and gives what was printed.
func judged(t *testing.T, body string, want int) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module m\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "m_test.go"), "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n"+body)
	t.Chdir(dir)
	var out bytes.Buffer
	if got := testAll(&out, []string{"-vet=off", "./..."}); got != want {
		t.Errorf("status %d, want %d:\n%s", got, want, &out)
	}
	return out.String()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
