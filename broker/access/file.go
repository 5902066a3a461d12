package access

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"skerry/broker/scram"
)

const (
	// lookEvery is how often at most a file is asked whether it has changed.
	lookEvery = time.Second
	// fresh is how old a change has to be before it is looked at: until then it may be half of one.
	fresh = 200 * time.Millisecond
	// settled is how old a change must be for the times of the file to tell of the next one: some file systems count in
	// whole seconds.
	settled = 3 * time.Second
)

// UserFile is a users file that is read again when it changes.
type UserFile struct{ file[Users] }

// OpenUsers reads a users file. log hears of changes; nil: nobody.
func OpenUsers(path string, log *slog.Logger) (*UserFile, error) {
	f := &UserFile{file[Users]{path: path, what: "users", log: log}}
	f.parse = func(data []byte) (*Users, error) {
		u, err := parseUsersFile(path, bytes.NewReader(data))
		if before := f.current.Load(); before != nil && err == nil {
			u.inherit(before)
		}
		return u, err
	}
	return f, f.open()
}

// Authenticate is that of the users of now. A change of the file is noticed, at most two seconds late.
func (f *UserFile) Authenticate(user string, password []byte) bool {
	f.Look()
	return f.current.Load().Authenticate(user, password)
}

// Credential is that of the users of now, noticed likewise.
func (f *UserFile) Credential(user string) string {
	f.Look()
	return f.current.Load().Credential(user)
}

// ScramFile is a file of users for SCRAM-SHA-256 that is read again when it changes.
type ScramFile struct{ file[ScramUsers] }

// OpenScramUsers reads a file of users for SCRAM-SHA-256. log hears of changes; nil: nobody.
func OpenScramUsers(path string, log *slog.Logger) (*ScramFile, error) {
	f := &ScramFile{file[ScramUsers]{path: path, what: "scram users", log: log}}
	f.parse = func(data []byte) (*ScramUsers, error) {
		u, err := ParseScramUsers(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
		if before := f.current.Load(); before != nil { // else a decoy could be told by its salt, which would change with the file
			u.secret = before.secret
		}
		return u, nil
	}
	return f, f.open()
}

// Lookup is that of the users of now. A change of the file is noticed, at most two seconds late.
func (f *ScramFile) Lookup(name string) (c scram.Credentials, known bool) {
	f.Look()
	return f.current.Load().Lookup(name)
}

// Credential is that of the users of now, noticed likewise.
func (f *ScramFile) Credential(user string) string {
	f.Look()
	return f.current.Load().Credential(user)
}

// RuleFile is an ACL file that is read again when it changes. Its Clients obey the new rules at once.
type RuleFile struct{ file[Rules] }

// OpenRules reads an ACL file. log hears of changes; nil: nobody.
func OpenRules(path string, log *slog.Logger) (*RuleFile, error) {
	f := &RuleFile{file[Rules]{path: path, what: "rules", log: log}}
	f.parse = func(data []byte) (*Rules, error) {
		r, err := ParseRules(data)
		if lines := LineErrors(err); lines != nil {
			return nil, fmt.Errorf("%s:%w", path, lines[0])
		}
		return r, err
	}
	return f, f.open()
}

// For is somebody under the rules of the file, as they are when he asks. user is "" for one who has named none.
func (f *RuleFile) For(user, clientID string) *Client {
	return &Client{user: user, clientID: clientID, rules: &f.current}
}

// file holds what a file says, and reads it again when it has changed. What cannot be read, or is wrong, changes nothing.
type file[T any] struct {
	path  string
	what  string // is in it
	parse func([]byte) (*T, error)
	log   *slog.Logger

	current atomic.Pointer[T]

	mu     sync.Mutex
	looked time.Time // when it was last asked for
	seen   trace
	sum    [sha256.Size]byte // of what was read last
	broken bool              // what is there now is not what is in force
}

// trace is what changes when a file does, also when another one of its size and age takes its place.
type trace struct {
	inode    uint64
	size     int64
	modified time.Time
	changed  syscall.Timespec
	missing  bool
}

// open reads the file for the first time.
func (f *file[T]) open() error {
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = time.Now()
	f.seen = f.trace()
	data, err := readFile(f.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.what, err)
	}
	now, err := f.parse(data)
	if err != nil {
		return err
	}
	f.sum = sha256.Sum256(data)
	f.current.Store(now)
	return nil
}

// Look reads the file again if it has changed. It asks the file system at most once a second, and never waits for another
// who does.
func (f *file[T]) Look() {
	if !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < lookEvery {
		return
	}
	f.looked = now
	t := f.trace()
	switch age := now.Sub(t.modified).Abs(); {
	case age < fresh: // the next look sees it
	case t != f.seen, age < settled: // of a change so young the next one may not differ in time and size: what the file says is compared
		f.seen = t
		f.read()
	}
}

// Reload reads the file again, whether it seems to have changed or not.
func (f *file[T]) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = time.Now()
	for range 3 {
		f.seen = f.trace()
		if f.read() {
			return
		}
	}
}

func (f *file[T]) trace() trace {
	info, err := os.Stat(f.path)
	if err != nil {
		return trace{missing: true}
	}
	t := trace{size: info.Size(), modified: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		t.inode, t.changed = uint64(st.Ino), st.Ctim
	}
	return t
}

// read takes what the file says now, if it differs from what was read last. False: somebody is writing it, and half of the rules
// might be the wrong half; the next look sees what it has become. The lock is held.
func (f *file[T]) read() bool {
	data, err := readFile(f.path)
	if f.trace() != f.seen {
		f.seen = trace{}
		return false
	}
	sum := sha256.Sum256(data)
	switch {
	case err != nil:
		f.sum = [sha256.Size]byte{}
		f.refuse(err)
		return true
	case sum == f.sum:
		return true
	}
	f.sum = sum
	now, err := f.parse(data)
	if err != nil {
		f.broken = false // another fault than before
		f.refuse(err)
		return true
	}
	f.current.Store(now)
	f.broken = false
	f.log.Info(f.what+" read again", "file", f.path)
	return true
}

// refuse says once that the file cannot be used.
func (f *file[T]) refuse(err error) {
	if f.broken {
		return
	}
	f.broken = true
	f.log.Warn(f.what+" cannot be read again: those read before stay in force", "file", f.path, "error", err)
}
