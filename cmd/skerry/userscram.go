package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"skerry/broker/access"
)

// scramCmd is `skerry user scram`.
type scramCmd struct {
	Add    scramAddCmd    `cmd:"" help:"Add a user, or give one a new password."`
	Remove scramRemoveCmd `cmd:"" help:"Take a user away."`
	List   scramListCmd   `cmd:"" help:"Print the names."`
}

// Help stands behind the verbs.
func (*scramCmd) Help() string {
	return `MQTT 5 clients with the Authentication Method SCRAM-SHA-256 prove that they know the password and do not send it. Their
file has one user per line, NAME:SCRAM-SHA-256$ITERATIONS:SALT$KEY:KEY. broker.scram_file in the configuration names it; a gateway
that runs notices when it changes.`
}

type scramAddCmd struct {
	File string `arg:"" type:"path" help:"The file. It is made if there is none."`
	Name string `arg:"" help:"The name of the user."`
}

// Run asks for the password and writes the file.
func (u *scramAddCmd) Run(ctx context.Context) error {
	users, err := access.ReadScramUsers(u.File)
	if errors.Is(err, os.ErrNotExist) {
		users, err = access.NewScramUsers(), nil
	}
	if err != nil {
		return err
	}
	password, err := askPassword(ctx, u.Name)
	if err != nil {
		return err
	}
	if err := users.Set(u.Name, password); err != nil {
		return err
	}
	return users.WriteFile(u.File)
}

type scramRemoveCmd struct {
	File string `arg:"" type:"path" help:"The file."`
	Name string `arg:"" help:"The name of the user."`
}

// Run writes the file without the user.
func (u *scramRemoveCmd) Run() error {
	users, err := access.ReadScramUsers(u.File)
	if err != nil {
		return err
	}
	if !users.Remove(u.Name) {
		return fmt.Errorf("there is no user %q in %s (hint: skerry user scram list %s)", u.Name, u.File, u.File)
	}
	return users.WriteFile(u.File)
}

type scramListCmd struct {
	File string `arg:"" type:"path" help:"The file."`
}

// Run prints one name per line.
func (u *scramListCmd) Run() error {
	users, err := access.ReadScramUsers(u.File)
	if err != nil {
		return err
	}
	for _, name := range users.Names() {
		fmt.Println(name)
	}
	return nil
}
