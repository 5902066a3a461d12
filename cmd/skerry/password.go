package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// askPassword reads a password: twice and unseen at a terminal, else the first line of standard input.
func askPassword(ctx context.Context, name string) ([]byte, error) {
	in := bufio.NewReader(os.Stdin)
	restore, err := hideTyping()
	if errors.Is(err, unix.ENOTTY) {
		return readLine(ctx, in)
	}
	if err != nil {
		return nil, fmt.Errorf("hide the password: %w", err)
	}
	defer restore()
	first, err := prompt(ctx, in, "Password for "+name+": ")
	if err != nil {
		return nil, err
	}
	second, err := prompt(ctx, in, "Once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}

func prompt(ctx context.Context, in *bufio.Reader, text string) ([]byte, error) {
	fmt.Fprint(os.Stderr, text)
	defer fmt.Fprintln(os.Stderr) // the end of the line was not shown either
	return readLine(ctx, in)
}

// hideTyping switches the echo of the terminal off. ENOTTY: standard input is none.
func hideTyping() (restore func(), err error) {
	fd := int(os.Stdin.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}

// readLine reads up to the end of a line or of the input. A signal ends it; the
// read itself cannot be broken off and is left behind with the process.
func readLine(ctx context.Context, in *bufio.Reader) ([]byte, error) {
	type result struct {
		line []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := in.ReadBytes('\n')
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		if r.err != nil && !(errors.Is(r.err, io.EOF) && len(r.line) > 0) {
			return nil, errors.New("no password on standard input")
		}
		return chop(r.line), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
