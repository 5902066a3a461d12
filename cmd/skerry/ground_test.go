package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// blocks [--epoch N] [--primed] GATEWAY FROM TO: sends the messages FROM to TO of a gateway to the server upstream, as blocks of QoS 1 of up to 40, some of them twice, and some
// messages in two. Topics are t/GATEWAY/0 .. 2, payloads the numbers. --primed: the first three are a primer, which is retained, and the others need it; --unprimed: it is not sent.
func cmdBlocks(ts *testscript.TestScript, neg bool, args []string) {
	epoch := uint64(1)
	if len(args) == 5 && args[0] == "--epoch" {
		epoch, _ = strconv.ParseUint(args[1], 10, 64)
		args = args[2:]
	}
	how := ""
	if len(args) == 4 {
		how, args = args[0], args[1:]
	}
	if neg || len(args) != 3 {
		ts.Fatalf("usage: blocks [--epoch N] [--primed|--unprimed] GATEWAY FROM TO")
	}
	gateway := args[0]
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	conn, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("UPSTREAM"))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.Connect(ctx, conn, &packet.Connect{Version: packet.V5, ClientID: []byte("gateway-" + gateway), CleanStart: true}, client.Options{})
	ts.Check(err)
	running := make(chan struct{})
	go func() { defer close(running); c.Run(ctx) }()
	name := []byte("farm/lake/" + gateway + "/pack/r")
	var primer *pack.Primer
	if how != "" {
		var block []byte
		block, primer = primerFor(ts, epoch, gateway)
		if how == "--primed" {
			ts.Check(c.Publish(ctx, &packet.Publish{TopicName: append(name, "/primer"...), Payload: block, QoS: 1, Retain: true}))
		}
	}
	for from < to {
		n := min(to, from+1+rand.IntN(40))
		block := blockFor(ts, epoch, gateway, primer, max(0, from-rand.IntN(10)), n)
		for range 1 + rand.IntN(2) {
			ts.Check(c.Publish(ctx, &packet.Publish{TopicName: name, Payload: block, QoS: 1}))
		}
		from = n
	}
	c.Disconnect(packet.Success)
	<-running
}

func blockFor(ts *testscript.TestScript, epoch uint64, gateway string, primer *pack.Primer, from, to int) []byte {
	var e pack.Encoder
	e.BeginPrimed(pack.Head{Epoch: epoch, Stream: "r", Sum: true}, primer, 0)
	appendNumbers(ts, &e, gateway, from, to)
	block, _ := e.Seal(nil)
	return block
}

// primerFor is always the same of a gateway.
func primerFor(ts *testscript.TestScript, epoch uint64, gateway string) ([]byte, *pack.Primer) {
	var e pack.Encoder
	e.Begin(pack.Head{Epoch: epoch, Stream: "r", Keep: true}, 0)
	appendNumbers(ts, &e, gateway, 0, 3)
	block, _ := e.Seal(nil)
	primer, err := pack.NewPrimer(block)
	ts.Check(err)
	return block, primer
}

func appendNumbers(ts *testscript.TestScript, e *pack.Encoder, gateway string, from, to int) {
	for i := from; i < to; i++ {
		m := pack.Message{Topic: fmt.Sprintf("t/%s/%d", gateway, i%3), Payload: fmt.Append(nil, i), QoS: 2, Sequence: 1<<20 + uint64(i), Time: 1764380400000 + int64(i)}
		ts.Check(e.Append(m))
	}
}

var unpackedLine = regexp.MustCompile(`(?m)^t/(\w+)/(\d) 2 0 (?:ts:(\d+) )?(\d+)$`)

// unpacked FILE N GATEWAY...: the messages 0 to N of each gateway stand there once, in the order of their topics, and with their time if there is one.
func cmdUnpacked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: unpacked FILE N GATEWAY...")
	}
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	got := map[string][]int{}
	for _, line := range unpackedLine.FindAllSubmatch(text, -1) {
		i, _ := strconv.Atoi(string(line[4]))
		if want := strconv.FormatInt(1764380400000+int64(i), 10); line[3] != nil && !bytes.Equal(line[3], []byte(want)) {
			ts.Fatalf("message %d has the time %s", i, line[3])
		}
		at := string(line[1]) + "/" + string(line[2])
		got[at] = append(got[at], i)
	}
	for _, gateway := range args[2:] {
		for topic := range 3 {
			var want []int
			for i := topic; i < n; i += 3 {
				want = append(want, i)
			}
			if at := fmt.Sprintf("%s/%d", gateway, topic); !slices.Equal(got[at], want) {
				ts.Fatalf("%s: got %v", at, got[at])
			}
		}
	}
}
