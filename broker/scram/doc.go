// Package scram is the Server's half of SCRAM-SHA-256 (RFC 5802 and RFC 7677), as data that goes to and fro: what carries
// it is the caller's. With it a Client proves that it knows a password without sending it, and the Server that it knows the
// Client; what the Server keeps does not let anybody log in.
//
// Vocabulary is that of the RFC: [Credentials] are salt, iteration count, StoredKey and ServerKey; an [Exchange] is one run
// of client-first, server-first, client-final, server-final.
//
// Guarantees: whether a user exists cannot be told from the answers, if Lookup gives credentials for unknown users, too,
// as [Decoy] does; secrets are compared in constant time; whatever the other side sends is an error at worst.
//
// Limits: there is no channel binding (a Client that insists on it is refused), and no user acts for another one. Names and
// passwords are taken as they are and not prepared by SASLprep: for printable ASCII that is the same.
package scram
