package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"skerry/broker/access"
)

// hash makes a cheap hash: the tests check rules, not the cost.
func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func users(t *testing.T, lines ...string) *access.Users {
	t.Helper()
	u, err := access.ParseUsers(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUsersAuthenticate(t *testing.T) {
	u := users(t, "# staff", "", "ada:"+hash(t, "engine"), "  bob:"+strings.Replace(hash(t, "lamp"), "$2a$", "$2y$", 1)+"  ")
	tests := []struct {
		name, user, password string
		want                 bool
	}{
		{"right", "ada", "engine", true},
		{"htpasswd variant", "bob", "lamp", true},
		{"wrong password", "ada", "lamp", false},
		{"empty password", "ada", "", false},
		{"unknown user", "eve", "engine", false},
		{"comment is no user", "# staff", "", false},
		{"empty name", "", "engine", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := u.Authenticate(tt.user, []byte(tt.password)); got != tt.want {
				t.Errorf("Authenticate(%q, %q) = %v, want %v", tt.user, tt.password, got, tt.want)
			}
		})
	}
}

// Who has given the right password once is spared the hash, for as long as it is the right one.
func TestUsersAgain(t *testing.T) {
	u := users(t, "ada:"+hash(t, "engine"))
	for range 3 {
		if !u.Authenticate("ada", []byte("engine")) || u.Authenticate("ada", []byte("lamp")) || u.Authenticate("bob", []byte("engine")) {
			t.Fatal("the answer changes with time")
		}
	}
	u.Cheap()
	if err := u.Set("ada", []byte("lamp")); err != nil {
		t.Fatal(err)
	}
	if u.Authenticate("ada", []byte("engine")) || !u.Authenticate("ada", []byte("lamp")) {
		t.Error("the old password counts")
	}
	u.Remove("ada")
	if u.Authenticate("ada", []byte("lamp")) {
		t.Error("a user that was removed gets in")
	}
}

// The hash is not computed again: a thousand logins take less than one hundred hashes would.
func TestUsersAgainIsCheap(t *testing.T) {
	u := access.NewUsers()
	if err := u.Set("ada", []byte("engine")); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	u.Authenticate("ada", []byte("engine"))
	one := time.Since(begin)
	begin = time.Now()
	for range 1000 {
		u.Authenticate("ada", []byte("engine"))
	}
	if all := time.Since(begin); all > 100*one {
		t.Errorf("1000 more logins took %v, the first %v", all, one)
	}
}

func TestUsersLongPassword(t *testing.T) {
	long := strings.Repeat("x", access.MaxPassword)
	u := users(t, "ada:"+hash(t, long))
	if !u.Authenticate("ada", []byte(long)) {
		t.Error("a password of the greatest length is refused")
	}
	if u.Authenticate("ada", []byte(long+"y")) {
		t.Error("bytes behind the greatest length do not count")
	}
	u.Cheap()
	if err := u.Set("ada", []byte(long+"y")); err == nil {
		t.Error("a password that bcrypt would cut off was set")
	}
}

func TestUsersFileErrors(t *testing.T) {
	h := hash(t, "x")
	tests := []struct{ name, file, want string }{
		{"no colon", "# ok\nada\n", "2: not a user"},
		{"no name", ":" + h, "1: a user needs a name"},
		{"plain password", "ada:secret", `1: user "ada": neither a bcrypt hash`},
		{"twice", "ada:" + h + "\nada:" + h, `2: user "ada" stands in the file twice`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := access.ReadUsers(path)
			if err == nil || !strings.Contains(err.Error(), path+":"+tt.want) {
				t.Fatalf("error %v, want it to hold %q", err, path+":"+tt.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), h) {
				t.Errorf("the error gives the secret away: %v", err)
			}
		})
	}
}

func TestUsersReadMissing(t *testing.T) {
	_, err := access.ReadUsers(filepath.Join(t.TempDir(), "users"))
	if err == nil || !strings.Contains(err.Error(), "skerry user add") {
		t.Errorf("error %v, want a hint how to make the file", err)
	}
}

func TestUsersWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	u := access.NewUsers().Cheap()
	for _, name := range []string{"bob", "ada"} {
		if err := u.Set(name, []byte("first "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil {
		t.Fatal(err)
	} else if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", st.Mode())
	}
	u, err := access.ReadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(u.Names(), " "); got != "ada bob" {
		t.Errorf("names %q", got)
	}
	if !u.Authenticate("ada", []byte("first ada")) {
		t.Error("the password does not survive the file")
	}
}

func TestUsersEditKeepsTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	old := "# by hand\nada:" + hash(t, "a") + "\n\nbob:" + hash(t, "b") + "\n"
	if err := os.WriteFile(path, []byte(old), 0o640); err != nil {
		t.Fatal(err)
	}
	u, err := access.ReadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	if !u.Remove("ada") || u.Remove("ada") {
		t.Error("Remove: want true for a user, false for none")
	}
	if err := u.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# by hand\n\nbob:" + hash(t, "b")[:7]; !strings.HasPrefix(string(got), want) || strings.Contains(string(got), "ada:") {
		t.Errorf("file is now:\n%s", got)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want that of the old file", st.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".users-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestUsersWriteFails(t *testing.T) {
	u := users(t, "ada:"+hash(t, "a"))
	if err := u.WriteFile(filepath.Join(t.TempDir(), "none", "users")); err == nil {
		t.Error("writing into a folder that is not there succeeded")
	}
}

func TestUsersNames(t *testing.T) {
	u := access.NewUsers().Cheap()
	for _, name := range []string{"", "a:b", "#a", " a", "a\n", "a\x00"} {
		if err := u.Set(name, []byte("x")); err == nil {
			t.Errorf("Set(%q) succeeded", name)
		}
	}
	if err := u.Set("ada", nil); err == nil {
		t.Error("an empty password was set")
	}
	if u.Authenticate("ada", nil) {
		t.Error("somebody logged in with an empty list")
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add("# x\nada:$2a$04$abcdefghijklmnopqrstuu5Lq1Yx5i1E4jYq5bq7rmh8k9b4jPzG2\n")
	f.Add("ada:\n:\n::")
	f.Add("ada:$7$101$AAAAAAAAAAAAAAAA$" + strings.Repeat("A", 86) + "==\nbob:$6$AAAA$" + strings.Repeat("A", 86) + "==\r\n")
	f.Fuzz(func(t *testing.T, file string) {
		u, err := access.ParseUsers(strings.NewReader(file))
		if err != nil {
			return
		}
		again, err := access.ParseUsers(strings.NewReader(string(u.Bytes())))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if got, want := strings.Join(again.Names(), "\n"), strings.Join(u.Names(), "\n"); got != want {
			t.Errorf("names %q, want %q", got, want)
		}
	})
}
