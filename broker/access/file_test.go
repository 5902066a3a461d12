package access_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/access"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// By the clock of a bubble, which stands still: as if the file system counted in whole seconds.
	if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// A Client obeys the file as it is: also when the file is new, broken, gone, and right again.
func TestRuleFileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock counts the seconds between two looks
		var log lines
		path := filepath.Join(t.TempDir(), "acl")
		write(t, path, "topic read a")
		f, err := access.OpenRules(path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		c := f.For("", "c")
		look := func(want bool, why string) {
			t.Helper()
			time.Sleep(time.Second)
			f.Look()
			if got := c.MayRead("b"); got != want {
				t.Errorf("%s: may read b: %v, want %v", why, got, want)
			}
		}
		look(false, "the first file")
		write(t, path, "topic read b") // as long as the first, in the same moment
		f.Look()
		if c.MayRead("b") {
			t.Error("the file was looked at twice in a second")
		}
		look(true, "another rule")
		write(t, path, "topic reed b")
		for range 5 {
			look(true, "a broken file")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			look(true, "no file")
		}
		write(t, path, "topic read a")
		look(false, "right again")
		write(t, path, "topic read b")
		f.Reload()
		if !c.MayRead("b") {
			t.Error("Reload does not read the file")
		}
		if n, m := log.count("rules read again"), log.count("stay in force"); n != 3 || m != 1 {
			t.Errorf("%d times read again, %d times broken; want 3, and once for the fault and the missing file together\n%s", n, m, log.buf.String())
		}
		if !strings.Contains(log.buf.String(), path+":1: ") {
			t.Errorf("the log does not say where the fault is:\n%s", log.buf.String())
		}
	})
}

// Who has logged in is spared the hash the next time, also when others have been added or taken away meanwhile; not when his own line
// has changed.
func TestUserFileRemembersLogins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	ada, bob := "ada:"+hash(t, "engine")+"\n", "bob:"+hash(t, "lamp")+"\n"
	write(t, path, ada+bob)
	f, err := access.OpenUsers(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !f.Authenticate("ada", []byte("engine")) || !f.Authenticate("bob", []byte("lamp")) {
			t.Fatal("somebody does not get in")
		}
		write(t, path, "bob:"+hash(t, "lamp")+"\n"+"eve:"+hash(t, "x")+"\n"+ada)
		f.Reload()
		if !f.Knows("ada", "engine") || f.Knows("ada", "lamp") || f.Knows("bob", "lamp") || f.Knows("eve", "x") {
			t.Errorf("known: ada %v, bob %v, eve %v; want ada alone", f.Knows("ada", "engine"), f.Knows("bob", "lamp"), f.Knows("eve", "x"))
		}
	}
	write(t, path, "eve:"+hash(t, "x")+"\n")
	f.Reload()
	if f.Knows("ada", "engine") || f.Authenticate("ada", []byte("engine")) {
		t.Error("who is gone is remembered")
	}
}

// What was written a moment ago waits for the next look: it may be empty because more is about to be written, as editors do. Users who
// are not in it would be disconnected.
func TestFileJustWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "users")
		write(t, path, "ada:"+hash(t, "engine")+"\n")
		f, err := access.OpenUsers(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		write(t, path, "")
		f.Look()
		if f.Credential("ada") == "" {
			t.Error("the first half of a change counts")
		}
		write(t, path, "bob:"+hash(t, "lamp")+"\n")
		time.Sleep(time.Second)
		f.Look()
		if f.Credential("ada") != "" || f.Credential("bob") == "" {
			t.Error("the change does not count a second later")
		}
		write(t, path, "")
		time.Sleep(time.Second)
		f.Look()
		if f.Credential("bob") != "" {
			t.Error("a file that is empty for good does not count")
		}
	})
}

// A file that takes the place of another is noticed, though it is as long and as old: as with cp -p, or out of a package.
func TestRuleFileReplacedByItsLike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "acl")
		old := time.Now()
		write(t, path, "topic read a")
		time.Sleep(time.Hour)
		f, err := access.OpenRules(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path+".new", "topic read b")
		if err := os.Chtimes(path+".new", old, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		f.Look()
		if c := f.For("", "c"); c.MayRead("a") || !c.MayRead("b") {
			t.Error("the old rules are in force")
		}
	})
}

func TestUserFileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		path := filepath.Join(t.TempDir(), "users")
		write(t, path, "ada:"+hash(t, "engine")+"\n")
		f, err := access.OpenUsers(path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if !f.Authenticate("ada", []byte("engine")) || f.Authenticate("bob", []byte("lamp")) {
			t.Error("the first file does not count")
		}
		u, err := access.ReadUsers(path)
		if err != nil {
			t.Fatal(err)
		}
		u.Cheap()
		if err := u.Set("bob", []byte("lamp")); err != nil {
			t.Fatal(err)
		}
		if err := u.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !f.Authenticate("bob", []byte("lamp")) {
			t.Error("a new user does not get in")
		}
		write(t, path, "bob:lamp\n")
		for range 3 {
			time.Sleep(time.Second)
			if !f.Authenticate("bob", []byte("lamp")) {
				t.Error("a broken file locks users out")
			}
		}
		if n := log.count("users cannot be read again"); n != 1 || log.count("lamp") > 0 {
			t.Errorf("%d lines about a broken file, want one, without the password:\n%s", n, log.buf.String())
		}
	})
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad"), "\n\nx")
	write(t, filepath.Join(dir, "long"), strings.Repeat("# a comment that is very long\n", 200_000))
	tests := []struct{ file, want string }{
		{"absent", "no such file"}, {"bad", "bad:3: "}, {"long", "longer than 4194304 bytes"},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.file)
		if _, err := access.OpenRules(path, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("rules %s: %v", tt.file, err)
		}
		if _, err := access.OpenUsers(path, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("users %s: %v", tt.file, err)
		}
	}
}

// What somebody is writing is not taken: the half that is there may lack what denies. A pipe is a file that changes while it is read.
func TestRuleFileBeingWritten(t *testing.T) {
	dir := t.TempDir()
	path, pipe := filepath.Join(dir, "acl"), filepath.Join(dir, "pipe")
	write(t, path, "topic a\ntopic deny b")
	f, err := access.OpenRules(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			time.Sleep(20 * time.Millisecond)
			_, err = w.WriteString("topic #")
			w.Close()
		}
		written <- err
	}()
	time.Sleep(time.Second)
	f.Look()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	c := f.For("", "c")
	if c.MayRead("b") {
		t.Error("half of a file counts")
	}
	write(t, pipe, "topic b")
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	if f.Reload(); !c.MayRead("b") {
		t.Error("the whole file does not count")
	}
}

// Files change while everybody asks.
func TestRuleFileConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acl")
	write(t, path, "topic a\ntopic deny b")
	f, err := access.OpenRules(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := f.For("", "c")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 2000 {
				if !c.MayRead("a") || c.MayWrite("b") {
					t.Error("a state that the file never had")
					return
				}
				f.Look()
			}
		})
	}
	for i := range 50 {
		write(t, path+".new", "topic a\ntopic deny b\n"+strings.Repeat("#\n", i))
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		f.Reload()
	}
	all.Wait()
}
