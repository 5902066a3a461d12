package pages

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestUnwritable(t *testing.T) {
	const maps = `00400000-00811000 r-xp 00000000 08:01 393230                             /usr/bin/skerry
00811000-00e9d000 r--p 00411000 08:01 393230                             /usr/bin/skerry
00e9d000-00ecb000 rw-p 00a9d000 08:01 393230                             /usr/bin/skerry
00ecb000-00f12000 rw-p 00000000 00:00 0
c000000000-c000400000 rw-p 00000000 00:00 0                              [anon: Go: heap]
7f1c4a000000-7f1c4a021000 r--p 00000000 08:01 393999                     /usr/lib/other/usr/bin/skerry2
7ffd1b5c4000-7ffd1b5c6000 r-xp 00000000 00:00 0                          [vdso]
torn line
`
	want := []mapping{{0x400000, 0x811000}, {0x811000, 0xe9d000}}
	if got := unwritable(strings.NewReader(maps), "/usr/bin/skerry"); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// What was mapped is given back, and the program goes on.
func TestDrop(t *testing.T) {
	work := func() string {
		_ = regexp.MustCompile(`(a|b)+c`).FindString("ababc")
		return fmt.Sprint(time.Unix(0, 0).UTC(), unicode.IsUpper('Ä'), strconv.Quote("x"), runtime.NumCPU() > 0)
	}
	before := work()
	mapped := fileKiB(t)
	if err := Drop(); err != nil {
		t.Fatal(err)
	}
	if now := fileKiB(t); now > mapped-256 {
		t.Errorf("%d KiB of files are mapped, and were %d before", now, mapped)
	}
	runtime.GC()
	if after := work(); after != before {
		t.Errorf("%q, and %q before", after, before)
	}
}

// fileKiB is how much of files is mapped.
func fileKiB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "RssFile:"); found {
			n, err := strconv.Atoi(strings.Fields(text)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no RssFile in /proc/self/status")
	return 0
}
