package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What the kernel says about a process.

// clockTick is the unit of /proc/PID/stat: USER_HZ, which Linux has fixed for programs.
const clockTick = time.Second / 100

// cpuTime is what all threads of a process have used, in the system too.
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third one on
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// residentSize is the memory that a process has in RAM, in bytes, pages of its program file included.
func residentSize(pid int) (int64, error) {
	n, err := statusField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
	return n * 1024, err
}

// wakeUps counts how often threads of a process have waited for something and gone on.
func wakeUps(pid int) (n int64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return 0, errors.Join(err, errors.New("the process has ended"))
	}
	for _, path := range tasks {
		m, err := statusField(path, "voluntary_ctxt_switches:")
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

func statusField(path, name string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
