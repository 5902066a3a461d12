package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"skerry/broker/access"
)

// TestVerbs plays the scripts of pub and sub in MQTT 5 and in 3.1.1, against Debian's mosquitto and against the gateway.
func TestVerbs(t *testing.T) {
	for _, program := range []string{"mosquitto", "skerry"} {
		for _, protocol := range []string{"5", "3.1.1"} {
			t.Run(program+"/"+protocol, func(t *testing.T) {
				needs(t, program)
				playVerbs(t, program, protocol)
			})
		}
	}
}

func playVerbs(t *testing.T, program, protocol string) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/verbs",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PROTOCOL", protocol)
			env.Setenv("SERVER", program)
			return setUpStation(env)
		},
		Condition: func(name string) (bool, error) { return name == "mqtt5" && protocol == "5" || name == program, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port":         cmdPort,
			"arrives":      cmdArrives,
			"count":        cmdCount,
			"end":          cmdEnd,
			"crash":        cmdCrash, // kill is a command of testscript itself
			"status":       cmdStatus,
			"server":       cmdServer,
			"sub":          cmdSub,
			"certificates": cmdCertificates,
			"silent":       cmdSilent,
			"numbers":      cmdNumbers,
			"spawn":        cmdSpawn,
			"signal":       cmdSignal,
			"broken":       cmdBroken,
		},
	})
}

// server WISH...: starts the server under test on $PORT of the loopback interface, and makes it the server of pub and sub.
// Wishes: anonymous; users (anna, whose password is right); tls (with the certificates of the command of that name; mosquitto
// wants the client's too); small (packets of 1000 bytes and a few at most).
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	cmdPort(ts, false, []string{"PORT"})
	start := map[string]func(*testscript.TestScript, []string){"mosquitto": startMosquitto, "skerry": startSkerry}
	start[ts.Getenv("SERVER")](ts, args)
	cmdListening(ts, false, []string{ts.Getenv("PORT")})
	ts.Setenv("SKERRY_SERVER", "mqtt://127.0.0.1:"+ts.Getenv("PORT"))
}

func startMosquitto(ts *testscript.TestScript, wishes []string) {
	lines := []string{"listener " + ts.Getenv("PORT") + " 127.0.0.1", "user root", "max_queued_messages 0"}
	for _, wish := range wishes {
		switch wish {
		case "anonymous":
			lines = append(lines, "allow_anonymous true")
		case "users":
			ts.Check(ts.Exec("mosquitto_passwd", "-c", "-b", "users", "anna", "right"))
			lines = append(lines, "allow_anonymous false", "password_file users")
		case "tls":
			lines = append(lines, "cafile ca.crt", "certfile server.crt", "keyfile server.key", "require_certificate true")
		case "small":
			lines = append(lines, "max_packet_size 1000")
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("server.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	cmdSpawn(ts, false, []string{"server", "mosquitto", "-c", "server.conf"})
}

func startSkerry(ts *testscript.TestScript, wishes []string) {
	listener := `tcp: "127.0.0.1:` + ts.Getenv("PORT") + `"`
	var broker string
	for _, wish := range wishes {
		switch wish {
		case "anonymous":
			listener += ", anonymous: true"
		case "users":
			users := access.NewUsers()
			ts.Check(users.Set("anna", []byte("right")))
			ts.Check(users.WriteFile(ts.MkAbs("users")))
			broker += "  users_file: users\n"
		case "tls":
			listener += ", tls: {cert: server.crt, key: server.key}"
		case "small":
			broker += "  limits: {packet: 1KiB}\n"
		}
	}
	config := "storage: {path: data}\nbroker:\n" + broker + "  listeners:\n    local: {" + listener + "}\n"
	ts.Check(os.WriteFile(ts.MkAbs("server.yaml"), []byte(config), 0o644))
	cmdSpawn(ts, false, []string{"server", "skerry", "run", "server.yaml"})
}

// sub NAME ARG...: starts `skerry sub` and waits until its subscriptions stand. What it prints goes to NAME.out and NAME.err.
func cmdSub(ts *testscript.TestScript, neg bool, args []string) {
	line := []string{args[0], "skerry", "sub", "-s", ts.Getenv("SKERRY_SERVER"), "--protocol", ts.Getenv("PROTOCOL"), "--ready"}
	cmdSpawn(ts, false, append(line, args[1:]...))
	cmdArrives(ts, false, []string{args[0] + ".err", "^ready$"})
}

// silent: somebody listens on $PORT, accepts and never says a word.
func cmdSilent(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("PORT", fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	ts.Defer(func() {
		l.Close()
		<-done
	})
}

// numbers FILE N: writes the numbers from 1 to N, one per line.
func cmdNumbers(ts *testscript.TestScript, neg bool, args []string) {
	var n int
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	var text strings.Builder
	for i := range n {
		fmt.Fprintln(&text, i+1)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text.String()), 0o644))
}

// certificates: makes an authority (ca.crt), a server for 127.0.0.1 (server.crt, server.key) and a client
// (client.crt, client.key); another authority that signed nothing (other.crt).
func cmdCertificates(ts *testscript.TestScript, neg bool, args []string) {
	authority, err := issue(ts, "ca", nil)
	ts.Check(err)
	for _, name := range []string{"server", "client"} {
		_, err := issue(ts, name, authority)
		ts.Check(err)
	}
	_, err = issue(ts, "other", nil)
	ts.Check(err)
}

type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate signed by the authority, or by itself if there is none.
func issue(ts *testscript.TestScript, name string, by *issued) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "skerry test " + name},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: by == nil,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent := issued{template, key}
	if by != nil {
		parent = *by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	writePEM(ts, name+".crt", "CERTIFICATE", der)
	writePEM(ts, name+".key", "EC PRIVATE KEY", secret)
	cert, err := x509.ParseCertificate(der)
	return &issued{cert, key}, err
}

func writePEM(ts *testscript.TestScript, name, kind string, der []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

var signals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}

// signal NAME INT|TERM: sends a signal, after which the program must end with status 0.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	p := of(ts).programs[args[0]]
	ts.Check(p.cmd.Process.Signal(signals[args[1]]))
	wait(ts, args[0]+" to end", p.ended)
	ts.Check(p.err)
}

// broken NAME INT|TERM TEXT: sends a signal, after which the program must end with status 1 and this text.
func cmdBroken(ts *testscript.TestScript, neg bool, args []string) {
	p := of(ts).programs[args[0]]
	ts.Check(p.cmd.Process.Signal(signals[args[1]]))
	wait(ts, args[0]+" to end", p.ended)
	if said := ts.ReadFile(args[0] + ".err"); p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said, args[2]) {
		ts.Fatalf("%v, %s", p.cmd.ProcessState, said)
	}
}
