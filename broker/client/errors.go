package client

import (
	"errors"
	"fmt"

	"skerry/broker/packet"
)

// What a Conn or Client ends with, beside Refused and Disconnected. They are found with errors.Is.
var (
	// ErrLost: the Network Connection ended without a word from the Server.
	ErrLost = errors.New("connection lost")
	// ErrTimeout: the Server did not answer in time.
	ErrTimeout = errors.New("no answer from the server in time")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("connection closed")
	// ErrQuota: the Server's Receive Maximum is reached; wait for an acknowledgement.
	ErrQuota = errors.New("receive maximum of the server reached")
	// ErrTooLarge: the packet is larger than the Server's Maximum Packet Size.
	ErrTooLarge = errors.New("packet larger than the server takes")
	// ErrForgotten: the Server has lost the session, and with it a QoS 2 message whose PUBREC had come: nobody knows whether it
	// was passed on.
	ErrForgotten = errors.New("the server forgot the session before the message was complete")
)

// Refused is the answer of a Server that will not do what a packet asked for.
type Refused struct {
	Type   packet.Type // the answer: CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK
	Code   packet.ReasonCode
	Reason string // Reason String of a 5.0 Server
	Server string // Server Reference of a CONNACK: where to go instead
}

func (e *Refused) Error() string {
	return fmt.Sprintf("refused with %v: %s", e.Type, said(e.Code, e.Reason, e.Server))
}

// said is what a Server has answered, in words.
func said(code packet.ReasonCode, reason, server string) string {
	s := code.Error()
	if reason != "" {
		s += ": " + reason
	}
	if server != "" {
		s += " (use " + server + ")"
	}
	return s
}

// Unwrap gives the ReasonCode.
func (e *Refused) Unwrap() error { return e.Code }

// Disconnected means that a 5.0 Server ended the connection and said why.
type Disconnected struct {
	Code   packet.ReasonCode
	Reason string // Reason String
	Server string // Server Reference: where to go instead
}

func (e *Disconnected) Error() string {
	return "disconnected by the server: " + said(e.Code, e.Reason, e.Server)
}

// Unwrap gives the ReasonCode.
func (e *Disconnected) Unwrap() error { return e.Code }
