package access

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"skerry/broker/scram"
)

// ScramUsers is a file of users for SCRAM-SHA-256: one per line, `name:SCRAM-SHA-256$iterations:salt$key:key`. What follows
// the name is the form in which PostgreSQL keeps them. Empty lines and lines that begin with # are kept.
// Safe for concurrent use.
//
// It is a file of its own because it cannot be made from a users file: a hash says nothing about the keys.
type ScramUsers struct {
	mu     sync.RWMutex
	lines  []scramLine
	byName map[string]int // index into lines
	secret []byte         // what decoys are made from: the same until the file changes
	least  int            // iteration count of a decoy
}

// scramLine is one line of the file: a user, or text to keep (name empty).
type scramLine struct {
	name        string
	credentials scram.Credentials
	text        string
}

// NewScramUsers gives an empty list: nobody may log in.
func NewScramUsers() *ScramUsers {
	u := &ScramUsers{byName: map[string]int{}}
	u.index()
	return u
}

// ReadScramUsers reads a file. An error names the file, the line and what to do.
func ReadScramUsers(path string) (*ScramUsers, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read scram users: %w (hint: `skerry user scram` makes the file)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read scram users: %w", err)
	}
	defer f.Close()
	u, err := ParseScramUsers(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return u, nil
}

// ParseScramUsers reads the lines of a file. An error begins with the number of the line: "3: ...".
func ParseScramUsers(r io.Reader) (*ScramUsers, error) {
	u := NewScramUsers()
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		l, err := parseScramLine(s.Text())
		if err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		if _, twice := u.byName[l.name]; twice && l.name != "" {
			return nil, fmt.Errorf("%d: user %q stands in the file twice (hint: remove one of the lines)", n, l.name)
		}
		u.lines = append(u.lines, l)
		u.byName[l.name] = len(u.lines) - 1
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", len(u.lines)+1, err)
	}
	u.index()
	return u, nil
}

func parseScramLine(text string) (scramLine, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") {
		return scramLine{text: text}, nil
	}
	name, keys, found := strings.Cut(trimmed, ":")
	if !found {
		return scramLine{}, errors.New("not a user: want name:SCRAM-SHA-256$... (hint: `skerry user scram` writes such lines)")
	}
	if err := checkUserName(name); err != nil {
		return scramLine{}, err
	}
	c, err := scram.Parse(keys)
	if err != nil {
		return scramLine{}, fmt.Errorf("user %q: %w (hint: set the password anew with `skerry user scram`)", name, err)
	}
	return scramLine{name: name, credentials: c}, nil
}

// index brings up to date what is made from the lines.
func (u *ScramUsers) index() {
	clear(u.byName)
	sum := sha256.New()
	u.least = 0
	for i, l := range u.lines {
		if l.name == "" {
			continue
		}
		u.byName[l.name] = i
		sum.Write(l.credentials.ServerKey[:])
		if n := l.credentials.Iterations; u.least == 0 || n < u.least {
			u.least = n
		}
	}
	if u.least == 0 {
		u.least = scram.Iterations
	}
	u.secret = sum.Sum(nil)
}

// Lookup gives the credentials of a user. One that is not there looks as if it were.
func (u *ScramUsers) Lookup(name string) (c scram.Credentials, known bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if i, ok := u.byName[name]; ok && name != "" {
		return u.lines[i].credentials, true
	}
	return scram.Decoy(u.secret, name, u.least), false
}

// Credential stands for the password of a user: it is another one when that has changed. "": there is no such user.
func (u *ScramUsers) Credential(user string) string {
	if c, known := u.Lookup(user); known {
		return string(c.StoredKey[:])
	}
	return ""
}

// Names lists the users in alphabetical order.
func (u *ScramUsers) Names() []string {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var names []string
	for name := range u.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Set adds a user, or gives one that exists a new password.
func (u *ScramUsers) Set(name string, password []byte) error {
	if err := checkUserName(name); err != nil {
		return err
	}
	if len(password) == 0 {
		return errors.New("the password is empty")
	}
	c, err := scram.New(password, scram.Iterations)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	l := scramLine{name: name, credentials: c}
	if i, ok := u.byName[name]; ok {
		u.lines[i] = l
	} else {
		u.lines = append(u.lines, l)
	}
	u.index()
	return nil
}

// Remove deletes a user. False: there was none of that name.
func (u *ScramUsers) Remove(name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, ok := u.byName[name]
	if !ok || name == "" {
		return false
	}
	u.lines = slices.Delete(u.lines, i, i+1)
	u.index()
	return true
}

// Bytes gives the file as it is to be written.
func (u *ScramUsers) Bytes() []byte {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var b bytes.Buffer
	for _, l := range u.lines {
		if l.name == "" {
			b.WriteString(l.text)
		} else {
			fmt.Fprintf(&b, "%s:%v", l.name, l.credentials)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// WriteFile replaces the file at path in one step, as Users.WriteFile does.
func (u *ScramUsers) WriteFile(path string) error { return writeFile(path, u.Bytes()) }
