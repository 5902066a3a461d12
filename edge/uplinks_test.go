package edge_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge"
	"skerry/queue/vfs"
)

const plainBroker = `
gateway: {id: ID}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
`

// TestUplinkTakenOutAndBack: an uplink that is configured no more gathers nothing, what it holds is reported and kept, and leaves
// when it is configured again. What a client is told in the first moment of the gateway is owed to its streams already.
func TestUplinkTakenOutAndBack(t *testing.T) {
	leavesNothing(t)
	up := start(t, configure(t, strings.Replace(plainBroker, "ID", "shore", 1)), edge.Options{})
	ground := up.hear("local", "farm/t/#")
	disk := vfs.NewDisk()
	station := strings.NewReplacer("ID", "wx", "$DATA", "/data").Replace(plainBroker) // one folder of one disk
	uplink := func(address string) string {
		return station + "streams: {rest: {match: [\"none/#\"]}, some: {match: [\"t/#\"]}}\n" +
			"uplinks: {cloud: {mqtt: \"tcp://" + address + "\", prefix: farm/, carry: [some], retry: 100ms..200ms}}\n"
	}
	for _, step := range []struct{ config, payload, log string }{
		{uplink("127.0.0.1:1"), "kept", "uplink cannot connect"},
		{station, "nobody's", "stream=some messages=1"},
		{uplink(up.Address("local").String()), "last", "uplink is online"},
	} {
		s := start(t, configure(t, step.config), edge.Options{FS: disk})
		s.say("local", "t/x", step.payload)
		until(t, step.log, func() bool { return strings.Contains(s.log.String(), step.log) })
		if step.payload == "last" {
			var all []string
			ground.wait(`"last"`, func(_, p string) bool { all = append(all, p); return p == "last" })
			if got := strings.Join(all, " "); got != "kept last" {
				t.Errorf("upstream came %q", got)
			}
		}
		s.stop()
	}
}

// say publishes a message with QoS 1 and waits until it is acknowledged.
func (s *station) say(listener, topic, payload string) {
	s.t.Helper()
	sayAt(s.t, s.Address(listener).String(), topic, payload)
}

// sayAt publishes to any Server.
func sayAt(t *testing.T, address, topic, payload string) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, nc, &packet.Connect{Version: packet.V5, CleanStart: true}, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { c.Run(context.Background()) })
	defer c.Disconnect(packet.NormalDisconnection)
	if err := c.Publish(ctx, &packet.Publish{TopicName: []byte(topic), QoS: 1, Payload: []byte(payload)}); err != nil {
		t.Error(err)
	}
}
