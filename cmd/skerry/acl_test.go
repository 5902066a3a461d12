package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"skerry/broker/access"
)

// TestAccessDocument asks what docs/access.md asks, and wants the answers that stand there.
func TestAccessDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../../docs/examples")
	asked := regexp.MustCompile(`(?m)^\$ skerry (acl .*)\n(.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(asked) < 3 {
		t.Fatalf("%d questions in the document", len(asked))
	}
	for _, m := range asked {
		var line struct {
			ACL aclCmd `cmd:"" name:"acl"`
		}
		parser, err := kong.New(&line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(strings.ReplaceAll(m[1], "'", ""))); err != nil {
			t.Fatal(err)
		}
		rules, err := access.ReadRules(line.ACL.File)
		if err != nil {
			t.Fatal(err)
		}
		if _, answer := line.ACL.ask(rules); answer != m[2] {
			t.Errorf("%s: %q, the document says %q", m[1], answer, m[2])
		}
	}
}
