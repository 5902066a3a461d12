package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// accounts is a file of users, of either kind: passwords or SCRAM.
type accounts interface {
	Set(name string, password []byte) error
	Remove(name string) bool
	Names() []string
	WriteFile(path string) error
}

// addAccount asks for the password and writes the file, which is made if there is none.
func addAccount[F accounts](ctx context.Context, path, name string, read func(string) (F, error), empty func() F) error {
	users, err := read(path)
	if errors.Is(err, os.ErrNotExist) {
		users, err = empty(), nil
	}
	if err != nil {
		return err
	}
	password, err := askPassword(ctx, name)
	if err != nil {
		return err
	}
	if err := users.Set(name, password); err != nil {
		return err
	}
	return users.WriteFile(path)
}

// removeAccount writes the file without the user. list is the verb that shows who is there.
func removeAccount[F accounts](path, name, list string, read func(string) (F, error)) error {
	users, err := read(path)
	if err != nil {
		return err
	}
	if !users.Remove(name) {
		return fmt.Errorf("there is no user %q in %s (hint: skerry %s %s)", name, path, list, path)
	}
	return users.WriteFile(path)
}

// listAccounts prints one name per line.
func listAccounts[F accounts](path string, read func(string) (F, error)) error {
	users, err := read(path)
	if err != nil {
		return err
	}
	for _, name := range users.Names() {
		fmt.Println(name)
	}
	return nil
}
