package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build builds the guest for the machine and packs it with the modules it needs, and the daemon if it runs there, into the file that the
// kernel unpacks as its root.
func (m *machine) build() error {
	guest, err := m.compile("init", "./scripts/board/guest", "-ldflags", "-s -w")
	if err != nil {
		return err
	}
	var a archive
	a.folder("dev")
	a.device("dev/console", 5, 1)
	a.folder("modules")
	a.file("init", guest)
	if err := m.addStation(&a); err != nil {
		return err
	}
	for i, entry := range m.modules {
		pattern, options, _ := strings.Cut(entry, " ")
		root, pattern, _ := strings.Cut(pattern, "/*/")
		path, err := one(root, pattern)
		if err != nil {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("modules/%d", i)
		a.file(name+".ko", code)
		a.file(name+".options", []byte(options))
	}
	return os.WriteFile(m.initramfs(), a.end(), 0o644)
}

// addStation adds the daemon and its configuration.
func (m *machine) addStation(a *archive) error {
	if m.station == "" {
		return nil
	}
	daemon, err := m.compile("skerry", "./cmd/skerry", m.daemon...)
	if err != nil {
		return err
	}
	a.file("skerry", daemon)
	for i, name := range append([]string{m.station}, m.others...) {
		configuration, err := os.ReadFile(filepath.Join("scripts/board/station", name))
		if err != nil {
			return err
		}
		if i == 0 {
			name = "skerry.yaml"
		}
		a.file(name, configuration)
	}
	return nil
}

// compile builds a program for the machine.
func (m *machine) compile(name, of string, flags ...string) ([]byte, error) {
	program := filepath.Join(m.dir, m.name+"."+name)
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", program}, flags...), of)...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), m.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", of, err, out)
	}
	return os.ReadFile(program)
}

// archive is a cpio archive of the kind "newc", Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
type archive struct {
	bytes.Buffer
	inode int
}

const (
	modeFolder = 0o040755
	modeFile   = 0o100755
	modeDevice = 0o020600
)

func (a *archive) folder(name string)                   { a.entry(name, modeFolder, nil, 0, 0) }
func (a *archive) file(name string, data []byte)        { a.entry(name, modeFile, data, 0, 0) }
func (a *archive) device(name string, major, minor int) { a.entry(name, modeDevice, nil, major, minor) }

func (a *archive) entry(name string, mode int, data []byte, major, minor int) {
	a.inode++
	fmt.Fprintf(a, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	a.WriteString(name + "\x00")
	a.fill()
	a.Write(data)
	a.fill()
}

func (a *archive) fill() {
	for a.Len()%4 != 0 {
		a.WriteByte(0)
	}
}

func (a *archive) end() []byte {
	a.entry("TRAILER!!!", 0, nil, 0, 0)
	return a.Bytes()
}
