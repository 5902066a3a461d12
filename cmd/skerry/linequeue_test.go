package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestLineQueue writes to a pipe that nobody reads: nobody waits, and the reader who comes late learns what is missing.
func TestLineQueue(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	q := newLineQueue(in)
	line := strings.Repeat("x", 1000)
	const written = linesKept + 1000
	for i := range written {
		fmt.Fprintln(q, i, line)
	}
	q.Close() // nobody reads yet, and it returns

	read := make(chan []byte)
	go func() {
		var b bytes.Buffer
		b.ReadFrom(out)
		read <- b.Bytes()
	}()
	<-q.done
	in.Close()
	got := string(<-read)
	var lost int
	if _, err := fmt.Sscanf(got[strings.Index(got, "lines=")+len("lines="):], "%d", &lost); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got, line); n+lost != written || lost == 0 {
		t.Errorf("%d lines came and %d are said to be lost, of %d", n, lost, written)
	}
}
