package edge_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"skerry/broker/packet"
	"skerry/broker/scram"
	"skerry/edge"
)

// scramLine is a line of a file of SCRAM users: a cheap one, the tests check who is in it.
func scramLine(t *testing.T, name, password string) string {
	t.Helper()
	c, err := scram.New([]byte(password), 4096)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + c.String() + "\n"
}

// scramTo connects a user by SCRAM-SHA-256 and tells what CONNACK says.
func scramTo(t *testing.T, s *station, listener, user, password string) (net.Conn, packet.ReasonCode) {
	t.Helper()
	nc, err := net.Dial("tcp", s.Address(listener).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	data := func(text string) packet.Properties {
		return packet.Properties{}.AppendString(packet.AuthenticationMethod, scram.Method).AppendBytes(packet.AuthenticationData, []byte(text))
	}
	send := func(b []byte) packet.Header {
		t.Helper()
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		return answer(t, nc)
	}
	bare := "n=" + user + ",r=abcdefgh"
	h := send((&packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte(user), Properties: data("n,," + bare)}).Append(nil))
	if h.Type == packet.AUTH {
		var a packet.Auth
		if err := a.Decode(packet.V5, h); err != nil {
			t.Fatal(err)
		}
		challenge, _ := a.Properties.AuthenticationData()
		final := packet.Auth{ReasonCode: packet.ContinueAuthentication, Properties: data(proof(t, bare, string(challenge), password))}
		h = send(final.Append(nil, packet.V5))
	}
	var c packet.Connack
	if err := c.Decode(packet.V5, h); err != nil {
		t.Fatalf("%v instead of CONNACK (%v)", h.Type, err)
	}
	return nc, c.ReasonCode
}

// proof is client-final-message (RFC 5802, section 3).
func proof(t *testing.T, bare, challenge, password string) string {
	t.Helper()
	fields := strings.Split(challenge, ",")
	salt, _ := base64.StdEncoding.DecodeString(fields[1][2:])
	iterations, _ := strconv.Atoi(fields[2][2:])
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	without := "c=biws," + fields[0]
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	for i, b := range mac(stored[:], bare+","+challenge+","+without) {
		key[i] ^= b
	}
	return without + ",p=" + base64.StdEncoding.EncodeToString(key)
}

// Each listener has its own users, also those who log in by SCRAM; and a file counts as it is, not as it was at the start.
func TestScramFiles(t *testing.T) {
	leavesNothing(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	anna, bert := scramLine(t, "anna", "pencil"), scramLine(t, "bert", "rubber")
	all, own := write("all", anna), write("own", bert)
	cfg := configure(t, strings.NewReplacer("$ALL", all, "$OWN", own).Replace(`
storage: {path: $DATA}
broker:
  scram_file: $ALL
  listeners:
    one: {tcp: "127.0.0.1:0"}
    two: {tcp: "127.0.0.1:0", scram_file: $OWN}
`))
	s := start(t, cfg, edge.Options{})
	login := func(listener, user, password string, want packet.ReasonCode) net.Conn {
		t.Helper()
		nc, code := scramTo(t, s, listener, user, password)
		if code != want {
			t.Errorf("%s at listener %s: %v, want %v", user, listener, code, want)
		}
		return nc
	}
	in := login("one", "anna", "pencil", packet.Success)
	login("one", "bert", "rubber", packet.NotAuthorized)
	login("two", "bert", "rubber", packet.Success)
	login("two", "anna", "pencil", packet.NotAuthorized)

	write("all", bert)
	s.Reload()
	if h := answer(t, in); h.Type != packet.DISCONNECT || h.Body[0] != byte(packet.AdministrativeAction) {
		t.Errorf("who is in the file no more gets %v %x", h.Type, h.Body)
	}
	login("one", "anna", "pencil", packet.NotAuthorized)
	login("one", "bert", "rubber", packet.Success)
}
