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
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"skerry/edge/config"
)

// skerry is the command line. The order is that of the help.
type skerry struct {
	Run     runCmd     `cmd:"" help:"Run the station that a configuration describes."`
	Check   checkCmd   `cmd:"" help:"Read a configuration and say what is wrong with it, or what it means."`
	Pub     pubCmd     `cmd:"" help:"Publish messages to an MQTT server."`
	Sub     subCmd     `cmd:"" help:"Subscribe to topics of an MQTT server and print what arrives."`
	User    userCmd    `cmd:"" help:"Edit a users file: who may log in."`
	Version versionCmd `cmd:"" help:"Print the version and how it was built."`
}

const description = `Skerry reads sensors, is the MQTT broker for them and for the devices nearby,
and carries what should leave the site over a link that may fail.`

func main() { os.Exit(run(os.Args[1:])) }

// run does what the arguments say and gives the exit status.
func run(args []string) int {
	ctx, cancel := untilSignal()
	defer cancel()
	for _, arg := range args {
		if !utf8.ValidString(arg) { // the parser would put U+FFFD in its place, in a payload too
			return misused(fmt.Errorf("argument %q is not UTF-8 (hint: a payload of any bytes comes from a file: pub --file FILE, or - for standard input)", arg))
		}
	}
	parser, err := kong.New(&skerry{},
		kong.Name("skerry"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
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

// fail prints an error and gives the exit status, which the error may name with an ExitCode method. Errors of a
// configuration begin with their place in the file and stand alone, so that editors find it.
func fail(err error) int {
	if wrong, ok := errors.AsType[config.Errors](err); ok {
		fmt.Fprintln(os.Stderr, wrong)
		return 78
	}
	fmt.Fprintln(os.Stderr, "skerry:", err)
	var coder kong.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return 1
}
