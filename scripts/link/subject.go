package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"skerry/scripts/link/emulate"
)

// subject is what carries readings upstream.
type subject struct {
	name    string
	command func(c *scene) (name string, args []string, err error)
}

// The names of subjects in rows.
const daemonName, peerName = "skerry", "mosquitto bridge"

// daemon is the daemon that speaks a version of MQTT upstream.
func daemon(version string) subject {
	return subject{daemonName, func(c *scene) (string, []string, error) { return c.daemonCommand(version) }}
}

// peer is mosquitto with a bridge.
func peer() subject { return subject{peerName, (*scene).peerCommand} }

// daemonCommand writes the configuration that docs/streams.md has for such a station: alarms are a stream of their own, and what is measured
// now does not stand behind what has gathered in an outage. Links are always used, also where the time of a session costs, because the
// peer does that too.
func (c *scene) daemonCommand(version string) (string, []string, error) {
	config := filepath.Join(c.folder, "skerry.yaml")
	blocks, lingering := "", ""
	if c.encode != "" {
		blocks = ", encode: " + c.encode
		lingering = fmt.Sprintf("%s, linger: %gs", blocks, blockLinger.Seconds())
	}
	text := fmt.Sprintf(`gateway: {id: gw01, board: sim}
storage: {path: queue}
broker:
  listeners: {local: {tcp: %q, anonymous: true}}
streams:
  alarms: {class: alarm, match: ["farm/alarm/#"]%s}
  readings: {class: live, match: ["farm/north/#"]%s}
  backlog: {class: backfill, match: ["farm/north/#"]%s, keep: {age: 30d, bytes: 256MiB, when_full: drop-oldest}}
uplinks:
  cloud:
    mqtt: "tls://%s:%d"
    version: %s
    tls: {ca: %q, tickets: %s}
    keep_alive: %s
    retry: 200ms..1s
    links:
`, subjectAddress, blocks, lingering, lingering, emulate.Server, serverPort, version, c.settings.chain.root, map[bool]string{false: "disk", true: "none"}[c.noTickets], c.keepAliveText())
	for i, t := range c.terrains() {
		budget := ""
		if c.budget != "" {
			budget = ", budget: {bytes: " + c.budget + "}"
		}
		text += fmt.Sprintf("      - {name: link%d, interface: %s, kind: %s, session: always%s}\n", i+1, interfaceNames[i], t.kind, budget)
	}
	return c.settings.skerry, []string{"run", config}, os.WriteFile(config, []byte(text), 0o600)
}

// store is the data directory of the daemon.
func (c *scene) store() string { return filepath.Join(c.folder, "queue") }

// keepAliveText is one value, or the range in which it is learned.
func (o setting) keepAliveText() string {
	if o.upTo == 0 {
		return fmt.Sprintf("%ds", o.keepAlive/time.Second)
	}
	return fmt.Sprintf("%ds..%ds", o.keepAlive/time.Second, o.upTo/time.Second)
}

// peerCommand: as it comes, but with an unlimited queue, so that nothing is lost, and the shortest wait between attempts.
func (c *scene) peerCommand() (string, []string, error) {
	config := filepath.Join(c.folder, "bridge.conf")
	text := fmt.Sprintf(`user root
listener 1883 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
connection cloud
address %s:%d
topic farm/# out 1
bridge_cafile %s
bridge_tls_version tlsv1.3
remote_clientid gw01
cleansession false
keepalive_interval %d
restart_timeout 1
`, emulate.Server, serverPort, c.settings.chain.root, c.keepAlive/time.Second)
	return c.settings.peer, []string{"-c", config}, os.WriteFile(config, []byte(text), 0o600)
}

// openssl12 has every program that reads it speak TLS 1.2: mosquitto's tls_version is the oldest that it takes, not the newest.
const openssl12 = `openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = limits
[limits]
MaxProtocol = TLSv1.2
`

// serverCommand starts the server upstream.
func (c *scene) serverCommand() (string, []string, error) {
	config, limits := filepath.Join(c.folder, "server.conf"), filepath.Join(c.folder, "openssl.cnf")
	if err := os.WriteFile(config, []byte(c.serverConfig()), 0o600); err != nil || !c.tls12 {
		return c.settings.mosquitto, []string{"-c", config}, err
	}
	return "/usr/bin/env", []string{"OPENSSL_CONF=" + limits, c.settings.mosquitto, "-c", config}, os.WriteFile(limits, []byte(openssl12), 0o600)
}

// serverConfig is that of the server upstream. It stays root, or it could not read what is in folders of root.
func (c *scene) serverConfig() string {
	text := fmt.Sprintf(`user root
listener %d 0.0.0.0
certfile %s
keyfile %s
tls_version %s
listener 1883 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
`, serverPort, c.settings.chain.certificates, c.settings.chain.key, map[bool]string{false: "tlsv1.3", true: "tlsv1.2"}[c.tls12])
	if c.settings.noDelay {
		text += "set_tcp_nodelay true\n"
	}
	if n := c.settings.aliases; n > 0 { // of the first listener, the one before
		text = strings.Replace(text, "\ntls_version", fmt.Sprintf("\nmax_topic_alias %d\ntls_version", n), 1)
	}
	if c.window > 0 {
		text += fmt.Sprintf("max_inflight_messages %d\n", c.window)
	}
	return text
}
