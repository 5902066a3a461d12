package main

import (
	"context"

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
	return addAccount(ctx, u.File, u.Name, access.ReadScramUsers, access.NewScramUsers)
}

type scramRemoveCmd struct {
	File string `arg:"" type:"path" help:"The file."`
	Name string `arg:"" help:"The name of the user."`
}

// Run writes the file without the user.
func (u *scramRemoveCmd) Run() error {
	return removeAccount(u.File, u.Name, "user scram list", access.ReadScramUsers)
}

type scramListCmd struct {
	File string `arg:"" type:"path" help:"The file."`
}

// Run prints one name per line.
func (u *scramListCmd) Run() error {
	return listAccounts(u.File, access.ReadScramUsers)
}
