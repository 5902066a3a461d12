package server_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/broker/access"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// A user who is taken away, or gets another password, is disconnected; everybody else stays.
func TestRevoke(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var log lines
	ada, bob, eve := "ada:"+hash(t, "ada")+"\n", "bob:"+hash(t, "bob")+"\n", "eve:"+hash(t, "eve")+"\n"
	anna, bert := string(scramUsers(t, "anna", "pencil").Bytes()), string(scramUsers(t, "bert", "rubber").Bytes())
	users, err := access.OpenUsers(write("users", ada+bob+eve), nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := access.OpenScramUsers(write("keys", anna+bert), nil)
	if err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	address := st.listen(server.ListenerConfig{Name: "lan", Anonymous: true, Authenticate: users, Methods: []server.AuthMethod{server.Scram(keys)}})
	st.run()

	in := map[string]*peer{}
	for _, name := range []string{"ada", "bob", "eve"} {
		in[name] = dial(t, address)
		in[name].script("> 10: 'MQTT' 05 c2 0000 00 '"+name+"' '"+name+"' '"+name+"'", "< 20: ??*16")
	}
	for name, password := range map[string]string{"anna": "pencil", "bert": "rubber"} {
		p, h := (&scramClient{user: name, password: password}).login(t, address)
		if h.Type != packet.CONNACK || h.Body[1] != 0 {
			t.Fatalf("%s: %v %x", name, h.Type, h.Body)
		}
		in[name] = p
	}
	in["old"] = dial(t, address)
	in["old"].script("> 10: 'MQTT' 04 c2 0000 'old' 'ada' 'ada'", "< 20: 00 00")
	in["anybody"] = dial(t, address)
	in["anybody"].script("> 10: 'MQTT' 05 02 0000 00 'anybody'", "< 20: ??*16")
	stays := func(names ...string) {
		t.Helper()
		for _, name := range names {
			in[name].script("> c0:", "< d0:")
		}
	}
	st.server.Revoke()
	stays("ada", "bob", "eve", "anna", "bert", "old", "anybody")

	write("users", eve+"bob:"+hash(t, "new")+"\n")
	write("keys", bert)
	users.Reload()
	keys.Reload()
	st.server.Revoke()
	for _, name := range []string{"ada", "bob", "anna"} {
		in[name].script("< e0: 98", "< closed")
	}
	in["old"].script("< closed")
	stays("eve", "bert", "anybody")
	if n := strings.Count(log.String(), "counts no more"); n != 4 {
		t.Errorf("%d lines in the log, want 4:\n%s", n, log.String())
	}
}
