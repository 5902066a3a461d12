package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"skerry/scripts/loopback"
	"skerry/scripts/rig"
)

//go:embed HiveMQ.java
var sources embed.FS

const (
	activeMQJar  = "/usr/share/activemq/lib/activemq-mqtt.jar"
	rabbitServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"
)

// candidates lists what is tried.
func candidates(s *settings) []*candidate {
	return []*candidate{
		{name: "mosquitto", profile: "mosquitto", size: 1, qos: 2, exactly: true, program: "/usr/sbin/mosquitto",
			version: []string{"/usr/sbin/mosquitto", "-h"}, make: mosquitto},
		{name: "nats", profile: "nats", size: 1, qos: 1, program: "nats-server", version: []string{"nats-server", "-v"}, make: nats},
		{name: "nats-cluster", profile: "nats", size: 3, qos: 1, program: "nats-server", version: []string{"nats-server", "-v"}, make: nats},
		{name: "activemq", profile: "activemq", size: 1, qos: 2, program: activeMQJar,
			version: []string{"dpkg-query", "-W", "activemq"}, make: activeMQ},
		{name: "hivemq", profile: "hivemq", size: 1, qos: 2, exactly: true, forgets: true, program: s.classes,
			version: []string{"sh", "-c", "ls " + s.classes + "/hivemq-community-edition*"}, make: hiveMQ},
		{name: "rabbitmq", profile: "rabbitmq", size: 1, qos: 1, program: rabbitServer,
			version: []string{"dpkg-query", "-W", "rabbitmq-server"}, make: rabbitMQ},
		{name: "rabbitmq-cluster", profile: "rabbitmq", size: 2, qos: 1, program: rabbitServer,
			version: []string{"dpkg-query", "-W", "rabbitmq-server"}, make: rabbitMQ},
	}
}

func mosquitto(c *cluster) error {
	s := c.servers[0]
	_, port, _ := strings.Cut(s.address, ":")
	s.argv = []string{"/usr/sbin/mosquitto", "-c", filepath.Join(s.dir, "mosquitto.conf")}
	return s.write("mosquitto.conf", fmt.Sprintf("persistence true\npersistence_location %s/\nmax_queued_messages 0\n"+
		"max_inflight_messages 5000\nuser root\nallow_anonymous true\nlistener %s 127.0.0.1\n", s.dir, port))
}

func nats(c *cluster) error {
	ports, err := c.ports(2 * len(c.servers))
	if err != nil {
		return err
	}
	wait := "30s" // its default
	if c.settings.brief {
		wait = "2s"
	}
	var routes []string
	for i := range c.servers {
		routes = append(routes, "nats://"+loopback.Address(ports[2*i]))
	}
	for i, s := range c.servers {
		text := fmt.Sprintf("server_name: n%d\nlisten: %s\njetstream { store_dir: %q }\nmqtt { listen: %q, ack_wait: %q }\n",
			i, loopback.Address(ports[2*i+1]), filepath.Join(s.dir, "store"), s.address, wait)
		if len(c.servers) > 1 {
			text += fmt.Sprintf("cluster { name: c, listen: %q, routes: [%s] }\n", loopback.Address(ports[2*i]), strings.Join(routes, ", "))
		}
		s.argv = []string{"nats-server", "-c", filepath.Join(s.dir, "nats.conf")}
		if err := s.write("nats.conf", text); err != nil {
			return err
		}
	}
	return nil
}

func activeMQ(c *cluster) error {
	s := c.servers[0]
	var classes []string
	for _, name := range []string{"mqtt-client", "hawtdispatch", "hawtdispatch-transport", "hawtbuf"} {
		classes = append(classes, "/usr/share/java/"+name+".jar")
	}
	// A broker that is named by an address needs no Spring, unlike one that a file configures.
	s.argv = []string{"java", "-Xmx256m", "-cp", "/usr/share/activemq/lib/*:" + strings.Join(classes, ":"), "-Dactivemq.home=/usr/share/activemq",
		"-Dactivemq.base=" + s.dir, "-Dactivemq.data=" + s.dir, "org.apache.activemq.console.Main", "start",
		fmt.Sprintf("broker:(mqtt://%s)?persistent=true&dataDirectory=%s&useJmx=false", s.address, s.dir)}
	return nil
}

func hiveMQ(c *cluster) error {
	s := c.servers[0]
	_, port, _ := strings.Cut(s.address, ":")
	for _, name := range []string{"conf", "extensions", "data", "log"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			return err
		}
	}
	s.argv = []string{"java", "-Xmx512m"}
	for _, open := range []string{"java.base/java.lang", "java.base/java.nio", "java.base/sun.nio.ch", "jdk.management/com.sun.management.internal"} {
		s.argv = append(s.argv, "--add-opens", open+"=ALL-UNNAMED")
	}
	s.argv = append(s.argv, "--add-exports", "java.base/jdk.internal.misc=ALL-UNNAMED", "-Dhivemq.home="+s.dir,
		"-cp", c.settings.classes+"/*", filepath.Join(s.dir, "HiveMQ.java"))
	open, err := sources.ReadFile("HiveMQ.java")
	if err = errFirst(err, s.write("HiveMQ.java", string(open))); err != nil {
		return err
	}
	return s.write("conf/config.xml", fmt.Sprintf(`<?xml version="1.0"?>
<hivemq>
	<listeners><tcp-listener><port>%s</port><bind-address>127.0.0.1</bind-address></tcp-listener></listeners>
	<mqtt><queued-messages><max-queue-size>100000</max-queue-size></queued-messages></mqtt>
	<anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
</hivemq>
`, port))
}

// rabbitMQ runs its script as systemd does, which makes its process the virtual machine itself. The names of the nodes are looked up at a
// port mapper of our own: the usual one would outlive us.
func rabbitMQ(c *cluster) error {
	ports, err := c.ports(1 + 2*len(c.servers))
	if err != nil {
		return err
	}
	mapper, err := rig.Start("epmd", "-port", fmt.Sprint(ports[0]), "-address", "127.0.0.1")
	if err != nil {
		return err
	}
	c.beside = append(c.beside, mapper)
	peers := ""
	if len(c.servers) > 1 {
		peers = "cluster_formation.peer_discovery_backend = classic_config\n"
		for i := range c.servers {
			peers += fmt.Sprintf("cluster_formation.classic_config.nodes.%d = n%d@localhost\n", i+1, i)
		}
	}
	for i, s := range c.servers {
		err := s.write("rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = %s\nmqtt.listeners.tcp.1 = %s\nmqtt.allow_anonymous = true\n"+
			"mqtt.default_user = guest\nmqtt.default_pass = guest\n%s", loopback.Address(ports[1+2*i]), s.address, peers))
		if err := errFirst(err, s.write("enabled_plugins", "[rabbitmq_mqtt].\n")); err != nil {
			return err
		}
		in := func(name string) string { return filepath.Join(s.dir, name) }
		s.argv = []string{"env", "-i", "PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "RUNNING_UNDER_SYSTEMD=1",
			fmt.Sprint("ERL_EPMD_PORT=", ports[0]), "ERL_EPMD_ADDRESS=127.0.0.1",
			fmt.Sprintf("RABBITMQ_NODENAME=n%d@localhost", i), fmt.Sprint("RABBITMQ_DIST_PORT=", ports[2+2*i]),
			"RABBITMQ_CONFIG_FILE=" + in("rabbitmq"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + in("enabled_plugins"),
			"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_PID_FILE=" + in("pid"),
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} -setcookie interop", rabbitServer}
	}
	return nil
}

func errFirst(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
