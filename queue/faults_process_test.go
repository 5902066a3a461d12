package queue_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// needs skips a test whose program is missing, or fails it where nothing may be skipped.
func needs(t *testing.T, program, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("needs %s (Debian: apt install %s)", program, debianPackage)
}

// childCommand is this program with a task instead of tests.
func childCommand(t *testing.T, task, dir string, before ...string) *exec.Cmd {
	t.Helper()
	cmd := selfCommand(t, os.Args[0], before...)
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childTask+"="+task)
	return cmd
}

// selfCommand is this program, or a copy of it, once more: behind what is to run it, and behind SKERRY_EMULATOR, which does so for a processor that the
// kernel does not know (scripts/arm).
func selfCommand(t *testing.T, program string, before ...string) *exec.Cmd {
	t.Helper()
	args := slices.Concat(before, strings.Fields(os.Getenv("SKERRY_EMULATOR")), []string{program})
	return exec.CommandContext(t.Context(), args[0], args[1:]...)
}

// TestSecondProcess: the lock is one of the kernel. It keeps another process out, says why, and is gone with its owner.
func TestSecondProcess(t *testing.T) {
	dir, _ := storeDir(t, 10)
	s := openDir(t, dir)
	before := tree(t, dir)
	out, err := childCommand(t, "open", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another process") || !strings.Contains(string(out), dir) {
		t.Errorf("a second process says %q, %v", out, err)
	}
	for name, b := range tree(t, dir) {
		if string(before[name]) != string(b) {
			t.Errorf("%s was changed by the second process", name)
		}
	}
	closeStore(t, s)
	if out, err := childCommand(t, "open", dir).CombinedOutput(); err != nil {
		t.Errorf("after Close: %s, %v", out, err)
	}
}

// TestAcknowledgedAfterFdatasync watches the system calls of a process that publishes to the file system of the machine: before it
// says that a message is acknowledged, the block with it was written and fdatasync of that file has returned 0. fsync,
// which drags the journal along, is not for slots.
func TestAcknowledgedAfterFdatasync(t *testing.T) {
	needs(t, "strace", "strace")
	log := filepath.Join(t.TempDir(), "trace")
	cmd := childCommand(t, "one by one", filepath.Join(t.TempDir(), "q"),
		"strace", "-f", "-y", "-s", "5000", "-o", log, "-e", "trace=pwrite64,write,fdatasync,fsync,sync_file_range,msync")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	b, err := os.ReadFile(log)
	must(t, err)
	tr := trace{t: t, written: map[string]string{}, durable: map[string]bool{}, begun: map[string]string{}}
	for line := range strings.Lines(string(b)) {
		tr.line(line)
	}
	if tr.acknowledged != 40 {
		t.Errorf("%d of 40 acknowledgements in the trace", tr.acknowledged)
	}
}

// trace reads what strace wrote: `1234 fdatasync(7</dir/log/slot-0000>) = 0`.
type trace struct {
	t            *testing.T
	written      map[string]string // message: file
	durable      map[string]bool   // message
	begun        map[string]string // process: the call it is in
	acknowledged int
}

var (
	numberIn = regexp.MustCompile(`number-\d{8}`)
	fileIn   = regexp.MustCompile(`^\w+\(\d+<([^>]*)>`)
)

func (tr *trace) line(line string) {
	pid, call, _ := strings.Cut(strings.TrimSpace(line), " ")
	call = strings.TrimSpace(call)
	if head, unfinished := strings.CutSuffix(call, "<unfinished ...>"); unfinished {
		tr.begun[pid] = head
		tr.begin(head)
		return
	}
	if _, tail, resumed := strings.Cut(call, " resumed>"); strings.HasPrefix(call, "<... ") && resumed {
		tr.end(tr.begun[pid], tail)
		return
	}
	tr.begin(call)
	tr.end(call, call)
}

// begin looks at what leaves: it must not before its message is durable.
func (tr *trace) begin(call string) {
	if !strings.HasPrefix(call, "write(1<") {
		return
	}
	_, n, ok := strings.Cut(call, "acknowledged-")
	if !ok {
		return
	}
	tr.acknowledged++
	if message := "number-" + n[:8]; !tr.durable[message] {
		tr.t.Errorf("%s is acknowledged; written: %q, and its file was not synced since", message, tr.written[message])
	}
}

func (tr *trace) end(call, result string) {
	m := fileIn.FindStringSubmatch(call)
	if m == nil {
		return
	}
	file := m[1]
	slot := strings.Contains(file, "/log/slot-")
	switch name, _, _ := strings.Cut(call, "("); {
	case name == "pwrite64" && slot:
		for _, n := range numberIn.FindAllString(call, -1) {
			tr.written[n] = file
			delete(tr.durable, n)
		}
	case name == "fdatasync" && slot && strings.HasSuffix(result, "= 0"):
		for n, in := range tr.written {
			tr.durable[n] = tr.durable[n] || in == file
		}
	case name == "fsync" && slot:
		tr.t.Errorf("fsync of %s", file)
	}
}

// TestOn32Bit runs the tests of the store as a program for 32-bit ARM, where an int has 32 bits and 64-bit counters need care.
func TestOn32Bit(t *testing.T) {
	needs(t, "qemu-arm-static", "qemu-user-static")
	if on32 := fmt.Sprint(^uint(0)>>32 == 0); on32 == "true" {
		return // this is it
	}
	for _, c := range []struct{ pkg, run string }{
		{".", "Golden|Fuzz|Format|Backlog|Spill|HandOver|Facts|Damage|TornTail|Disorder|Limit|Expired|Sweep|Age|Since|Memory|Packet|Inbound|State"},
		{"./slotlog", "Golden|Fuzz|Room|Prepare|Group|Large"},
		{"./checkpoint", "Update|Pairs|Large|Fuzz"},
		{"./vfs", "."},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", program, c.pkg)
			build.Env = append(os.Environ(), "GOARCH=arm", "GOARM=6", "CGO_ENABLED=0", "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			run := exec.CommandContext(t.Context(), "qemu-arm-static", program, "-test.run", c.run, fmt.Sprintf("-test.short=%v", testing.Short()))
			if run.Dir = c.pkg; c.pkg == "." {
				run.Dir = ""
			}
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
