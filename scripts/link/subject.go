package main

import (
	"fmt"
	"os"
	"path/filepath"
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

// daemonCommand: alarms are a stream of their own, so that they need not stand behind readings. The link is always used, also where the
// time of a session costs, because the peer does that too.
func (c *scene) daemonCommand(version string) (string, []string, error) {
	config := filepath.Join(c.folder, "skerry.yaml")
	text := fmt.Sprintf(`gateway: {id: gw01, board: sim}
storage: {path: queue}
broker:
  listeners: {local: {tcp: %q, anonymous: true}}
streams:
  alarms: {match: ["farm/alarm/#"], class: alarm}
  readings: {match: ["farm/north/#"]}
uplinks:
  cloud:
    mqtt: "tls://%s:%d"
    version: %s
    tls: {ca: %q}
    keep_alive: %ds
    retry: 200ms..1s
    links: [{name: wan, interface: %s, kind: %s, session: always}]
`, subjectAddress, emulate.Server, serverPort, version, c.settings.chain.root, c.keepAlive/time.Second, interfaceName, c.terrain.kind)
	return c.settings.skerry, []string{"run", config}, os.WriteFile(config, []byte(text), 0o600)
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
	return c.settings.mosquitto, []string{"-c", config}, os.WriteFile(config, []byte(text), 0o600)
}

// serverConfig is that of the server upstream. It stays root, or it could not read what is in folders of root.
func (c *scene) serverConfig() string {
	text := fmt.Sprintf(`user root
listener %d 0.0.0.0
certfile %s
keyfile %s
tls_version tlsv1.3
listener 1883 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
`, serverPort, c.settings.chain.certificates, c.settings.chain.key)
	if c.settings.noDelay {
		text += "set_tcp_nodelay true\n"
	}
	if c.window > 0 {
		text += fmt.Sprintf("max_inflight_messages %d\n", c.window)
	}
	return text
}
