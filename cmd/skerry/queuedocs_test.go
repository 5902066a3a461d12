package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/scripts/loopback"
)

// TestQueueDocs runs every command of docs/queue.md in its order, and compares what it prints with what stands there, numbers, times and
// names of devices left out.
func TestQueueDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/queue.md")
	if err != nil {
		t.Fatal(err)
	}
	d := &queueDocs{t: t, dir: t.TempDir()}
	d.station()
	commands := 0
	parts := regexp.MustCompile("(?s)<!-- the station is stopped -->|```console\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, part := range parts {
		if part[1] == "" {
			d.stop()
			continue
		}
		for _, example := range strings.Split("\n"+part[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(example, "\n")
			commands++
			got := d.run(command)
			if a, b := vague(want), vague(got); a != b {
				t.Errorf("$ %s\nprints\n%s\nnot\n%s\n(%q, not %q)", command, got, want, b, a)
			}
		}
	}
	if commands < 9 {
		t.Errorf("only %d commands were found", commands)
	}
}

// vague leaves out of an output what differs each time.
func vague(output string) string {
	for _, v := range []struct{ pattern, instead string }{
		{`[0-9-]+T[0-9:.]+Z`, "DATE"},
		{`(?m), (more than )?[0-9.]+ years until [0-9.]+ [kMGTP]?B are used up`, ""},
		{`; [0-9.]+ [kMGTP]?B a day`, ""}, // there is none in the first minute
		{`\b[0-9]+(ms|s|min[0-9]+s|h[0-9]+min)\b`, "TIME"},
		{`\b[0-9.]+ [kMGTP]?B\b`, "SIZE"},
		{`(?m)^device bytes .*\n`, ""}, // not every file system has a device
		{`[0-9][0-9,.]*`, "N"},
		{`(slot|record|flush|deliver|message|checkpoint|write)(es|ies|y|s)?\b`, "$1"},
		{`in flight|may have been sent`, "waiting"}, // the client of the test goes away in the middle of something
		{`[ \n]+`, " "},
	} {
		output = regexp.MustCompile(v.pattern).ReplaceAllString(output, v.instead)
	}
	return strings.TrimSpace(output)
}

type queueDocs struct {
	t         *testing.T
	dir       string
	program   *exec.Cmd
	confirmed string
}

// skerry is a command of this program, in the directory of the test.
func (d *queueDocs) skerry(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Args[0], c.Dir = "skerry", d.dir
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return c
}

// station starts the one of the examples: a simulated sensor, an uplink that leads nowhere, and a client that is away.
func (d *queueDocs) station() (address string) {
	d.t.Helper()
	address = loopback.Address(loopback.Port(d.t))
	config := `gateway: {id: wx-042, site: lake, board: sim}
storage: {path: data}
broker: {listeners: {local: {tcp: "` + address + `", anonymous: true}}}
defaults: {every: 100ms}
sensors: {air: {driver: bme280}}
uplinks: {cloud: {mqtt: "tcp://127.0.0.1:1", client_id: wx}}
`
	if err := os.WriteFile(filepath.Join(d.dir, "skerry.yaml"), []byte(config), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.program = d.skerry("run", "skerry.yaml")
	if err := d.program.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { d.program.Process.Kill(); d.program.Wait() })
	d.await("a session that lasts", func() bool {
		return d.skerry("sub", "-s", "mqtt://"+address, "--session", "archive", "-q", "1", "-t", "lake/+/air/temperature", "--expiry", "never", "-W", "1ms").Run() == nil
	})
	d.await("ten messages for it", func() bool {
		out, _ := d.skerry("queue", "peek", "archive", "-n", "10", "--store", "data").Output()
		return bytes.Count(out, []byte("lake/")) == 10
	})
	return address
}

func (d *queueDocs) await(what string, ok func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func (d *queueDocs) stop() {
	d.t.Helper()
	d.program.Process.Signal(syscall.SIGTERM)
	if err := d.program.Wait(); err != nil {
		d.t.Fatal(err)
	}
}

// run runs a command of the documentation with the paths of the test in the place of those that stand there.
func (d *queueDocs) run(command string) string {
	d.t.Helper()
	for _, there := range []string{"/tmp/", "/var/lib/", "/mnt/card/"} {
		command = strings.ReplaceAll(command, there, d.dir+"/")
	}
	command = strings.Replace(command, "--confirmed 4211", "--confirmed "+d.confirmed, 1)
	args := strings.Fields(command)[1:]
	if args[0] == "powercut" && args[1] == "write" {
		return d.write(args)
	}
	if (args[0] == "queue" || args[0] == "clients") && !strings.Contains(command, "--store") {
		args = append(args, "--store", "data")
	}
	c := d.skerry(args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		d.t.Errorf("$ %s: %v\n%s", command, err, errs.String())
	}
	return d.asThere(string(out))
}

func (d *queueDocs) asThere(output string) string {
	return strings.ReplaceAll(output, d.dir+"/test", "/mnt/card/test")
}

// write writes until something is confirmed; then the power goes, as far as a test can do that.
func (d *queueDocs) write(args []string) string {
	d.t.Helper()
	c := d.skerry(append(args, "--size", "256KiB")...)
	out, err := os.Create(filepath.Join(d.dir, "numbers"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	var said bytes.Buffer
	c.Stdout, c.Stderr = out, &said
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	var lines []string
	d.await("confirmed writes", func() bool {
		text, _ := os.ReadFile(out.Name())
		lines = strings.Split(string(text[:bytes.LastIndexByte(text, '\n')+1]), "\n")
		return len(lines) > 20
	})
	c.Process.Kill()
	c.Wait()
	last := lines[len(lines)-2]
	d.confirmed = strings.TrimPrefix(last, "confirmed ")
	path := filepath.Join(d.dir, "test", "round")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	other := bytes.Replace(text, []byte(kernelBoot()), []byte(strings.Repeat("0", len(kernelBoot()))), 1)
	if err := os.WriteFile(path, other, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return d.asThere(fmt.Sprint(said.String(), last))
}
