// Package control lets a person look into the store of a station, whether the station runs or not, at its clients and sensors, and set
// its outputs, while it runs.
//
// # Vocabulary
//
// A station is a store and what is known of it beside. A request is one question about it; the answer is a number of rows. A
// desk takes requests: that of a running station is reached through a socket, the file "control" in its data directory; that of a
// stopped one opens the data directory itself. Both answer with the same code.
//
// On the socket a request is one line of JSON. The answer is lines {"row": ...}, then {"end": true} or {"error": "..."}: an answer
// without such a last line was cut off. After the answer the connection ends.
//
// # Guarantees
//
// Only root and the user that the station runs as get in: by the mode of the socket (0600), and by who the kernel says the other
// side is. Lines are bounded, so is the number of clients, and a client that stops reading is dropped. Nothing is held up by
// one: a request takes the locks of the store for moments, never across I/O on the socket. But as long as an export or a
// verification lasts no segment is freed. A stopped store is not written to
// unless the request changes something.
//
// # Limits
//
// Linux. A data directory whose path has no room for a socket name is reached through /proc/self/fd. Sessions that live in memory
// only are among the clients while they are connected, not among the sessions. A trace takes the place of one client of the socket
// as long as it lasts.
package control
