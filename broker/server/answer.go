package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
)

// answer is the one HTTP response of a connection. It is kept until it is complete: only short ones are given.
type answer struct {
	stream *stream
	in     *bufio.Reader
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

// Write adds to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// WriteHeader sets the status; the first word counts.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// refuse answers somebody who wanted MQTT and does not get it. The reason stands in the log too.
func (a *answer) refuse(r *http.Request, status int, reason string) error {
	http.Error(a, reason, status)
	a.send(r)
	return errors.New(reason)
}

// send writes the response to r.
func (a *answer) send(r *http.Request) error {
	response := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Header: a.header, Request: r, Close: true,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	var b bytes.Buffer // one write, whatever it is made of
	if err := response.Write(&b); err != nil {
		return err
	}
	if _, err := a.stream.Conn.Write(b.Bytes()); err != nil {
		return err
	}
	return errAnswered
}

// Hijack gives the connection to a WebSocket, after the word that it becomes one.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	a.header.Write(head)
	head.WriteString("\r\n")
	if _, err := a.stream.Conn.Write(head.Bytes()); err != nil {
		return nil, nil, err
	}
	out := bufio.NewWriterSize(a.stream.Conn, frameBuffer)
	return wire{a.stream.Conn, a.stream}, bufio.NewReadWriter(a.in, out), nil
}
