package access

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// Users is a users file: one user per line, `name:hash`. Hashes by bcrypt (as `htpasswd -B` writes too) and those of
// mosquitto_passwd may stand side by side. Lines that are not changed, also empty ones and those that begin with #, are kept
// as they are when the file is written again. Safe for concurrent use.
type Users struct {
	mu     sync.RWMutex
	lines  []userLine
	byName map[string]int // index into lines
	cost   int            // of a new hash
	decoys []*hash        // one of each kind in the file
	key    []byte         // of digests
}

// userLine is one line of the file: a user, or text to keep (name empty).
type userLine struct {
	name string
	hash *hash
	text string
}

// NewUsers gives an empty list: nobody may log in.
func NewUsers() *Users {
	u := &Users{byName: map[string]int{}, cost: bcrypt.DefaultCost, key: make([]byte, 32)}
	rand.Read(u.key)
	return u
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
	return parseUsersFile(path, f)
}

// parseUsersFile is ParseUsers with the name of the file in its errors.
func parseUsersFile(path string, r io.Reader) (*Users, error) {
	u, err := ParseUsers(r)
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
	u.newDecoys()
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
	name, hash = strings.TrimSpace(name), strings.TrimSpace(hash)
	if err := checkUserName(name); err != nil {
		return userLine{}, err
	}
	h, err := parseHash(hash)
	if err != nil {
		return userLine{}, fmt.Errorf("user %q: %w", name, err)
	}
	return userLine{name: name, hash: h, text: text}, nil
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

// Authenticate tells whether password is the one of user. It computes one hash of each kind that is in the file, whoever
// the user is and whether there is one of that name: so the time it takes does not tell which names exist. Only who gives the
// right password again is spared that: a crowd of devices that comes back after a fault would keep a small board busy for
// minutes.
func (u *Users) Authenticate(user string, password []byte) bool {
	own, decoys := u.hashes(user)
	given := digestOf(u.key, password)
	if own != nil && own.proves(given) {
		return true
	}
	right := false
	for _, h := range decoys {
		if own != nil && own.kind == h.kind {
			right = own.matches(password)
		} else {
			h.matches(password)
		}
	}
	if right {
		own.proven.Store(given)
	}
	return right
}

// Credential stands for the password of a user: it is another one when that has changed. "": there is no such user.
func (u *Users) Credential(user string) string {
	if own, _ := u.hashes(user); own != nil {
		return own.text
	}
	return ""
}

// inherit takes over what is remembered of passwords that were right, where the hash is still the same. Nobody else knows u yet.
func (u *Users) inherit(before *Users) {
	u.key = before.key
	for _, l := range u.lines {
		if l.name == "" {
			continue
		}
		if own, _ := before.hashes(l.name); own != nil && own.text == l.hash.text {
			l.hash.proven.Store(own.proven.Load())
		}
	}
}

func (u *Users) hashes(user string) (own *hash, decoys []*hash) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if i, ok := u.byName[user]; ok {
		own = u.lines[i].hash
	}
	return own, u.decoys
}

// newDecoys chooses the hashes that are computed for those who have none of their kind: real ones of somebody. They cost what
// a real one costs, and that one might match does not matter.
func (u *Users) newDecoys() {
	u.decoys = nil
	seen := map[kind]bool{}
	for _, l := range u.lines {
		if l.name != "" && !seen[l.hash.kind] {
			seen[l.hash.kind] = true
			u.decoys = append(u.decoys, l.hash)
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
	made, err := bcrypt.GenerateFromPassword(password, u.cost)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	l := userLine{name: name, text: name + ":" + string(made), hash: &hash{kind: kind{byBcrypt, u.cost}, text: string(made)}}
	u.mu.Lock()
	defer u.mu.Unlock()
	if i, ok := u.byName[name]; ok {
		u.lines[i] = l
	} else {
		u.append(l)
	}
	u.newDecoys()
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
	u.newDecoys()
	return true
}

// Bytes gives the file as it is to be written.
func (u *Users) Bytes() []byte {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var b bytes.Buffer
	for _, l := range u.lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.Bytes()
}
