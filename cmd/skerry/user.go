package main

import (
	"context"

	"skerry/broker/access"
)

// userCmd is `skerry user`.
type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user, or give one a new password."`
	Remove userRemoveCmd `cmd:"" help:"Take a user away."`
	List   userListCmd   `cmd:"" help:"Print the names."`
	Scram  scramCmd      `cmd:"" help:"Users who log in by SCRAM-SHA-256."`
}

// Help stands behind the verbs.
func (*userCmd) Help() string {
	return `A users file has one user per line, NAME:HASH. broker.users_file in the configuration names it; a gateway that runs
notices when it changes, and disconnects who is taken away or gets another password. New hashes are made by bcrypt; those of mosquitto_passwd count too, and lines that are not changed
stay as they are.`
}

type userAddCmd struct {
	File string `arg:"" type:"path" help:"The users file. It is made if there is none."`
	Name string `arg:"" help:"The name of the user."`
}

// Help stands behind the arguments.
func (*userAddCmd) Help() string {
	return `At a terminal it asks for the password twice and does not show it. Otherwise the password is the first line of
standard input:

    skerry user add users wx-042 < password`
}

// Run asks for the password and writes the file.
func (u *userAddCmd) Run(ctx context.Context) error {
	return addAccount(ctx, u.File, u.Name, access.ReadUsers, access.NewUsers)
}

type userRemoveCmd struct {
	File string `arg:"" type:"path" help:"The users file."`
	Name string `arg:"" help:"The name of the user."`
}

// Run writes the file without the user.
func (u *userRemoveCmd) Run() error {
	return removeAccount(u.File, u.Name, "user list", access.ReadUsers)
}

type userListCmd struct {
	File string `arg:"" type:"path" help:"The users file."`
}

// Run prints one name per line.
func (u *userListCmd) Run() error {
	return listAccounts(u.File, access.ReadUsers)
}
