package cutdisk

import (
	"encoding/binary"
	"os/exec"
	"testing"
)

// TestVitals finds, on file systems as mkfs.ext4 makes them, what must not be left torn.
func TestVitals(t *testing.T) {
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip(err)
	}
	for _, block := range []int{1024, 4096} {
		s, err := NewScratch(32 << 20)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := mkfs(s.file, block); err != nil {
			t.Fatal(err)
		}
		at := vitals(s.Disk)
		if len(at) != 4 {
			t.Fatalf("blocks of %d bytes: %v", block, at)
		}
		journal, super, groups, inode := s.Disk[at[0]:], s.Disk[at[1]:], s.Disk[at[2]:], s.Disk[at[3]:]
		if magic := binary.BigEndian.Uint32(journal); magic != 0xC03B3998 {
			t.Errorf("blocks of %d bytes: superblock of the journal begins with %x", block, magic)
		}
		if magic := binary.LittleEndian.Uint16(super[56:]); magic != 0xEF53 {
			t.Errorf("blocks of %d bytes: superblock has the magic %x", block, magic)
		}
		if bitmap := binary.LittleEndian.Uint32(groups); bitmap == 0 || int(bitmap) >= len(s.Disk)/block {
			t.Errorf("blocks of %d bytes: the bitmap of group 0 is in block %d", block, bitmap)
		}
		if mode := binary.LittleEndian.Uint16(inode); mode != 0o100600 {
			t.Errorf("blocks of %d bytes: the journal is a file of mode %o", block, mode)
		}
	}
}
