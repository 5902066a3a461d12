package cutdisk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// mkfs makes an ext4 file system in f. All of it is written now, nothing in the background later: a meter would count that.
func mkfs(f *os.File, block int) error {
	const whole = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
	cmd := exec.Command("mkfs.ext4", "-q", "-F", "-E", whole, "-b", strconv.Itoa(block), "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{f}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	return nil
}

// vitals are the positions on a disk that ext4 takes for written as a whole, because without them it does not find its journal: its
// superblock, the group descriptors, the inode of the journal, and the journal's own superblock. To leave rubbish there would show what is known of ext4, and
// what e2fsck is for, instead of the program under test.
func vitals(disk []byte) []int64 {
	const super, journal = 1024, 8 // position of the superblock, number of the inode
	field := func(at int64) int64 { return int64(binary.LittleEndian.Uint32(disk[super+at:])) }
	block := int64(1024) << field(24)
	groups := max(super+1024, block) // group descriptors stand in the block behind the superblock
	inodes := int64(binary.LittleEndian.Uint32(disk[groups+8:])) * block
	inode := inodes + (journal-1)*int64(binary.LittleEndian.Uint16(disk[super+88:]))
	return append(journalSuper(disk, block), super, groups, inode)
}

// journalSuper finds the superblock of the journal: of jbd2, version 2.
func journalSuper(disk []byte, block int64) []int64 {
	const magic, superV2 = 0xC03B3998, 4
	for at := block; at < int64(len(disk)); at += block {
		if binary.BigEndian.Uint32(disk[at:]) == magic && binary.BigEndian.Uint32(disk[at+4:]) == superV2 {
			return []int64{at}
		}
	}
	return nil
}

// fsck repairs the file system in f, as well as that is possible, without asking.
func fsck(f *os.File) error {
	cmd := exec.Command("e2fsck", "-f", "-y", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.CombinedOutput()
	const repaired = 1 | 2 // exit status: errors were corrected; a system should be restarted
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode()&^repaired == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("e2fsck: %w: %s", err, out)
	}
	return nil
}
