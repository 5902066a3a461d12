// Package profile says what each kind of MQTT server takes, and what it wants in another shape.
//
// # Vocabulary
//
// A [Profile] is a kind of server: the versions it speaks, its limits, its rules for names. A [Fault] is something that it would
// not take. [Names] are the topics of a server that has topics of its own: the original topic then travels in a property bag, which
// is a list of url-encoded properties at the end of the topic. A token is the password that Azure IoT Hub wants of a device
// that has a key instead of a certificate. A [Pace] holds messages back that would come faster than a server takes them.
//
// # Guarantees
//
// The rules are plain values: nothing here dials, waits or keeps time. What a profile calls sound is within the documented limits of
// the server, as far as they concern one device; where two sources differ the smaller figure counts. No error shows a key.
//
// # Limits
//
// Limits of an account are not known here, nor what its policies allow. Services raise some of theirs on request: the profile
// stays at what everybody has. The figures are of the documents named beside them, as they were stored in 2026, or were seen
// at the program named (docs/servers.md); joram stands on no document that could be read, and is careful instead.
package profile
