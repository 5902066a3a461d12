// Command gotest runs `go test -json` with the arguments it was given and prints what a person needs: one line for each
// package, the output of what failed, and, at the end, each skipped test with its reason and the sums.
//
// Guarantee: the exit status is that of `go test`; with SKERRY_NO_SKIP=1 a skipped test is a failure too, so that a machine
// which promised to run everything cannot quietly run less. A package in which the race detector itself broke down, which go1.26 does now
// and then where timers fire in a bubble of testing/synctest, is tested again, and that counts: nothing was said of the program.
//
// Tests of many packages run beside each other on few processors. When up to three of all of them fail, each runs again by itself, three
// times; one that passes each time is named as unsteady at the end, with what it printed when it failed above, and is no failure. A panic,
// a data race, a package that ends early and a second failure are failures whatever comes afterwards.
//
// Limit: it reads the event stream of the go command; output of a build that failed is passed on as it came.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// run is what is known of a test, or of a package when Test is empty.
type run struct{ output []string }

// summary collects the events of one `go test`.
type summary struct {
	out                     io.Writer
	running                 map[string]*run
	skipped                 []string
	broken                  map[string]bool // packages in which the race detector broke down
	wrong                   []failure       // tests that failed, subtests not counted
	grave                   map[string]bool // packages in which something failed that no second run excuses
	passed, failed, skips   int
	packagesFailed, noTests int
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, running: map[string]*run{}, broken: map[string]bool{}, grave: map[string]bool{}}
}

func main() {
	os.Exit(testAll(os.Stdout, os.Args[1:]))
}

// attempts is how often a package is tested in which the race detector breaks down.
const attempts = 3

// testAll runs the tests, and again those of packages in which the race detector broke down.
func testAll(out io.Writer, args []string) int {
	s := newSummary(out)
	status := s.run(args)
	flags := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	for n := 1; n < attempts && len(s.broken) > 0; n++ {
		again := slices.Sorted(maps.Keys(s.broken))
		fmt.Fprintln(out, "the race detector broke down; once more:", strings.Join(again, " "))
		s.packagesFailed -= len(again)
		clean := s.failed+s.packagesFailed == 0
		for _, pkg := range again {
			delete(s.broken, pkg)
			delete(s.grave, pkg)
		}
		if status = s.run(append(append(slices.Clone(flags), "-count=1"), again...)); !clean {
			status = 1
		}
	}
	if status != 0 && s.alone(flags) {
		status, s.failed, s.packagesFailed = 0, 0, 0
	}
	s.close()
	if status != 0 || s.failed > 0 || (os.Getenv("SKERRY_NO_SKIP") == "1" && s.skips > 0) {
		return 1
	}
	return 0
}

// run is one go test. It returns its exit status.
func (s *summary) run(args []string) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		return 1
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "gotest: start the go command:", err)
		return 1
	}
	s.read(events)
	if cmd.Wait() != nil {
		return 1
	}
	return 0
}

// breakdown tells whether a line is what is printed when the race detector has a fault of its own: its own words, or a signal in code that
// is not Go's, which without cgo is nothing else. A fault of the program in Go reads "panic: ... [signal SIGSEGV".
func breakdown(line string) bool {
	return strings.HasPrefix(line, "ThreadSanitizer: CHECK failed") || strings.HasPrefix(line, "ThreadSanitizer:DEADLYSIGNAL") ||
		line == "SIGSEGV: segmentation violation\n"
}

func (s *summary) read(events io.Reader) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(s.out, lines.Text())
			continue
		}
		s.take(e)
	}
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		r := s.running[key]
		if r == nil {
			r = &run{}
			s.running[key] = r
		}
		r.output = append(r.output, e.Output)
		if breakdown(e.Output) {
			s.broken[e.Package] = true
		}
		if grave(e.Output) {
			s.grave[e.Package] = true
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.packageDone(e, s.running[key])
		} else {
			s.testDone(e, s.running[key])
		}
		delete(s.running, key)
	}
}

func (s *summary) testDone(e event, r *run) {
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		if !strings.Contains(e.Test, "/") {
			s.wrong = append(s.wrong, failure{e.Package, e.Test})
		}
		fmt.Fprintf(s.out, "FAIL %s %s (%.1fs)\n", e.Package, e.Test, e.Elapsed)
		s.print(r)
	case "skip":
		s.skips++
		s.skipped = append(s.skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(r)))
	}
}

func (s *summary) packageDone(e event, r *run) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
	case "skip":
		s.noTests++
	case "fail":
		s.packagesFailed++
		fmt.Fprintf(s.out, "FAIL %s\n", e.Package)
		s.interrupted(e.Package)
		s.print(r)
	}
}

// interrupted prints the tests of a package that never ended: the process died in one of them.
func (s *summary) interrupted(pkg string) {
	for _, key := range slices.Sorted(maps.Keys(s.running)) {
		if test, ok := strings.CutPrefix(key, pkg+" "); ok && test != "" {
			s.grave[pkg] = true
			fmt.Fprintf(s.out, "     %s did not end\n", test)
			s.print(s.running[key])
			delete(s.running, key)
		}
	}
}

func (s *summary) print(r *run) {
	if r == nil {
		return
	}
	for _, line := range r.output {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(s.out, "    ", line)
		}
	}
}

// reason finds the message of t.Skip in a test's output: the last line that names a position.
func reason(r *run) string {
	if r == nil {
		return "no reason given"
	}
	for _, line := range slices.Backward(r.output) {
		line = strings.TrimSpace(line)
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok = strings.Cut(text, ": "); ok {
				return text
			}
		}
	}
	return "no reason given"
}

// close prints the skipped tests and the sums. A test that was running when its package ended badly (a panic, a deadline)
// has no event of its own: its output is printed with the package, and the package counts as failed.
func (s *summary) close() {
	if len(s.skipped) > 0 {
		fmt.Fprintln(s.out, "\nSkipped, and why:")
		for _, line := range s.skipped {
			fmt.Fprintln(s.out, " ", line)
		}
	}
	if s.failed == 0 {
		s.failed = s.packagesFailed
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skips)
}
