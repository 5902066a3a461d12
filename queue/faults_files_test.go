package queue_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// storeDir makes a store on the file system of the machine, with n messages of 500 bytes in several slots, and closes it.
func storeDir(t *testing.T, n int) (dir string, session uint64) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "q")
	s := openDir(t, dir)
	x := create(t, s, queue.SessionOptions{})
	publish(t, s, retain(message("kept")))
	for i := range n {
		publish(t, s, message("%0500d", i), at(x, byte(1+i%2)))
		if i%10 == 9 {
			commit(t, s)
		}
	}
	closeStore(t, s)
	return dir, x.Number()
}

func openDir(t *testing.T, dir string) *queue.Store {
	t.Helper()
	s, _, err := queue.Open(vfs.OS{}, dir, small)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func slotFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "slot-*"))
	if err != nil || len(names) < 4 {
		t.Fatalf("slots %q, %v", names, err)
	}
	return names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSlotsInDisorder loses, cuts short, swaps and doubles slots, as file systems do after they were repaired, and people who copy
// files. The store opens, gives what is left in order, takes new messages, and loses none of those.
func TestSlotsInDisorder(t *testing.T) {
	const n = 400
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, slots []string)
		least int // messages that must be there
	}{
		{"swapped", func(t *testing.T, slots []string) {
			must(t, os.Rename(slots[0], slots[0]+"x"))
			must(t, os.Rename(slots[2], slots[0]))
			must(t, os.Rename(slots[0]+"x", slots[2]))
		}, n},
		{"renumbered", func(t *testing.T, slots []string) {
			must(t, os.Rename(slots[1], filepath.Join(filepath.Dir(slots[1]), "slot-0977")))
		}, n},
		{"doubled", func(t *testing.T, slots []string) {
			b, err := os.ReadFile(slots[1])
			must(t, err)
			must(t, os.WriteFile(filepath.Join(filepath.Dir(slots[1]), "slot-0555"), b, 0o640))
		}, n},
		{"first missing", func(t *testing.T, slots []string) { must(t, os.Remove(slots[0])) }, 0},
		{"middle missing", func(t *testing.T, slots []string) { must(t, os.Remove(slots[1])) }, n / 2},
		{"last missing", func(t *testing.T, slots []string) { must(t, os.Remove(slots[3])) }, n / 4},
		{"half a slot", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[1], 32<<10)) }, n / 2},
		{"header only", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[1], 1024)) }, n / 2},
		{"empty slot", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[1], 0)) }, n / 2},
		{"100 bytes", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[1], 100)) }, n / 2},
		{"last cut short", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[3], 8<<10)) }, n / 4},
		{"longer", func(t *testing.T, slots []string) { must(t, os.Truncate(slots[1], 128<<10)) }, n},
		{"zeros", func(t *testing.T, slots []string) {
			must(t, os.WriteFile(slots[1], make([]byte, small.SlotSize), 0o640))
		}, n / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, session := storeDir(t, n)
			c.do(t, slotFiles(t, dir))
			s := openDir(t, dir)
			x := s.Session(session)
			if x == nil && c.least == 0 { // its record was in what is missing
				x = create(t, s, queue.SessionOptions{})
			}
			got := checkOrder(t, texts(everything(t, s, x.Number())))
			if got < c.least {
				t.Errorf("%d messages, at least %d are not damaged", got, c.least)
			}
			for i := range 200 {
				publish(t, s, message("%0500d", n+i), at(x, 1))
			}
			closeStore(t, s)
			s = openDir(t, dir)
			defer closeStore(t, s)
			again := texts(everything(t, s, x.Number()))
			checkOrder(t, again)
			for i := range 200 {
				if !slices.Contains(again, fmt.Sprintf("%0500d", n+i)) {
					t.Fatalf("message %d, published after the repair, is lost", n+i)
				}
			}
		})
	}
}

// checkOrder counts messages, which must not go backwards.
func checkOrder(t *testing.T, all []string) (n int) {
	t.Helper()
	last := ""
	for _, text := range all {
		if text <= last {
			t.Fatalf("message %s after %s", strings.TrimLeft(text, "0"), strings.TrimLeft(last, "0"))
		}
		last = text
		n++
	}
	return n
}

// TestForeignFilesInStore: what is not ours is neither read as ours nor touched, whatever it is.
func TestForeignFilesInStore(t *testing.T) {
	dir, session := storeDir(t, 100)
	foreign := map[string]string{
		"README": "hello", "log/README": "hello", "log/slot-0900": strings.Repeat("not a slot ", 10_000), "log/slot-12": "x",
		"log/.slot-0001.swp": "x", "ckpt-a.db.old": "x", "quarantine/notes": "x",
	}
	for name, text := range foreign {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640))
	}
	must(t, os.Mkdir(filepath.Join(dir, "log", "slot-0901"), 0o750))
	must(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	must(t, os.Symlink("/nonexistent", filepath.Join(dir, "log", "slot-0902")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "log", "a-pipe"), 0o600))
	for want := range 3 {
		s := openDir(t, dir)
		if got := checkOrder(t, texts(everything(t, s, session))); got != max(1, 100-99*want) {
			t.Errorf("%d messages", got)
		}
		publish(t, s, retain(message("again")), at(s.Session(session), 1))
		closeStore(t, s)
	}
	for name, text := range foreign {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != text {
			t.Errorf("%s was touched: %v", name, err)
		}
	}
}

// TestCheckpointsThatAreNone: whatever lies in the place of a checkpoint costs time and nothing else.
func TestCheckpointsThatAreNone(t *testing.T) {
	other := drainedDir(t)
	for _, c := range []struct {
		name string
		do   func(t *testing.T, name string)
	}{
		{"missing", func(t *testing.T, name string) { must(t, os.Remove(name)) }},
		{"empty", func(t *testing.T, name string) { must(t, os.Truncate(name, 0)) }},
		{"garbage", func(t *testing.T, name string) {
			must(t, os.WriteFile(name, bytes.Repeat([]byte("garbage "), 8192), 0o640))
		}},
		{"half", func(t *testing.T, name string) { must(t, os.Truncate(name, fileSize(t, name)/2)) }},
		{"garbage behind the meta pages", func(t *testing.T, name string) {
			b, err := os.ReadFile(name)
			must(t, err)
			for i := 8192; i < len(b); i++ {
				b[i] ^= 0x55
			}
			must(t, os.WriteFile(name, b, 0o640))
		}},
		{"of another store", func(t *testing.T, name string) {
			b, err := os.ReadFile(filepath.Join(other, filepath.Base(name)))
			must(t, err)
			must(t, os.WriteFile(name, b, 0o640))
		}},
		{"a directory", func(t *testing.T, name string) {
			must(t, os.Remove(name))
			must(t, os.Mkdir(name, 0o750))
		}},
	} {
		for _, which := range []string{"ckpt-a.db", "ckpt-b.db"} {
			t.Run(c.name+" "+which, func(t *testing.T) {
				dir, session := storeDir(t, 600)
				c.do(t, filepath.Join(dir, which))
				for _, want := range []int{600, 0} {
					s := openDir(t, dir)
					if got := checkOrder(t, texts(everything(t, s, session))); got != want {
						t.Errorf("%d messages, want %d", got, want)
					}
					closeStore(t, s)
				}
			})
		}
	}
}

// drainedDir makes a store of which nothing is owed any more, and whose checkpoints say so.
func drainedDir(t *testing.T) string {
	t.Helper()
	dir, number := storeDir(t, 700)
	for range 3 {
		s := openDir(t, dir)
		everything(t, s, number)
		for range 60 { // commits that the checkpoints wait for
			publish(t, s, message("%02000d", 0), at(s.Session(number), 1))
			commit(t, s)
		}
		everything(t, s, number)
		closeStore(t, s)
	}
	return dir
}

func fileSize(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	return info.Size()
}

// TestLockFileIsForPeople: only the lock itself counts, not what is in the file.
func TestLockFileIsForPeople(t *testing.T) {
	dir, session := storeDir(t, 10)
	want := 10
	for _, text := range []string{"", "1", fmt.Sprint(os.Getpid()), "garbage\x00\xff", strings.Repeat("9", 5000)} {
		must(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(text), 0o640))
		s := openDir(t, dir)
		if got := len(everything(t, s, session)); got != want {
			t.Errorf("%d messages, want %d", got, want)
		}
		want = 0
		b, _ := os.ReadFile(filepath.Join(dir, "lock"))
		if string(b) != fmt.Sprint(os.Getpid()) {
			t.Errorf("the lock says %q", b)
		}
		closeStore(t, s)
	}
	must(t, os.Remove(filepath.Join(dir, "lock")))
	must(t, os.Mkdir(filepath.Join(dir, "lock"), 0o750))
	if _, _, err := queue.Open(vfs.OS{}, dir, small); err == nil || !strings.Contains(err.Error(), "lock") {
		t.Errorf("open: %v", err)
	}
}

// TestNoPermission opens a store as somebody who may not: the error names the path, and nothing is changed.
func TestNoPermission(t *testing.T) {
	for _, closed := range []string{"", "log", "lock", "log/slot-0001"} {
		t.Run("closed "+closed, func(t *testing.T) {
			dir, session := storeDir(t, 400)
			must(t, filepath.WalkDir(filepath.Dir(filepath.Dir(dir)), func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					err = os.Chmod(path, 0o777)
				} else if err == nil {
					err = os.Chmod(path, 0o666)
				}
				return err
			}))
			before := tree(t, dir)
			path := filepath.Join(dir, closed)
			must(t, os.Chmod(path, 0))
			out, err := asNobody(t, dir)
			must(t, os.Chmod(path, 0o777))
			if err == nil || !strings.Contains(out, "permission denied") || !strings.Contains(out, path) {
				t.Errorf("open says %q, %v", out, err)
			}
			after := tree(t, dir)
			for name, b := range before {
				if name != "lock" && !bytes.Equal(after[name], b) {
					t.Errorf("%s was changed", name)
				}
			}
			s := openDir(t, dir)
			defer closeStore(t, s)
			if got := len(everything(t, s, session)); got != 400 {
				t.Errorf("%d messages", got)
			}
		})
	}
}

// asNobody opens the store in a process that has no rights, which root would not notice to be missing.
func asNobody(t *testing.T, dir string) (string, error) {
	t.Helper()
	program := filepath.Join(filepath.Dir(dir), "child")
	b, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(program, b, 0o755))
	cmd := selfCommand(t, program)
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childTask+"=open", "GOCOVERDIR=")
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tree is every file below a directory.
func tree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		all[name], err = os.ReadFile(path)
		return err
	}))
	return all
}

// TestRestartLoop starts a station a thousand times that publishes one reading each time for an uplink that is never there: the disk
// must not fill with slots that are almost empty.
func TestRestartLoop(t *testing.T) {
	starts := rounds(1000)
	disk := vfs.NewDisk()
	var number uint64
	for i := range starts {
		s, r := open(t, disk, small)
		x := theSession(s)
		number = x.Number()
		publish(t, s, message("%d", i), at(x, 1))
		switch i % 3 {
		case 0:
			closeStore(t, s)
		default: // killed
			commit(t, s)
			disk = disk.Killed()
		}
		if r.Report.Damaged != 0 {
			t.Fatalf("start %d: %+v", i, r.Report)
		}
	}
	s, _ := open(t, disk, small)
	if got := len(everything(t, s, number)); got != starts {
		t.Errorf("%d of %d messages", got, starts)
	}
	// A start costs two blocks for its marker, one for the last group once more, and one or two for its own; less than five blocks of 1 KiB.
	most := 3 + starts*5*small.BlockSize/int(small.SlotSize)
	if n := s.Stats().Slots; n > most {
		t.Errorf("%d slots of %d KiB after %d starts with %d bytes each, at most %d are right", n, small.SlotSize>>10, starts, 50, most)
	}
	closeStore(t, s)
}
