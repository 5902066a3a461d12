// Package budget accounts for the bytes of a link that is paid by the byte: what has been used of an allowance, what may still be sent,
// and how long it will last.
//
// # Vocabulary
//
// An [Allowance] is how many bytes a link may use in a period: a day, or a billing month that begins on a day of its own. The reserve is
// the share of it that only alarms may use. An [Account] keeps one link's allowances. It is charged ahead: the fact on the disk says more
// than has been used, by up to a chunk. A [Meter] counts what connections cost at the IP level, and spends it. The [Rung] is how
// far the traffic is cut down, from normal to alarm only. The pressure decides on it: what is expected to be used until the end of the
// period, as a share of what is left. A [Unit] is what the operator bills where that is not simply bytes.
//
// # Guarantees
//
// After a SIGKILL or a power cut an account has counted at least what was used: a write to a connection waits until the disk covers it,
// for [Options].Patience at most, and what has been received and not yet been counted is covered as far as it is no more than a sixteenth of a chunk. What it has
// counted too much is at most one chunk for each cut, or one write to the connection if that is larger.
//
// No clock gives bytes back. A period begins only on a date that is trusted, or follows from one by the time that has passed; until then the
// old one goes on. A period's allowance is given once: a date that goes back does not begin an old period anew, and what was used meanwhile
// counts in it. Bytes whose date is not known count in the old period and in the new one.
//
// Alarms always may, at 100 % use and beyond; what goes beyond is counted and reported. Each change of the rung is logged, once.
//
// # Limits
//
// The rung is not kept over a restart; it is found anew from the account and from the history, which takes an hour without that.
//
// What other programs send on the same interface is not seen, unless [Interface] counts the interface. What is counted
// is what this machine sends and receives: what is lost upstream of it on the way here is billed by some operators and not counted.
// A date that is trusted and wrong, and leaps ahead into another period, gives that period's allowance early; when it comes back all of it counts
// in the right period. A storage that does not write is waited for as long as [Options].Patience, then the link goes on: the account then under-counts if power
// goes, and says that it may.
package budget
