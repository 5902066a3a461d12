// Package linktest is a link between a gateway and its server that exists only in the program: slow, far, lossy, forgetful, cut or dead as
// the test wants it, in real time or in the time of testing/synctest. There is no socket in it, only memory and timers.
//
// # Vocabulary
//
// A [Link] joins a dialler, whose [Link.Dial] fits uplink.Options.Dial, and a server, which accepts at [Link.Listener]. Up is from the
// dialler to the server. [Conditions] are those of one direction; all connections of a link share its rate.
//
// # Guarantees
//
// What is read is what was written, in order, whatever the conditions. A writer blocks when as much as a buffer holds is not acknowledged,
// and a reader that does not read blocks it too. Losses come from a seed. Nothing here keeps a bubble of synctest alive once both ends of
// a connection are closed; and what stands still stands still without a goroutine that turns.
//
// # The model
//
// It is one of a stream, not of packets. Each Write leaves at once, cut into segments of 1,448 bytes, as with TCP_NODELAY. There is no
// congestion control: the rate, the delay and the buffer are all that bounds a transfer. A segment that is lost arrives later, by a round trip
// and 200 ms for each time, as after a retransmission timer, and what stands behind it waits for it. In a black hole, behind an interface
// that is down and to a NAT that has forgotten, the oldest segment is sent again at doubling intervals up to 2 min, and after GiveUp its
// sender is told ETIMEDOUT; the other end is told nothing. So after a black hole has ended it may take such an interval until the stream
// goes on, as with the kernel's. Segments count with 52 bytes of headers (IPv4, TCP, timestamps); pure acknowledgements, one for every second
// segment or after 40 ms without an answer to ride on, count and take no time of the link. What is sent again behind the oldest segment
// is not counted. A NAT sees a packet down when it arrives and may err by a round trip.
//
// For bytes and times that are quoted there is scripts/link, with the TCP of the kernel.
package linktest
