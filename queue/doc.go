// Package queue is the durable log of the broker and its cursors: it keeps each message until every session that is
// owed it has acknowledged it, and the small facts that must survive with the messages.
//
// Vocabulary. A message is published to targets; a target is a session and how the message is to be delivered to
// it. A session is the delivery state of one MQTT session, durable (survives a power cut) or volatile. Each
// delivery of QoS 1 or 2 has an ordinal, counted per session; its packet id is derived from the ordinal. Records
// are appended in groups; a group becomes durable with one fdatasync. A receipt is a point in that order: what it
// stands for may be acknowledged when the receipt is resolved. A fact is an opaque value by space and key. Package
// slotlog holds the file format below the records. A checkpoint is the result of replaying the log up to some segment;
// there are two, in files of package checkpoint. A share is a session that others draw from, for shared subscriptions; see
// share.go.
//
// Guarantees. What a resolved receipt covers survives the loss of power at any instruction; acknowledged messages
// are delivered in the order of publishing; a QoS 2 message is given to a durable session under one packet id for
// its whole life, so that its receiver never takes it twice; where that is asked for it is kept until PUBCOMP, so that
// a receiver that has lost its session can be given it once more. Memory does not grow with what waits: a session keeps
// a bounded ring and reads the rest from the log. Open never refuses a damaged store; it sets aside what it cannot
// read, counts it, reports it and goes on.
//
// Limits. One process at a time. A message is at most a quarter of a slot. Segments come back when both checkpoints
// cover them and no session needs them; one slow session keeps those that hold messages for it, as far as its limits
// let it. The byte tables and the order of writes are in DESIGN.md beside this file.
package queue
