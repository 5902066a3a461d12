package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"skerry/edge/control"
)

// TestClientsDocs runs the commands of docs/clients.md in their order, like TestQueueDocs.
func TestClientsDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	d := &queueDocs{t: t, dir: t.TempDir()}
	address := d.station()
	sub := d.skerry("sub", "-s", "mqtt://"+address, "-i", "display", "-t", "lake/#")
	if err := sub.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Process.Kill(); sub.Wait() })
	d.await("messages for the display", func() bool {
		out, _ := d.skerry("clients", "--json", "--store", "data").Output()
		var c control.Client
		return json.NewDecoder(bytes.NewReader(out)).Decode(&c) == nil && c.ClientID == "display" && c.Sent.Messages > 3 && c.Sent.Payload > 30 &&
			c.Listener == "local" && c.Version == "5.0" && c.KeepAlive == 60 && c.Connected > 0 && bytes.Count(out, []byte("\n")) == 3
	})
	commands := 0
	for _, part := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, example := range strings.Split("\n"+part[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(example, "\n")
			commands++
			got := d.run(command)
			if a, b := vague(want), vague(got); a != b {
				t.Errorf("$ %s\nprints\n%s\nnot\n%s\n(%q, not %q)", command, got, want, b, a)
			}
		}
	}
	if commands == 0 {
		t.Error("no command was found")
	}
	d.trace(address)
	d.stop()
	if out, err := d.skerry("clients", "--store", "data").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("does not run")) {
		t.Errorf("of a stopped station: %v, %s", err, out)
	}
}

// trace watches the display while messages come, and one that comes later.
func (d *queueDocs) trace(address string) {
	d.t.Helper()
	out, err := d.skerry("trace", "display", "--for", "1s", "--store", "data").Output()
	if err != nil {
		d.t.Error(err)
	}
	line := regexp.MustCompile(`(?m)^[0-9-]+T[0-9:.]+Z <- PUBLISH, [0-9]+ B: "lake/wx-042/air/temperature", QoS 0, payload [0-9]+ bytes$`)
	if !line.Match(out) || bytes.Contains(out, []byte("value")) {
		d.t.Errorf("trace shows\n%s", out)
	}
	late := d.skerry("trace", "late", "--for", "1min", "--json", "--store", "data")
	stderr, stdout := &heard{}, &heard{}
	late.Stderr, late.Stdout = stderr, stdout
	if err := late.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.await("the trace", func() bool { return strings.Contains(stderr.String(), "not connected now") })
	pub := d.skerry("pub", "-s", "mqtt://"+address, "-i", "late", "-t", "x", "-m", "SECRET")
	pub.Env = append(pub.Environ(), "SKERRY_USER=joe", "SKERRY_PASSWORD=SECRET")
	if text, err := pub.CombinedOutput(); err != nil {
		d.t.Errorf("%v: %s", err, text)
	}
	d.await("its DISCONNECT", func() bool { return strings.Contains(stdout.String(), `"DISCONNECT"`) })
	if text := stdout.String(); !strings.Contains(text, "with a password") || strings.Contains(text, "SECRET") || !strings.Contains(text, `"direction":"in","type":"PUBLISH"`) {
		d.t.Error(text)
	}
	late.Process.Signal(os.Interrupt)
	if err := late.Wait(); err != nil {
		d.t.Error(err)
	}
}

// heard is what a program has printed so far.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *heard) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *heard) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
