package main

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPowercut plays the scripts of the verb powercut: a process that is killed on an honest disk, and a disk that is made to look
// like that of a liar.
func TestPowercut(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/powercut",
		Setup: setUpStation,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port":      cmdPort,
			"spawn":     cmdSpawn,
			"arrives":   cmdArrives,
			"end":       cmdEnd,
			"crash":     cmdCrash,
			"status":    cmdStatus,
			"listening": cmdListening,
			"station":   cmdQueueStation,
			"write":     cmdWrite,
			"garble":    cmdGarble,
			"elsewhere": cmdElsewhere,
		},
	})
}

var confirmedLine = regexp.MustCompile(`^confirmed (\d+)\n$`)

// write ARG...: runs `skerry powercut write ARG...` until 50 steps are confirmed, kills it and sets $CONFIRMED to the last number.
func cmdWrite(ts *testscript.TestScript, neg bool, args []string) {
	os.Remove(ts.MkAbs("write.out"))
	cmdSpawn(ts, false, append([]string{"write", "skerry", "powercut", "write", "--size", "256KiB"}, args...))
	wait(ts, "50 confirmed steps", func() bool { return len(complete(ts, "write.out")) > 50 || of(ts).programs["write"].ended() })
	cmdCrash(ts, false, []string{"write"})
	lines := complete(ts, "write.out")
	if len(lines) == 0 {
		ts.Fatalf("nothing was confirmed: %s", ts.ReadFile("write.err"))
	}
	last := confirmedLine.FindStringSubmatch(lines[len(lines)-1])
	if last == nil {
		ts.Fatalf("%q tells nothing", lines[len(lines)-1])
	}
	ts.Setenv("CONFIRMED", last[1])
	ts.Logf("%s confirmed", last[1])
}

// garble FILE OFFSET: writes rubbish there.
func cmdGarble(ts *testscript.TestScript, neg bool, args []string) {
	var at int64
	_, err := fmt.Sscan(args[1], &at)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte("rubbish"), at)
	ts.Check(err)
	ts.Check(f.Close())
}

// elsewhere: sets $ELSEWHERE to a directory on another file system, where there is one.
func cmdElsewhere(ts *testscript.TestScript, neg bool, args []string) {
	dir, err := os.MkdirTemp("/dev/shm", "skerry")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	ts.Setenv("ELSEWHERE", dir)
}
