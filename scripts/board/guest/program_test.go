package main

import (
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *program {
	t.Helper()
	p, err := start("the script", "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func is(want string) func(string) bool { return func(line string) bool { return line == want } }

func TestProgramSaysAndStops(t *testing.T) {
	p := shell(t, `trap 'echo bye; exit 0' TERM; echo one; echo two >&2; while :; do sleep 0.05; done`)
	if line, err := p.await(0, time.Minute, is("two")); line != "two" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := p.await(2, 0, is("one")); err == nil || !strings.Contains(err.Error(), "did not say it in 0s; of 0 lines") {
		t.Errorf("a line that came before: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(p.said(0), " "); got != "one two bye" {
		t.Error(got)
	}
}

// What became of it stands in the error: the console is all that anybody sees.
func TestProgramThatFails(t *testing.T) {
	p := shell(t, `echo why; exit 3`)
	if _, err := p.await(0, time.Minute, is("ready")); err == nil || !strings.Contains(err.Error(), "the script has ended (exit status 3); it said: why") {
		t.Errorf("awaited: %v", err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "it said: why") {
		t.Errorf("stopped: %v", err)
	}
	p = shell(t, `trap 'echo sorry; exit 4' TERM; echo up; while :; do sleep 0.05; done`)
	if _, err := p.await(0, time.Minute, is("up")); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "exit status 4; it said: up / sorry") {
		t.Errorf("ended badly: %v", err)
	}
	if _, err := start("nothing", "/does/not/exist"); err == nil || !strings.Contains(err.Error(), "start nothing") {
		t.Errorf("%v", err)
	}
}
