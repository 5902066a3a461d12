// Package change tells whether a message says something new about its topic, so that a stream can leave out what repeats itself.
//
// Vocabulary. What is compared are the leaves of a payload: the numbers, texts and truth values in it, of JSON or of CBOR, each with the
// names and places that lead to it. A member that does not count, such as the time, is left out with all below it. A payload that
// cannot be read so is one leaf. A [Detector] remembers of each topic the last message that passed.
//
// Guarantees. A message passes if any leaf has come, gone or changed since the last one that passed, a number by more than the deadband;
// if the heartbeat is due; and if nothing is remembered of its topic. An empty payload, which ends a retained message, always passes. Slow
// drift is seen: a number is compared with the one that passed, not with the one before. What has passed and did not arrive can be forgotten, by whoever
// learns of that: then the same passes once more.
//
// Limits. The memory is bounded ([MaxBytes]) and is lost with the program: what is forgotten passes once more. Payloads that content
// filters do not look into (broker/filter) are compared byte by byte. Numbers are float64.
package change
