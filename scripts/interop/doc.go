// Command interop has an uplink talk to real MQTT servers, over cuts and restarts, and prints what each of them made of it.
//
// Vocabulary: a server is a program with its data in a folder of its own; a cluster is several that know each other. The station is
// a store, a broker and an uplink of Skerry, with a configuration that is loaded and checked like any other. The observer is a client
// of the server with a session that is kept. The way from station to server is a proxy that can be cut.
//
// Guarantees: what is published is numbered, and the observer's numbers are compared with it: lost, twice, out of order. The status is 1 when
// a server got less than it promises to take. Every process is one of ours and ended by its id.
//
// Limits: the observer is never cut, so that what it gets twice came twice to the server, or from it. A server that is not
// installed is left out and named. Loopback only; TLS is not tried here.
package main
