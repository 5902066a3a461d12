package access_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skerry/broker/access"
)

// passwd runs Debian's mosquitto_passwd, or skips the test where that is allowed.
func passwd(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("mosquitto_passwd")
	if err != nil && os.Getenv("SKERRY_NO_SKIP") != "1" {
		t.Skip("needs mosquitto_passwd (Debian package mosquitto)")
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd %q: %v\n%s", args, err, out)
	}
}

// A file that mosquitto_passwd has made is read as it is, with lines of ours among its own.
func TestMosquittoPasswords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	long := strings.Repeat("long ", 30)
	passwd(t, "-c", "-b", path, "anna", "right")
	passwd(t, "-b", "-H", "sha512", path, "old", "older")
	passwd(t, "-b", path, "long", long)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"anna:$7$", "old:$6$"} {
		if !strings.Contains(string(text), want) {
			t.Fatalf("mosquitto_passwd has written no %q:\n%s", want, text)
		}
	}
	u, err := access.ParseUsers(strings.NewReader(string(text) + "ada:" + hash(t, "engine") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		user, password string
		want           bool
	}{
		{"anna", "right", true}, {"anna", "wrong", false}, {"anna", "", false}, {"anna", "older", false},
		{"old", "older", true}, {"old", "right", false},
		{"long", long, true}, {"long", long[:len(long)-1], false},
		{"ada", "engine", true}, {"ada", "right", false}, {"eve", "right", false},
	}
	for _, tt := range tests {
		if got := u.Authenticate(tt.user, []byte(tt.password)); got != tt.want {
			t.Errorf("%s with %q: %v, want %v", tt.user, tt.password, got, tt.want)
		}
	}
}

// Spaces around the name and the hash mean nothing there, nor here.
func TestMosquittoPasswordsWithSpaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	passwd(t, "-c", "-b", path, "anna", "right")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, hash, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	line := " " + name + " :\t" + hash + " \r\n"
	u, err := access.ParseUsers(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if !u.Authenticate("anna", []byte("right")) || u.Authenticate("anna", []byte("wrong")) {
		t.Error("anna does not get in by her password alone")
	}
}

// What is edited keeps the lines that are not.
func TestMosquittoPasswordsEdited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	passwd(t, "-c", "-b", path, "anna", "right")
	passwd(t, "-b", path, "bob", "lamp")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u, err := access.ReadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	u.Cheap()
	if err := u.Set("ada", []byte("engine")); err != nil {
		t.Fatal(err)
	}
	if err := u.Set("bob", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := u.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	anna, _, _ := strings.Cut(string(before), "\n")
	if !strings.HasPrefix(string(after), anna+"\nbob:$2a$") {
		t.Errorf("the file was\n%sand is\n%s", before, after)
	}
	for name, password := range map[string]string{"anna": "right", "bob": "new", "ada": "engine"} {
		if !u.Authenticate(name, []byte(password)) {
			t.Errorf("%s does not get in", name)
		}
	}
}

func TestHashErrors(t *testing.T) {
	salt, sum := "AAAAAAAAAAAAAAAA", strings.Repeat("A", 86)+"=="
	tests := []struct{ name, hash, want string }{
		{"no iterations", "$7$" + salt + "$" + sum, "iterations"},
		{"too many iterations", "$7$1000001$" + salt + "$" + sum, "1 to 1000000 iterations"},
		{"no salt", "$7$101$$" + sum, "damaged"},
		{"half a sum", "$6$" + salt + "$" + sum[:40], "damaged"},
		{"no base64", "$6$" + salt + "$" + strings.Replace(sum, "A", "!", 1), "damaged"},
		{"another algorithm", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "neither"},
		{"bcrypt that takes hours", "$2a$31$" + strings.Repeat("a", 53), "the limit is 14"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := access.ParseUsers(strings.NewReader("ada:" + tt.hash + "\n"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `1: user "ada": `) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), salt) || strings.Contains(err.Error(), "aGFz") {
				t.Errorf("the error shows the hash: %v", err)
			}
		})
	}
}
