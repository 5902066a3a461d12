package server_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"skerry/broker/access"
	"skerry/broker/packet"
	"skerry/broker/scram"
	"skerry/broker/server"
	"skerry/queue/vfs"
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

// scramClient is the Client's half.
type scramClient struct {
	user, password string
	bare, server   string
}

func (s *scramClient) first() []byte {
	s.bare = "n=" + s.user + ",r=abcdefgh"
	return []byte("n,," + s.bare)
}

func (s *scramClient) final(t *testing.T, challenge []byte) []byte {
	t.Helper()
	fields := strings.Split(string(challenge), ",")
	salt, _ := base64.StdEncoding.DecodeString(fields[1][2:])
	iterations, _ := strconv.Atoi(fields[2][2:])
	salted, err := pbkdf2.Key(sha256.New, s.password, salt, iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	without := "c=biws," + fields[0]
	message := s.bare + "," + string(challenge) + "," + without
	key := hash256(salted, "Client Key")
	stored := sha256.Sum256(key)
	for i, b := range hash256(stored[:], message) {
		key[i] ^= b
	}
	s.server = "v=" + base64.StdEncoding.EncodeToString(hash256(hash256(salted, "Server Key"), message))
	return []byte(without + ",p=" + base64.StdEncoding.EncodeToString(key))
}

func hash256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// auth sends AUTH and gives what comes back.
func (p *peer) auth(code packet.ReasonCode, data []byte) packet.Header {
	p.t.Helper()
	a := packet.Auth{ReasonCode: code, Properties: packet.Properties{}.
		AppendString(packet.AuthenticationMethod, scram.Method).AppendBytes(packet.AuthenticationData, data)}
	p.send(a.Append(nil, packet.V5))
	return p.readPacket()
}

// login connects by SCRAM and gives the answer to the last step.
func (s *scramClient) login(t *testing.T, address string) (*peer, packet.Header) {
	t.Helper()
	p := dial(t, address)
	c := packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte(s.user), Properties: packet.Properties{}.
		AppendString(packet.AuthenticationMethod, scram.Method).AppendBytes(packet.AuthenticationData, s.first())}
	p.send(c.Append(nil))
	return p, p.auth(packet.ContinueAuthentication, s.final(t, challenge(t, p.readPacket())))
}

func challenge(t *testing.T, h packet.Header) []byte {
	t.Helper()
	var a packet.Auth
	if err := a.Decode(packet.V5, h); err != nil || a.ReasonCode != packet.ContinueAuthentication {
		t.Fatalf("%v %v (%v) instead of a challenge", h.Type, a.ReasonCode, err)
	}
	data, _ := a.Properties.AuthenticationData()
	return data
}

// SCRAM-SHA-256 from CONNECT to CONNACK, and again on the open connection.
func TestScram(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Methods: []server.AuthMethod{server.Scram(scramUsers(t, "anna", "pencil"))}})
	st.run()

	anna := scramClient{user: "anna", password: "pencil"}
	p, h := anna.login(t, address)
	var connack packet.Connack
	if err := connack.Decode(packet.V5, h); err != nil || connack.ReasonCode != packet.Success {
		t.Fatalf("%v %v (%v)", h.Type, connack.ReasonCode, err)
	}
	if data, _ := connack.Properties.AuthenticationData(); string(data) != anna.server {
		t.Errorf("the server proves itself with %q, want %q", data, anna.server)
	}
	if s := st.server.Stats(); s.Received.Packets != 2 || s.Sent.Packets != 2 || s.Received.Bytes < 100 || s.Sent.Bytes < 100 {
		t.Errorf("traffic of an authentication: received %+v, sent %+v", s.Received, s.Sent)
	}
	answer := p.auth(packet.ReAuthenticate, anna.first())
	h = p.auth(packet.ContinueAuthentication, anna.final(t, challenge(t, answer)))
	var a packet.Auth
	if err := a.Decode(packet.V5, h); err != nil || a.ReasonCode != packet.Success {
		t.Fatalf("again: %v %v (%v)", h.Type, a.ReasonCode, err)
	}
	if data, _ := a.Properties.AuthenticationData(); string(data) != anna.server {
		t.Errorf("again: the server proves itself with %q, want %q", data, anna.server)
	}
	answer = p.auth(packet.ReAuthenticate, anna.first())
	anna.password = "pen"
	if h := p.auth(packet.ContinueAuthentication, anna.final(t, challenge(t, answer))); h.Type != packet.DISCONNECT || h.Body[0] != 0x87 {
		t.Errorf("with a wrong password: %v %x", h.Type, h.Body)
	}

	for name, c := range map[string]scramClient{"wrong password": {user: "anna", password: "pen"}, "unknown user": {user: "bert", password: "pencil"}} {
		if _, h := c.login(t, address); h.Type != packet.CONNACK || h.Body[1] != byte(packet.NotAuthorized) {
			t.Errorf("%s: %v %x", name, h.Type, h.Body)
		}
	}
	dial(t, address).script("> 10: 'MQTT' 05 c2 003c 00 'a' 'anna' 'pencil'", "< 20: 00 87 00", "< closed")
}

// Who is in cannot try the passwords of others by re-authentication: what others are is refused before there is a proof, so that a right
// password and a wrong one look the same.
func TestScramAgainAsAnother(t *testing.T) {
	anna, bert := scramUsers(t, "anna", "pencil"), scramUsers(t, "bert", "rubber")
	both, err := access.ParseScramUsers(strings.NewReader(string(anna.Bytes()) + string(bert.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Methods: []server.AuthMethod{server.Scram(both)}})
	st.run()
	for _, name := range []string{"bert", "nobody"} {
		p, h := (&scramClient{user: "anna", password: "pencil"}).login(t, address)
		if h.Type != packet.CONNACK || h.Body[1] != 0 {
			t.Fatalf("anna: %v %x", h.Type, h.Body)
		}
		other := scramClient{user: name}
		if h := p.auth(packet.ReAuthenticate, other.first()); h.Type != packet.DISCONNECT || h.Body[0] != 0x87 {
			t.Errorf("%s is answered with %v %x", name, h.Type, h.Body)
		}
	}
}

// Who guesses is refused after a few times, though it may be right then, and another user at the same address is not.
func TestScramThrottle(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Methods: []server.AuthMethod{server.Scram(scramUsers(t, "anna", "pencil")), toy{}}})
	st.run()
	code := func(c scramClient) packet.ReasonCode {
		_, h := c.login(t, address)
		return packet.ReasonCode(h.Body[1])
	}
	wrong, right := scramClient{user: "anna", password: "pen"}, scramClient{user: "anna", password: "pencil"}
	n := 0
	for ; code(wrong) == packet.NotAuthorized && n < 50; n++ {
	}
	if got := code(right); n < 2 || n == 50 || got != packet.ConnectionRateExceeded {
		t.Errorf("after %d wrong logins: %v", n, got)
	}
	dial(t, address).script("> 10: 'MQTT' 05 02 003c 11 15 'TOY' 16 'now bert' 'b'", "< 20: 00 00 18 ??*24")
}
