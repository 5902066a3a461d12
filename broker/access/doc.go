// Package access says who somebody is and what he may do: users with their passwords, rules about topics, and how fast
// passwords may be guessed. It knows nothing of connections and sessions.
//
// Vocabulary: a users file has a hash of the password of each user ([Users]). An ACL file has rules ([Rules]): a rule gives
// or denies rights (read, write, subscribe) on the topics that a filter matches, to the users of its section or, as a
// pattern, to everybody with %u and %c put in. A [Client] is somebody the rules are asked about: a user name and a ClientID.
// [ScramUsers] are a file of keys, for Clients that do not send their passwords. A [UserFile], a [ScramFile] and a [RuleFile] are such
// files that are read again when they change.
//
// Guarantees:
//   - Both files of mosquitto are read as they are and mean what they mean there (2.0); what is ours in them is an addition.
//   - A question to a Client takes no lock, does no I/O and allocates nothing; its answer is that of one state of the file.
//   - A file that has become unreadable or wrong changes nothing: what was read before stays in force, and is said so once.
//   - How long a login takes does not tell whether a user exists.
//   - The memory of a [Throttle] is bounded, whoever knocks.
//
// Limits: a file has at most 4 MiB. ClientIDs are claims: a rule that hangs on one is as good as what keeps others from
// using it. A rule holds topics, not payloads, QoS or RETAIN.
package access
