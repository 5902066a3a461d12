package modbus

import "fmt"

// exceptionError is a reply that says no ("MODBUS Application Protocol V1.1b3", 7).
type exceptionError struct {
	code  byte
	write bool // said to an order to write
}

// The codes that are treated in a way of their own.
const (
	illegalFunction = 1
	illegalAddress  = 2
	illegalValue    = 3
	deviceFailure   = 4
	acknowledge     = 5
	deviceBusy      = 6
	noTarget        = 11
)

var exceptionWords = map[byte]string{
	illegalFunction: "illegal function: the device has no such table; try another one: holding instead of input or the other way round",
	illegalAddress: "illegal data address: the device has no such register; check table and address (a number from a manual, as 40001, is " +
		"written `reference: 40001`)",
	illegalValue:  "illegal data value: the device does not give so many registers at once; check the type, or lower max_registers",
	deviceFailure: "device failure: it could not do what was asked; look at its display",
	acknowledge:   "acknowledge: it needs longer than it may take",
	deviceBusy:    "device busy",
	7:             "negative acknowledge: it cannot do what was asked",
	8:             "memory parity error in the device",
	10:            "gateway path unavailable: the gateway is set up wrongly or overloaded",
	noTarget:      "gateway target failed to respond: the device behind the gateway is absent; check unit_id and its wires",
}

// writeWords are those that mean another thing where something was to be written.
var writeWords = map[byte]string{
	illegalFunction: "illegal function: the device lets nobody write there, or not in this way",
	illegalAddress:  "illegal data address: the device has no such coil or register, or lets nobody write it; check table and address",
	illegalValue:    "illegal data value: the device does not take this value; check type and range",
}

func (e *exceptionError) Error() string {
	if words := writeWords[e.code]; e.write && words != "" {
		return fmt.Sprintf("the device answers with exception %d, %s", e.code, words)
	}
	if words := exceptionWords[e.code]; words != "" {
		return fmt.Sprintf("the device answers with exception %d, %s", e.code, words)
	}
	return fmt.Sprintf("the device answers with exception %d, which the specification does not know", e.code)
}

// permanent tells whether asking again will not help: the request is wrong.
func (e *exceptionError) permanent() bool { return e.code >= illegalFunction && e.code <= illegalValue }

// busy tells whether the device asks for a little time.
func (e *exceptionError) busy() bool { return e.code == acknowledge || e.code == deviceBusy }

// absent tells whether a gateway speaks for a device that says nothing.
func (e *exceptionError) absent() bool { return e.code == noTarget }
