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
	lost := 0 // told in as many lines as there were gaps
	for _, told := range strings.Split(got, "lines=")[1:] {
		var n int
		if _, err := fmt.Sscanf(told, "%d", &n); err != nil {
			t.Fatal(err)
		}
		lost += n
	}
	if n := strings.Count(got, line); n+lost != written || lost == 0 {
		t.Errorf("%d lines came and %d are said to be lost, of %d", n, lost, written)
	}
}
