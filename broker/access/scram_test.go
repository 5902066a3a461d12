package access_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/access"
	"skerry/broker/scram"
)

func scramUsers(t *testing.T, name, password string) *access.ScramUsers {
	t.Helper()
	c, err := scram.New([]byte(password), 4096) // cheap: the tests check rules
	if err != nil {
		t.Fatal(err)
	}
	u, err := access.ParseScramUsers(strings.NewReader("# users\n\n" + name + ":" + c.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestScramUsersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scram")
	u := scramUsers(t, "anna", "pencil")
	if err := u.Set("bert", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := u.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	again, err := access.ReadScramUsers(path)
	if err != nil || strings.Join(again.Names(), " ") != "anna bert" || string(again.Bytes()) != string(u.Bytes()) {
		t.Errorf("%v (%v)\n%s", again.Names(), err, again.Bytes())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	if !again.Remove("anna") || again.Remove("anna") || again.Remove("") || !strings.HasPrefix(string(again.Bytes()), "# users\n\nbert:SCRAM-SHA-256$15000:") {
		t.Errorf("after Remove:\n%s", again.Bytes())
	}
	for _, name := range []string{"", "a:b", "#a", " a"} {
		if u.Set(name, []byte("x")) == nil {
			t.Errorf("user name %q is taken", name)
		}
	}
	if u.Set("c", nil) == nil {
		t.Error("an empty password is taken")
	}
}

func TestScramUsersWrong(t *testing.T) {
	good := scramUsers(t, "a", "x")
	line := strings.TrimPrefix(string(good.Bytes()), "# users\n\n")
	for text, want := range map[string]string{
		"anna":             "1: not a user",
		"\nanna:x":         `2: user "anna": not of the form`,
		":" + line[2:]:     "1: a user needs a name",
		line + "\n" + line: `3: user "a" stands in the file twice`,
	} {
		if _, err := access.ParseScramUsers(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.30q: %v, want %s", text, err, want)
		}
	}
	if _, err := access.ReadScramUsers(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "skerry user scram") {
		t.Errorf("a missing file: %v", err)
	}
}

// A file of SCRAM users is read again when it changes; one that is wrong changes nothing.
func TestScramFileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		path := filepath.Join(t.TempDir(), "scram")
		anna, bert := string(scramUsers(t, "anna", "pencil").Bytes()), string(scramUsers(t, "bert", "rubber").Bytes())
		write(t, path, anna)
		f, err := access.OpenScramUsers(path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		decoy, _ := f.Lookup("nobody")
		look := func(text string, anna, bert bool) {
			t.Helper()
			write(t, path, text)
			time.Sleep(time.Second)
			for name, want := range map[string]bool{"anna": anna, "bert": bert} {
				if _, known := f.Lookup(name); known != want || (f.Credential(name) != "") != want {
					t.Errorf("%s is known: %v, want %v", name, known, want)
				}
			}
			if c, known := f.Lookup("nobody"); known || !bytes.Equal(c.Salt, decoy.Salt) {
				t.Error("who is not there can be told from who is by the salt, which has changed")
			}
		}
		look(anna+bert, true, true)
		look(anna+bert+"anna:pencil\n", true, true)
		look(bert, false, true)
		old := f.Credential("bert")
		look(string(scramUsers(t, "bert", "rubber").Bytes()), false, true)
		if f.Credential("bert") == old {
			t.Error("a password that was set anew has the credential of the old one")
		}
		if n := log.count("scram users cannot be read again"); n != 1 || log.count("pencil") > 0 {
			t.Errorf("%d lines about a broken file, want one, without the password:\n%s", n, log.buf.String())
		}
		if _, err := access.OpenScramUsers(path+".absent", nil); err == nil {
			t.Error("a file that is not there is opened")
		}
	})
}
