// Package modbus reads devices that speak Modbus, and writes coils and holding registers of them: RTU on a serial line, with a master of
// its own, and TCP.
//
// # Vocabulary
//
// A device has a unit_id and four tables: coils, discrete inputs, holding registers, input registers. A value is a number or a text
// in one or more of them. A block is what one request asks for: several values and what lies between them. A profile is a list of the
// values of a type of device. The shape of a reply is its function and its number of bytes.
//
// # Why a master of its own
//
// A reply on a serial line names its device and the function, and nothing else: not the registers. When a reply comes after its timeout,
// or twice, or in pieces, it stands in the place of the reply to the next request, with a right checksum; libraries that take it
// give every value under the name of its neighbour from then on, without an error.
//
// # Guarantees
//
// No register is reported under the name of another. A request is sent only when no earlier one to the same device can be answered
// by a reply of the same shape: neither one without a reply, until `late` has passed after its timeout, nor one that was answered less
// than `late` ago, as a second copy may come. Where one can, the request asks for some registers more than it needs; where the device
// refuses that, it waits, and the value is missing for a while. Device, function, length and checksum of each reply are checked; what
// fits nothing is dropped and counted. A number is never put together from two replies.
//
// An exception is believed when it came twice, as it tells even less of its request.
//
// A device that does not answer costs its line a timeout and a half in each of its rounds, and the sampler makes those rarer. A block that a
// device does not answer, or refuses, while it answers others, is left out for more and more rounds. A block that is refused is
// taken apart until the value is found that the device does not have.
//
// An output is set when the device has confirmed it and, read back, has it: the confirmation alone can be an old one, or the echo of an
// adapter that hears itself. Sensors and outputs on one line take turns, request by request.
//
// # Limits
//
// Where a longer request is refused, or the device gives no more registers at once, two blocks of one shape are told apart by time: the
// second one waits until 100 ms after the reply to the first, or until `late` when the line brought a stray in the last hour: a reply twice,
// or of another device. Then such a device gives one of these blocks in each round, in turn. On a line that repeats exceptions, too, a
// value may be called refused that is not, for some rounds.
//
// A reply to a request of a former run of the program is waited for as long as one timeout when the line is opened. A device that answers with
// the wrong registers at once cannot be found out. There must be no other master on the line. Functions 1 to 6, 15 and 16 are spoken. An
// output is one coil, or one number in registers. With `verify: false` the confirmation is believed. Numbers of 64 bits are exact up to 2^53.
package modbus
