// Command skerry is the gateway and the tools that come with it. Each verb has
// a file of its own: a struct with its flags, and a Run method.
//
// Exit status: 0 ok, 1 error, 2 wrong usage, 78 wrong configuration (so that a service manager does not start it again).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"skerry/broker/stack"
	"skerry/edge/config"
)

// A verb is what the first argument names.
type verb struct {
	name, help string
	command    any // pointer to a struct with the flags, and Run
}

// verbs are in the order of the help.
func verbs() []verb {
	return []verb{
		{"run", "Run the station that a configuration describes.", &runCmd{}},
		{"check", "Read a configuration and say what is wrong with it, or what it means.", &checkCmd{}},
		{"explain", "Say what a configuration will cost on its links, before a byte is spent.", &explainCmd{}},
		{"scan", "Find what is wired to this board, and print configuration for it.", &scanCmd{}},
		{"doctor", "Say what is missing on this machine for a station, with the fix.", &doctorCmd{}},
		{"sensors", "List the sensors of a station that runs, or read one now.", &sensorsCmd{}},
		{"outputs", "List the outputs of a station that runs, or set one.", &outputsCmd{}},
		{"uplink", "Show the uplinks of a station that runs.", &uplinkCmd{}},
		{"filter", "Try a content filter of a configuration on a message.", &filterCmd{}},
		{"pub", "Publish messages to an MQTT server.", &pubCmd{}},
		{"sub", "Subscribe to topics of an MQTT server and print what arrives.", &subCmd{}},
		{"ground", "Publish what packed blocks upstream hold, once.", &groundCmd{}},
		{"unpack", "Print the messages of blocks that an uplink has packed.", &unpackCmd{}},
		{"queue", "Look into the store of a station: what waits for whom, and whether it is sound.", &queueCmd{}},
		{"clients", "List the clients that are connected, and what waits for each.", &clientsCmd{}},
		{"trace", "Show the packets of one client as they come and go.", &traceCmd{}},
		{"powercut", "Test what a card keeps when its power goes.", &powercutCmd{}},
		{"user", "Edit a users file: who may log in.", &userCmd{}},
		{"acl", "Ask an ACL file who may do what, and which line decides.", &aclCmd{}},
		{"version", "Print the version and how it was built.", &versionCmd{}},
	}
}

const description = `Skerry reads sensors, is the MQTT broker for them and for the devices nearby,
and carries what should leave the site over a link that may fail.`

func main() {
	stack.GrowLarge() // the parsers of the command line and of the configuration need it
	os.Exit(run(os.Args[1:]))
}

// run does what the arguments say and gives the exit status.
func run(args []string) int {
	ctx, cancel := untilSignal()
	defer cancel()
	for _, arg := range args {
		if !utf8.ValidString(arg) { // the parser would put U+FFFD in its place, in a payload too
			return misused(fmt.Errorf("argument %q is not UTF-8 (hint: a payload of any bytes comes from a file: pub --file FILE, or - for standard input)", arg))
		}
	}
	parser, err := parserFor(ctx, args)
	if err != nil {
		return fail(err)
	}
	verb, err := parser.Parse(args)
	if err != nil {
		return misused(err)
	}
	if err := verb.Run(); err != nil {
		return fail(err)
	}
	return 0
}

// parserFor knows the verb that args begin with, or all verbs if there is none. What the parser makes of all of them is a
// megabyte of garbage, which a station that hardly allocates anything would keep for minutes.
func parserFor(ctx context.Context, args []string) (*kong.Kong, error) {
	known := verbs()
	if i := slices.IndexFunc(known, func(v verb) bool { return len(args) > 0 && args[0] == v.name }); i >= 0 {
		known = known[i : i+1]
	}
	options := []kong.Option{
		kong.Name("skerry"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	}
	for _, v := range known {
		options = append(options, kong.DynamicCommand(v.name, v.help, "", v.command))
	}
	return kong.New(&struct{}{}, options...)
}

// untilSignal ends with the first signal, which asks to end in good order. The second one ends the program at once: that is
// arranged before anybody hears of the first.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			end(fmt.Errorf("%v signal received", s))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		end(nil)
	}
}

// misused prints what is wrong with the arguments.
func misused(err error) int {
	command := "skerry"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			command = node.FullPath()
		}
	}
	fmt.Fprint(os.Stderr, "skerry: ", err)
	if !strings.Contains(err.Error(), "(hint:") {
		fmt.Fprintf(os.Stderr, " (hint: see `%s --help`)", command)
	}
	fmt.Fprintln(os.Stderr)
	return 2
}

// fail prints an error, unless that was done already, and gives the exit status, which the error may name with an ExitCode method. Errors of a
// configuration begin with their place in the file and stand alone, so that editors find it.
func fail(err error) int {
	if wrong, ok := errors.AsType[config.Errors](err); ok {
		fmt.Fprintln(os.Stderr, wrong)
		return 78
	}
	if _, printed := errors.AsType[denied](err); printed {
		return 1
	}
	fmt.Fprintln(os.Stderr, "skerry:", err)
	var coder kong.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return 1
}
