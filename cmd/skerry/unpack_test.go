package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skerry/edge/uplink/pack"
)

const packDocument = "../../docs/pack.md"

// TestPackDocs runs the commands of docs/pack.md where it stands.
func TestPackDocs(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil && os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("python3 is not installed")
	} else if err != nil {
		t.Skip("needs python3 (Debian: apt install python3)")
	}
	text, err := os.ReadFile(packDocument)
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1) {
		for _, example := range strings.Split("\n"+string(block[1]), "\n$ ")[1:] {
			command, want, _ := strings.Cut(example, "\n")
			commands++
			if got, _ := shell(t, command, ""); strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("$ %s\nprints\n%s\nnot\n%s", command, got, want)
			}
		}
	}
	if commands < 4 {
		t.Errorf("only %d commands were found", commands)
	}
}

// shell runs a command beside docs/pack.md with this program as skerry, and gives what it prints, errors last, and its exit status.
func shell(t *testing.T, command, in string) (string, int) {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "skerry")); err != nil {
		t.Fatal(err)
	}
	var out, errors strings.Builder
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Dir, c.Env = filepath.Dir(packDocument), append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(in), &out, &errors
	c.Run()
	return out.String() + errors.String(), c.ProcessState.ExitCode()
}

func TestUnpack(t *testing.T) {
	file, err := os.ReadFile("../../docs/readings.pack")
	if err != nil {
		t.Fatal(err)
	}
	good := string(file)
	floored := "\xe1\x40\x00\x00\x00\x00\x00\x00\x00\x07\x01s\x09\x05\x01\x05\x10\x00\x01a\x00"
	bad := []byte(good)
	bad[60] ^= 1 // the first block has a check sum
	file, err = os.ReadFile("../../docs/primed.pack")
	if err != nil {
		t.Fatal(err)
	}
	primer, rest, err := pack.Split(file)
	if err != nil {
		t.Fatal(err)
	}
	with := filepath.Join(t.TempDir(), "primer")
	if err := os.WriteFile(with, append(slices.Clone(primer), '\n'), 0o600); err != nil { // as skerry sub writes it
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		command, in string
		status      int
		says        []string
	}{
		"payloads":         {"skerry unpack | head -n 1", good, 0, []string{`{"ts":1764380400013,"v":22.80,"u":"degC","q":"good","n":7087}`}},
		"format":           {"skerry unpack --format '%t %q %r %I' | head -n 1", good, 0, []string{"farm/north/gh01/temperature 1 0 2025-11-29T01:40:00.015Z"}},
		"a damaged block":  {"skerry unpack -v - | tail -n 1", string(bad), 0, []string{"lake/wx-042/battery/voltage {", "skerry: block 1: ", "check sum is wrong", "1 of 2 blocks could not"}},
		"its status":       {"skerry unpack >/dev/null", string(bad), 1, nil},
		"a floor":          {"skerry unpack --heads", floored, 0, []string{"sequence 9 to 9, nothing below 4 to come, 1 message"}},
		"newlines between": {"skerry unpack --heads | wc -l", good + "\n" + good + "\n", 0, []string{"4"}},
		"no block":         {"skerry unpack", "hello", 1, []string{"block 1: ", "begins with 0x68", "hint: a block begins with 0xe1"}},
		"cut off":          {"skerry unpack", good[:len(good)-1], 1, []string{"block 2: ", "cut off", "1 of 2 blocks"}},
		"a later version":  {"skerry unpack", "\xe2" + good[1:], 1, []string{"cannot read: version 2"}},
		"nothing":          {"skerry unpack", "", 1, []string{"there are no blocks"}},
		"no file":          {"skerry unpack absent", "", 1, []string{"open absent: no such file"}},
		"a primer before":  {"skerry unpack | wc -l", string(file), 0, []string{"24"}},
		"a primer's file":  {"skerry unpack -v --primer " + with, string(rest), 0, []string{`farm/north/gh03/pressure {"ts":1764380580035,"v":1009.89,"u":"hPa","q":"good","n":7052}`}},
		"no primer":        {"skerry unpack", string(rest), 1, []string{"primer of the block is not known: fbc26758", "hint: --primer FILE", "2 of 2 blocks"}},
		"not a primer":     {"skerry unpack --primer readings.pack", string(rest), 1, []string{"readings.pack: ", "it is no primer"}},
		"no primer's file": {"skerry unpack --primer absent", string(rest), 2, []string{"absent: no such file"}},
		"a wrong format":   {"skerry unpack --format %z", good, 2, []string{"there is no %z"}},
		"two formats":      {"skerry unpack -v --json", good, 2, []string{"can't be used together"}},
	} {
		got, status := shell(t, c.command, c.in)
		if status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		for _, text := range c.says {
			if !strings.Contains(got, text) {
				t.Errorf("%s: prints\n%s\nwithout %q", name, got, text)
			}
		}
	}
}
