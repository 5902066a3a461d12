package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"

	"skerry/edge/control"
)

// TestPurgeAsks: at a terminal it is said what would be dropped, and only a yes drops it.
func TestPurgeAsks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if out, err := imported(dir, exported(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		answer, says string
		fails        bool
		left         uint64
	}{
		{"n\n", "nothing was dropped", true, 1},
		{"\n", "nothing was dropped", true, 1},
		{"yes please\n", "nothing was dropped", true, 1},
		{"\x04", "nothing was dropped", true, 1}, // the end of the input
		{"\x03", "", true, 1},                    // Control-C
		{" Y \n", "1 message of 1 B dropped", false, 0},
	} {
		shown, err := answered(t, dir, c.answer)
		if (err != nil) != c.fails || !strings.Contains(shown, c.says) {
			t.Errorf("answer %q: the terminal shows %q, error %v", c.answer, shown, err)
		}
		if n := waiting(t, dir); n != c.left {
			t.Errorf("answer %q: %d messages are left, want %d", c.answer, n, c.left)
		}
	}
}

// answered answers the question of purge at a terminal and gives what it showed.
func answered(t *testing.T, dir, answer string) (string, error) {
	t.Helper()
	cmd := exec.Command("skerry", "queue", "purge", "#1", "--store", dir)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	screen := &screen{}
	var wg sync.WaitGroup
	wg.Go(func() { screen.read(terminal) })
	screen.wait(t, "of 1 B that wait for #1 (of nobody)? [y/N] ")
	terminal.WriteString(answer)
	err = cmd.Wait()
	wg.Wait()
	return screen.text(), err
}

func imported(dir string, lines []byte) ([]byte, error) {
	c := exec.Command("skerry", "queue", "import", "--store", dir, "-")
	c.Stdin = strings.NewReader(string(lines))
	return c.CombinedOutput()
}

// waiting is how many messages wait in a stopped store.
func waiting(t *testing.T, dir string) (n uint64) {
	t.Helper()
	d, err := control.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = control.Rows(t.Context(), d, control.Request{Do: control.Sessions}, func(r control.SessionRow) error {
		if r.Totals != nil {
			n = r.Totals.Messages
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLostOutput: a table that could not be written is an error, for those who look at the status.
func TestLostOutput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if out, err := imported(dir, exported(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, line := range []string{"ls", "ls --json", "peek #1", "verify", "stats", "stats --tbw 1TB --json", "export"} {
		args := append([]string{"queue"}, strings.Fields(line)...)
		c := exec.Command("skerry", append(args, "--store", dir)...)
		c.Stdout = full
		if err := c.Run(); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

// TestLargeAnswers are not gathered in memory without bound.
func TestLargeAnswers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if out, err := imported(dir, exported(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer func(before int) { mostShown = before }(mostShown)
	mostShown = 10
	for _, asJSON := range []bool{false, true} {
		c := queuePeekCmd{Session: "#1", Count: 10, lookFlags: lookFlags{storeFlags{Store: dir}, asJSON}}
		if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 10 B (hint: fewer with --number") {
			t.Errorf("JSON %t: %v", asJSON, err)
		}
	}
}
