package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// Authenticator decides whether a User Name and Password of a CONNECT belong together. It is called from many
// connections at once, but never more often at the same time than Limits.Logins allows: a hash may be as slow as
// it likes.
type Authenticator interface {
	Authenticate(user string, password []byte) bool
}

// MaxPassword is the longest password in bytes that bcrypt looks at. A longer one is refused when it is set, and
// never matches: its tail would not count.
const MaxPassword = 72

// Users is a users file: one user per line, `name:bcrypt-hash` (the form that `htpasswd -B` writes too). Empty
// lines and lines that begin with # are kept as they are when the file is written again. Safe for concurrent use.
type Users struct {
	mu     sync.RWMutex
	lines  []userLine
	byName map[string]int // index into lines
	cost   int            // of a new hash, and of the one computed for a name that is not there
	decoy  []byte
}

// userLine is one line of the file: a user, or text to keep (name empty).
type userLine struct {
	name string
	hash []byte
	text string
}

// NewUsers gives an empty list: nobody may log in.
func NewUsers() *Users {
	return &Users{byName: map[string]int{}, cost: bcrypt.DefaultCost}
}

// ReadUsers reads a users file. An error names the file, the line and what to do.
func ReadUsers(path string) (*Users, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read users: %w (hint: `skerry user add` makes the file)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer f.Close()
	u, err := ParseUsers(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return u, nil
}

// ParseUsers reads the lines of a users file. An error begins with the number of the line: "3: ...".
func ParseUsers(r io.Reader) (*Users, error) {
	u := NewUsers()
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		l, err := parseUserLine(s.Text())
		if err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		if _, twice := u.byName[l.name]; twice && l.name != "" {
			return nil, fmt.Errorf("%d: user %q stands in the file twice (hint: remove one of the lines)", n, l.name)
		}
		u.append(l)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", len(u.lines)+1, err)
	}
	u.newDecoy()
	return u, nil
}

func parseUserLine(text string) (userLine, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") {
		return userLine{text: text}, nil
	}
	name, hash, found := strings.Cut(trimmed, ":")
	if !found {
		return userLine{}, errors.New("not a user: want name:hash (hint: `skerry user add` writes such lines)")
	}
	if err := checkUserName(name); err != nil {
		return userLine{}, err
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		return userLine{}, fmt.Errorf("user %q: not a bcrypt hash (hint: set the password anew with `skerry user add`)", name)
	}
	return userLine{name: name, hash: []byte(hash)}, nil
}

// checkUserName refuses what a line of the file cannot hold.
func checkUserName(name string) error {
	switch {
	case name == "":
		return errors.New("a user needs a name")
	case strings.HasPrefix(name, "#"), strings.TrimSpace(name) != name:
		return fmt.Errorf("user name %q: must not begin with # nor begin or end with a space", name)
	case strings.ContainsAny(name, ":\r\n\x00"):
		return fmt.Errorf("user name %q: must not hold a colon, a line end or a zero", name)
	}
	return nil
}

func (u *Users) append(l userLine) {
	if l.name != "" {
		u.byName[l.name] = len(u.lines)
	}
	u.lines = append(u.lines, l)
}

// Authenticate tells whether password is the one of user. For a name that is not in the file it computes a hash
// all the same, so that the time it takes does not tell which names exist.
func (u *Users) Authenticate(user string, password []byte) bool {
	hash, known := u.hash(user)
	if len(hash) == 0 {
		return false // an empty file: no name exists, nothing to hide
	}
	err := bcrypt.CompareHashAndPassword(hash, password)
	return err == nil && known && len(password) <= MaxPassword
}

func (u *Users) hash(user string) (hash []byte, known bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if i, ok := u.byName[user]; ok {
		return u.lines[i].hash, true
	}
	return u.decoy, false
}

// newDecoy makes the hash that stands for unknown names: somebody's real one. It costs what a real one costs, and
// that it might match does not matter.
func (u *Users) newDecoy() {
	u.decoy = nil
	for _, l := range u.lines {
		if l.name != "" {
			u.decoy = l.hash
			return
		}
	}
}

// Names lists the users in alphabetical order.
func (u *Users) Names() []string {
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
func (u *Users) Set(name string, password []byte) error {
	if err := checkUserName(name); err != nil {
		return err
	}
	if len(password) == 0 {
		return errors.New("the password is empty")
	}
	if len(password) > MaxPassword {
		return fmt.Errorf("the password is %d bytes long, the limit is %d", len(password), MaxPassword)
	}
	hash, err := bcrypt.GenerateFromPassword(password, u.cost)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if i, ok := u.byName[name]; ok {
		u.lines[i].hash = hash
	} else {
		u.append(userLine{name: name, hash: hash})
	}
	u.newDecoy()
	return nil
}

// Remove deletes a user. False: there was none of that name.
func (u *Users) Remove(name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, ok := u.byName[name]
	if !ok {
		return false
	}
	lines := slices.Delete(u.lines, i, i+1)
	u.lines, u.byName = nil, map[string]int{}
	for _, l := range lines {
		u.append(l)
	}
	u.newDecoy()
	return true
}

// Bytes gives the file as it is to be written.
func (u *Users) Bytes() []byte {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var b bytes.Buffer
	for _, l := range u.lines {
		if l.name == "" {
			b.WriteString(l.text)
		} else {
			fmt.Fprintf(&b, "%s:%s", l.name, l.hash)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
