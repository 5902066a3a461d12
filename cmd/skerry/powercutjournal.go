package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// journal is two sectors of a file that are written in turn. The one that is whole and higher counts.
type journal struct {
	file *os.File
	turn int64
}

const journalSector = 512

// openJournal opens the file, or makes it. What stands in it stays until begin: it may be the number of a round that is still to be
// checked.
func openJournal(path, dir string) (*journal, error) {
	if err := survives(path, dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != 0 && info.Size() != 2*journalSector {
		err = fmt.Errorf("--journal %s is there and holds something else (hint: name a file that does not exist)", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{file: f}, nil
}

// forgetful are file systems that live in memory.
var forgetful = []uint32{unix.TMPFS_MAGIC, unix.RAMFS_MAGIC}

// inMemory tells whether what lies in a directory is gone without power.
func inMemory(dir string) bool {
	var kind unix.Statfs_t
	return unix.Statfs(dir, &kind) == nil && slices.Contains(forgetful, uint32(kind.Type))
}

// survives tells whether a file is elsewhere than what loses its power, and not in memory.
func survives(path, dir string) error {
	dir, err := existing(dir)
	if err != nil {
		return err
	}
	var here, there syscall.Stat_t
	above := filepath.Dir(path)
	if err := errors.Join(syscall.Stat(dir, &here), syscall.Stat(above, &there)); err != nil {
		return fmt.Errorf("--journal %s: %w", path, err)
	}
	switch {
	case inMemory(above):
		return fmt.Errorf("--journal %s lies in memory, which forgets it without power (hint: a USB stick, or a network share)", path)
	case disk(uint64(here.Dev)) == disk(uint64(there.Dev)):
		return fmt.Errorf("--journal %s lies on the disk that is to be tested (hint: a USB stick, or a network share)", path)
	}
	return nil
}

// existing is the lowest directory on the way to dir that is there.
func existing(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if up := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && up != dir {
			dir = up
			continue
		}
		return dir, err
	}
}

// disk names the whole device that a file system is on: the partitions of a card lose their power together.
func disk(dev uint64) string {
	name := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	path, err := filepath.EvalSymlinks("/sys/dev/block/" + name)
	if err != nil {
		return name // of a network, for instance
	}
	if _, err := os.Stat(filepath.Join(path, "partition")); err == nil {
		path = filepath.Dir(path)
	}
	return path
}

// begin forgets the round before.
func (j *journal) begin() error {
	_, err := j.file.WriteAt(make([]byte, 2*journalSector), 0)
	return errors.Join(err, j.file.Sync())
}

func (j *journal) tell(t told) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(t.Round))
	b = binary.LittleEndian.AppendUint64(b, t.Confirmed)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	j.turn = 1 - j.turn
	if _, err := j.file.WriteAt(b, j.turn*journalSector); err != nil {
		return err
	}
	return unix.Fdatasync(int(j.file.Fd()))
}

func readJournal(path string) (best told, err error) {
	f, err := os.Open(path)
	if err != nil {
		return best, err
	}
	defer f.Close()
	for at := range int64(2) {
		b := make([]byte, 20)
		if _, err := f.ReadAt(b, at*journalSector); err != nil {
			if err == io.EOF {
				break
			}
			return best, err
		}
		if crc32.ChecksumIEEE(b[:16]) != binary.LittleEndian.Uint32(b[16:]) {
			continue
		}
		t := told{int(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint64(b[8:])}
		if t.Round > best.Round || t.Round == best.Round && t.Confirmed > best.Confirmed {
			best = t
		}
	}
	if best.Round == 0 {
		return best, fmt.Errorf("%s holds no number (hint: is it the file that `skerry powercut write --journal` was given?)", path)
	}
	return best, nil
}
