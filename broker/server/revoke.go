package server

import "skerry/broker/packet"

// Roster is an Authenticator, or the users of an AuthMethod, that can lose users while their Clients are connected.
type Roster interface {
	// Credential stands for the password of a user: it is another one when that has changed. "": there is no such user.
	Credential(user string) string
}

// login is what a Client has come in by.
type login struct {
	roster     Roster
	credential string
}

// loginBy notes what a user is about to be let in by. It is asked for before the proof: who changes the password meanwhile is not
// outrun. nil: it is nothing that could be taken back.
func loginBy(users any, user string) *login {
	if roster, ok := users.(Roster); ok {
		return &login{roster, roster.Credential(user)}
	}
	return nil
}

// Revoke ends the connections of Clients whose user is gone or has another password since they came in, as mosquitto does when it reads
// its files again. It is to be called when that may be so.
func (s *Server) Revoke() {
	for _, c := range s.admitted() {
		if c.login == nil || c.login.roster.Credential(c.userName) == c.login.credential {
			continue
		}
		s.log.Info("the login of a client counts no more", "client", clip(c.clientID), "user", clip(c.userName), "listener", c.listener.Name)
		c.Close(packet.AdministrativeAction)
	}
}
