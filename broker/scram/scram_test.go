package scram_test

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"skerry/broker/scram"
)

// login plays a Client, and gives the messages for a test to spoil.
type login struct {
	user, password, nonce string
	header                string              // GS2; "": n,,
	first, final          func(string) string // spoil a message; nil: as it is
}

func (l login) play(t *testing.T, x *scram.Exchange) (user string, err error) {
	t.Helper()
	bare := "n=" + l.user + ",r=" + l.nonce
	header := cmp.Or(l.header, "n,,")
	message := header + bare
	if l.first != nil {
		message = l.first(message)
	}
	serverFirst, done, err := x.Step([]byte(message))
	if err != nil || done {
		return "", fmt.Errorf("first: done %v: %w", done, err)
	}
	fields := strings.Split(string(serverFirst), ",")
	salt, _ := base64.StdEncoding.DecodeString(fields[1][2:])
	iterations, _ := strconv.Atoi(fields[2][2:])
	salted, err := pbkdf2.Key(sha256.New, l.password, salt, iterations, 32)
	if err != nil {
		t.Fatal(err)
	}
	without := "c=" + base64.StdEncoding.EncodeToString([]byte(header)) + "," + fields[0]
	auth := bare + "," + string(serverFirst) + "," + without
	clientKey := sum(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof := sum(stored[:], auth)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	message = without + ",p=" + base64.StdEncoding.EncodeToString(proof)
	if l.final != nil {
		message = l.final(message)
	}
	serverFinal, done, err := x.Step([]byte(message))
	if err != nil {
		return "", err
	}
	if want := "v=" + base64.StdEncoding.EncodeToString(sum(sum(salted, "Server Key"), auth)); !done || string(serverFinal) != want {
		t.Errorf("done %v, server-final-message %s, want %s", done, serverFinal, want)
	}
	return x.User(), nil
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// annaOnly knows one user.
func annaOnly(t *testing.T, name, password string) func(string) (scram.Credentials, bool) {
	t.Helper()
	c, err := scram.New([]byte(password), 4096)
	if err != nil {
		t.Fatal(err)
	}
	return func(user string) (scram.Credentials, bool) {
		if user == name {
			return c, true
		}
		return scram.Decoy([]byte("secret"), user, 4096), false
	}
}

func TestLogin(t *testing.T) {
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	good := login{user: "anna", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO"}
	with := func(edit func(*login)) login {
		l := good
		edit(&l)
		return l
	}
	tests := []struct {
		name string
		l    login
		want string // of the error; "": it succeeds
	}{
		{"right", good, ""},
		{"a Client that could bind to a channel", with(func(l *login) { l.header = "y,," }), ""},
		{"... and somebody in between who hides it", with(func(l *login) { l.header, l.first = "y,,", swap("y,,", "n,,") }), "not the final message"},
		{"a header that the proof is not for", with(func(l *login) { l.first, l.final = swap("n,,", "y,,"), swap("biws", "eSws") }), "wrong name"},
		{"wrong password", with(func(l *login) { l.password = "pen" }), "wrong name or password"},
		{"no password", with(func(l *login) { l.password = "" }), "wrong name or password"},
		{"unknown user", with(func(l *login) { l.user = "bert" }), "wrong name or password"},
		{"no user", with(func(l *login) { l.user = "" }), "client-first"},
		{"a bad quote in the name", with(func(l *login) { l.user = "an=na" }), "client-first"},
		{"no nonce", with(func(l *login) { l.nonce = "" }), "client-first"},
		{"a nonce that is not printable", with(func(l *login) { l.nonce = "a\x01b" }), "client-first"},
		{"channel binding", with(func(l *login) { l.first = swap("n,,", "p=tls-exporter,,") }), "channel binding"},
		{"for another user", with(func(l *login) { l.first = swap("n,,", "n,a=root,") }), "another user"},
		{"nothing", with(func(l *login) { l.first = func(string) string { return "" } }), "client-first"},
		{"an extension that is a must", with(func(l *login) { l.first = swap("n,,", "n,,m=x,") }), "client-first"},
		{"too long", with(func(l *login) { l.user = strings.Repeat("a", 5000) }), "too long"},
		{"not UTF-8", with(func(l *login) { l.user = "\xff" }), "UTF-8"},
		{"another nonce at the end", with(func(l *login) { l.final = swap("r=rO", "r=xx") }), "not the final message"},
		{"another binding at the end", with(func(l *login) { l.final = swap("biws", "eSws") }), "not the final message"},
		{"no proof", with(func(l *login) { l.final = func(s string) string { return s[:strings.Index(s, ",p=")] } }), "client-final"},
		{"a short proof", with(func(l *login) { l.final = func(s string) string { return s[:strings.Index(s, ",p=")+7] } }), "client-final"},
		{"an empty proof", with(func(l *login) { l.final = func(s string) string { return s[:strings.Index(s, ",p=")+3] } }), "client-final"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user, err := tt.l.play(t, scram.NewExchange(annaOnly(t, "anna", "pencil")))
			switch {
			case tt.want == "" && (err != nil || user != "anna"):
				t.Errorf("user %q: %v", user, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A name may hold what the messages use as separators.
func TestQuotedName(t *testing.T) {
	l := login{user: "a=3Db=2Cc", password: "p", nonce: "n"}
	if user, err := l.play(t, scram.NewExchange(annaOnly(t, "a=b,c", "p"))); user != "a=b,c" || err != nil {
		t.Errorf("user %q (%v)", user, err)
	}
}

// RFC 7677, section 3: the example's credentials, as the Server would have them.
func TestExampleOfTheRFC(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	salted, err := pbkdf2.Key(sha256.New, "pencil", salt, 4096, 32)
	if err != nil {
		t.Fatal(err)
	}
	stored := sha256.Sum256(sum(salted, "Client Key"))
	auth := "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	text := fmt.Sprintf("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$%s:%s",
		base64.StdEncoding.EncodeToString(stored[:]), base64.StdEncoding.EncodeToString(sum(salted, "Server Key")))
	c, err := scram.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := base64.StdEncoding.EncodeToString(sum(c.ServerKey[:], auth)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("server signature %s", got)
	}
}

// A repeated message gets no second chance.
func TestExchangeEnds(t *testing.T) {
	x := scram.NewExchange(annaOnly(t, "anna", "pencil"))
	if _, err := (login{user: "anna", password: "x", nonce: "n"}).play(t, x); !errors.Is(err, scram.ErrRefused) {
		t.Fatal(err)
	}
	if _, done, err := x.Step([]byte("c=biws,r=n,p=")); done || err == nil {
		t.Error("the exchange goes on")
	}
}

// An unknown user is answered as a known one is, and each time with the same salt.
func TestDecoy(t *testing.T) {
	salts := map[string]bool{}
	for _, user := range []string{"anna", "bert", "bert"} {
		answer, _, err := scram.NewExchange(annaOnly(t, "anna", "pencil")).Step([]byte("n,,n=" + user + ",r=x"))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Split(string(answer), ",")
		salts[fields[1]] = true
		if len(fields) != 3 || len(fields[1]) != 26 || fields[2] != "i=4096" {
			t.Errorf("%s: %s", user, answer)
		}
	}
	if len(salts) != 2 {
		t.Errorf("%d salts for two users", len(salts))
	}
}

func TestParse(t *testing.T) {
	c, err := scram.New([]byte("pencil"), scram.Iterations)
	if err != nil {
		t.Fatal(err)
	}
	again, err := scram.Parse(c.String())
	if err != nil || again.Iterations != c.Iterations || !bytes.Equal(again.Salt, c.Salt) || again.StoredKey != c.StoredKey || again.ServerKey != c.ServerKey {
		t.Errorf("%v becomes %v (%v)", c, again, err)
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, text := range []string{
		"", "SCRAM-SHA-256", "SCRAM-SHA-1$4096:AA==$" + key + ":" + key, "SCRAM-SHA-256$4096$" + key + ":" + key, "SCRAM-SHA-256$4096:AA==$" + key,
		"SCRAM-SHA-256$4095:AA==$" + key + ":" + key, "SCRAM-SHA-256$99999999:AA==$" + key + ":" + key, "SCRAM-SHA-256$x:AA==$" + key + ":" + key,
		"SCRAM-SHA-256$4096:$" + key + ":" + key, "SCRAM-SHA-256$4096:?$" + key + ":" + key, "SCRAM-SHA-256$4096:AA==$AA==:" + key,
		"SCRAM-SHA-256$4096:AA==$" + key + ":" + key + key, "SCRAM-SHA-256$4096:AA==$" + key + ":" + key + "$",
	} {
		if _, err := scram.Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzExchange(f *testing.F) {
	f.Add("n,,n=anna,r=x", "c=biws,r=x,p=AAAA")
	f.Add("y,,n=a=2Cb,r=x,e=f", "c=eSws,r=x,e=f,p=")
	f.Fuzz(func(t *testing.T, first, final string) {
		x := scram.NewExchange(func(user string) (scram.Credentials, bool) { return scram.Decoy(nil, user, 4096), false })
		if _, done, _ := x.Step([]byte(first)); done {
			t.Fatal("done after the first message")
		}
		if _, done, _ := x.Step([]byte(final)); done {
			t.Fatal("an unknown user was let in")
		}
		scram.Parse(first)
	})
}
