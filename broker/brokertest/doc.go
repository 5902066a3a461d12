// Package brokertest plays conversations of MQTT Control Packets against a broker and compares what it answers byte by
// byte: for 3.1, 3.1.1 and 5.0, in files that are ordered by chapter of the specifications.
//
// A conversation is text. A file in testdata holds the cases of one section:
//
//	A = 10: 'MQTT' 04 02 003c 'a'          a name for a piece of text, used as $A
//
//	# MQTT-3.1.0-2: what is tested         begins a case, on a fresh broker; clauses in front of the colon are
//	                                       those that it holds, the first one in full: MQTT-3.3.1-10, -11
//	limit inflight 2                       a bound of the broker, see Limits
//	a> $A | c0:                            Client a sends packets in one write. Its first line connects it
//	a< 20: 00 00                           ... and gets exactly this
//	a< closed                              ... and then the end of the connection
//	a> close                               Client a drops the connection
//	wait 3s                                time goes by
//
// A packet is its first byte, a colon (which stands for the Remaining Length), and the rest; without a colon all bytes
// are given. Bytes are hexadecimal; 'text' is text with its length of two bytes in front, "text" without; [ ] puts the
// length of what is inside in front of it as a Variable Byte Integer, as property lists have it; x*5 is x five times. In
// what is expected ?? is any byte, ??*5 are five, and ... at the end is whatever else the packet holds.
//
// That nothing comes is tested by a PINGREQ whose PINGRESP is the next packet. Behind each line that ends with one the Client asks once
// more by itself, as a PINGRESP may overtake messages.
//
// Guarantees. A case needs nothing but a fresh broker that lets anybody in, and takes no port, clock or name of its own: it
// runs in a bubble of testing/synctest, over loopback, and against other brokers. CONFORMANCE.md beside this folder says
// which case holds which clause; a test of this package keeps the two together.
//
// Limits. What needs a disk that fails, a loss of power or two connections at the same instant is tested elsewhere, in the
// packages broker, server and queue.
package brokertest
