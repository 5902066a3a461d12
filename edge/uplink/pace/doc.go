// Package pace bounds how many bytes of messages are on their way to a Server, so that the link is full and nothing queues in front of it:
// what is urgent then waits for about one round trip, whatever backlog stands behind it.
//
// # Vocabulary
//
// A message is on its way from when it is written until the Server has acknowledged it. The rate is how many bytes of messages the
// Server acknowledges in a second; the round trip is how long one takes when nothing is in its way. Their product is what the link
// itself holds. A round is the time in which everything that was on its way at its beginning is acknowledged.
//
// # How
//
// The window begins with a few messages and grows with each acknowledgement, as long as the rate grows with it. When it does not, the
// link is full, and the window becomes an eighth more than what the link holds, and a few messages: enough to notice that the link has become faster, and
// little enough to wait for. The rate is the highest of the last rounds, the round trip the shortest of the last minutes, so that a
// packet that is lost, which holds up a stream of TCP, does not shrink it. Rounds in which there was less to send than the window allows say
// nothing about the link.
//
// # Guarantees
//
// There is always room for something when nothing is on its way. Memory is bounded by the number of messages on their way.
//
// # Limits
//
// Only what is acknowledged is counted: messages of QoS 0 are not. The time that the Server needs for an acknowledgement belongs to the
// round trip. TCP's own window is not looked at; when that is smaller, what is written waits in the socket.
package pace
