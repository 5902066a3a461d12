// Package repeats remembers which commands have come, so that one that a Server sends again is not carried out again.
//
// Vocabulary. A command has an id, which whoever gives it has chosen: the Correlation Data of MQTT 5, or a member of its payload. The same id under
// another topic is another command. A page is a part of the memory that is stored by itself.
//
// Guarantees. An id is known from when it was stored together with the message until at least [Least] others have come. The memory is a ring of
// pages of fixed size: a new command costs the log one page.
//
// Limits. Ids are kept as sums of 64 bits. Two different ids that are taken for one another are less likely than once in 10^16 commands.
package repeats
