package server_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// mqttjs is where the library of that name is looked for: `npm install --prefix bin/mqttjs mqtt@5.16.0` puts it there.
const mqttjs = "../../bin/mqttjs/node_modules/mqtt"

// needMQTTjs gives the folder of mqtt.js, or skips the test where that is allowed.
func needMQTTjs(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(mqttjs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		missing(t, "mqtt.js (npm install --prefix bin/mqttjs mqtt@5.16.0)")
	}
	return dir
}

// missing ends a test that needs what is not here.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatalf("needs %s", what)
	}
	t.Skipf("needs %s", what)
}

// web opens a listener for WebSocket and one for secure WebSocket; origins are those of both.
func web(t *testing.T, origins ...string) (ws, wss, ca string) {
	t.Helper()
	cert, _ := selfSigned(t)
	ca = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	st := openStation(t, vfs.NewDisk(), server.Options{})
	w := &server.WebSocket{Path: "/mqtt", Origins: origins}
	ws = "ws://" + st.listen(server.ListenerConfig{Name: "ws", WebSocket: w, Anonymous: true}) + "/mqtt"
	wss = "wss://" + st.listen(server.ListenerConfig{Name: "wss", WebSocket: w, TLS: tlsConfig(cert), Anonymous: true}) + "/mqtt"
	st.run()
	return ws, wss, ca
}

func TestMQTTjsNode(t *testing.T) {
	library := needMQTTjs(t)
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node (Debian package nodejs)")
	}
	ws, wss, ca := web(t)
	for _, version := range []string{"3", "4", "5"} {
		for _, args := range [][]string{{ws, version}, {wss, version, ca}} {
			scheme, _, _ := strings.Cut(args[0], ":")
			t.Run(scheme+" "+version, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
				defer cancel()
				cmd := exec.CommandContext(ctx, node, append([]string{"testdata/mqttjs/node.js", library}, args...)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// pages serves what a browser needs, and tells what its page said.
type pages struct {
	*httptest.Server
	results chan string
}

func servePages(t *testing.T, library string) *pages {
	t.Helper()
	p := &pages{results: make(chan string, 1)}
	mux := http.NewServeMux()
	for path, file := range map[string]string{
		"/{$}": "testdata/mqttjs/page.html", "/exchange.js": "testdata/mqttjs/exchange.js", "/mqtt.min.js": library + "/dist/mqtt.min.js",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.results <- string(body)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// open shows a page in a headless Chromium and gives what the page says.
func (p *pages) open(t *testing.T, browser, page string) string {
	t.Helper()
	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--ignore-certificate-errors",
		"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--user-data-dir="+t.TempDir(), page)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt) // ends its children as well
		time.AfterFunc(patience, func() { cmd.Process.Kill() })
		cmd.Wait()
	}()
	select {
	case result := <-p.results:
		return result
	case <-time.After(6 * patience):
		t.Fatalf("the page says nothing\n%s", out.String())
		return ""
	}
}

func TestMQTTjsChromium(t *testing.T) {
	library := needMQTTjs(t)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium (Debian package of that name)")
	}
	p := servePages(t, library)
	ws, wss, _ := web(t, p.URL)
	for _, version := range []int{4, 5} {
		for _, server := range []string{ws, wss} {
			scheme, _, _ := strings.Cut(server, ":")
			t.Run(fmt.Sprintf("%s %d", scheme, version), func(t *testing.T) {
				if got := p.open(t, browser, fmt.Sprintf("%s/?version=%d&url=%s", p.URL, version, url.QueryEscape(server))); got != "ok" {
					t.Error(got)
				}
			})
		}
	}
}

// A page of somewhere else does not get through.
func TestMQTTjsChromiumForeignPage(t *testing.T) {
	library := needMQTTjs(t)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium (Debian package of that name)")
	}
	p := servePages(t, library)
	ws, _, _ := web(t)
	if got := p.open(t, browser, p.URL+"/?version=5&url="+url.QueryEscape(ws)); !strings.HasPrefix(got, "failed: ") {
		t.Errorf("the page says %q", got)
	}
}
