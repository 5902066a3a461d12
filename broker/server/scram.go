package server

import "skerry/broker/scram"

// ScramUsers are the users of the method SCRAM-SHA-256.
type ScramUsers interface {
	// Lookup gives the credentials of a user, and for one that is not known some that nobody has.
	Lookup(name string) (c scram.Credentials, known bool)
	Roster
}

// Scram is the method SCRAM-SHA-256.
func Scram(users ScramUsers) AuthMethod { return scramMethod{users} }

type scramMethod struct{ users ScramUsers }

func (scramMethod) Name() string { return scram.Method }

func (m scramMethod) Credential(user string) string { return m.users.Credential(user) }

func (m scramMethod) Begin() AuthExchange { return scramExchange{scram.NewExchange(m.users.Lookup)} }

type scramExchange struct{ *scram.Exchange }

func (x scramExchange) Step(data []byte) (answer []byte, done bool, user string, err error) {
	answer, done, err = x.Exchange.Step(data)
	return answer, done, x.User(), err
}
