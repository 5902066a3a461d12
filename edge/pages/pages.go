// Package pages gives back what the start of a program has mapped of its own file.
//
// Linux maps the 64 KiB around every place of a program file that is touched, and leaves them mapped while memory is not short:
// of a daemon that was started once and then does little, most of the resident memory is code that read the configuration and
// will not run again. Pages that are mapped by a process count as in use, and the kernel takes those of programs last. What
// Drop has given back stays in the page cache as long as nobody needs the room, and is the first to go then; what runs at rest is
// mapped again when it is touched, which costs a minor fault and reads nothing.
//
// Guarantee: only what is mapped from the file of the program, and cannot be written to, is given back (madvise(2),
// MADV_DONTNEED), so that no byte of the process changes.
//
// Limit: no memory of the process itself is freed; that is the garbage collector's. A program that reads its file over a network
// or from a card that was pulled meanwhile finds less of itself in memory afterwards.
package pages

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Drop gives back the pages of the program's file. The error says what could not be read or given back; nothing is
// different then, but the memory.
func Drop() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	for _, m := range unwritable(maps, program) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise %x-%x: %w", m.from, m.to, errno)
		}
	}
	return nil
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// unwritable finds what a file is mapped to and cannot be written to, in /proc/PID/maps (proc(5)).
func unwritable(maps io.Reader, file string) (all []mapping) {
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var m mapping
		var rights, offset, device, inode string
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "%x-%x %s %s %s %s", &m.from, &m.to, &rights, &offset, &device, &inode); err != nil {
			continue
		}
		if strings.HasSuffix(line, " "+file) && !strings.Contains(rights, "w") {
			all = append(all, m)
		}
	}
	return all
}
