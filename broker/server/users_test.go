package server_test

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"skerry/broker/access"
)

// hash makes a cheap hash: the tests check rules, not the cost.
func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func users(t testing.TB, lines ...string) *access.Users {
	t.Helper()
	u, err := access.ParseUsers(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// rules are those of an ACL file.
func rules(t testing.TB, lines ...string) *access.Rules {
	t.Helper()
	r, err := access.ParseRules([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
