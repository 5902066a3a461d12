// Package ticket keeps the session tickets of TLS over restarts and power cuts, so that a connection costs half of what it would.
//
// # Vocabulary
//
// A ticket is what a Server gives a client at the end of a handshake: with it the next handshake needs no certificates (RFC 5077, RFC 8446
// section 4.6.1). The state is what the client must know beside it: the secret of the session and the chain of the Server. A [Binding] is
// what both hold for: the Server's address, the authorities that are trusted, and the client's own certificate. A fact is ticket and state
// as they are stored.
//
// # Guarantees
//
// A ticket is used for its binding only: another address, other authorities or another certificate of the client begin anew. Before it is
// used package crypto/tls checks version, name, and that a chain of the Server is still valid and trusted. What is stored is encrypted with
// AES-256-GCM, by a key that is derived from the identity of the board and a random salt; the binding is authenticated with it. A fact
// that cannot be read is ignored, counted, and written over. One that seems to come from the future is not used: the clock is wrong, or was.
// The latest ticket is used as long as the program runs; one is written only when there is none that can be read, or the last is
// [Rewrite] old, or the stored one was used.
//
// # Limits
//
// A TLS 1.3 ticket should be used once (RFC 8446 appendix C.4): who watches the link could tell by it that two connections come from one
// client. Here that is known by the address and the name of the Server anyway, and to write each new one would cost the card 3 to 5 kB
// each time. So a ticket is used again if power fails before a newer one is stored; a Server that minds asks for a full handshake. A state of
// TLS 1.2 has the master secret, from which a recorded connection that it was used for can be read; one of TLS 1.3 has not. The
// encryption is as good as the identity: see [Key].
package ticket
