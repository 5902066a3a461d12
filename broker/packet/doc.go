// Package packet reads and writes the MQTT Control Packets of MQTT 3.1, 3.1.1
// and 5.0. It serves both ends of a Network Connection: the Server decodes what
// a Client sends and the other way round.
//
// Vocabulary: a Control Packet is a fixed header (Type, Flags, Remaining Length)
// and a body. Next tells where the first packet in a buffer ends, Split takes it
// apart, and the Decode method of the struct named after its Type reads it.
// Append methods write a whole packet behind a buffer. Properties is the list
// of MQTT 5.0 properties in its encoded form. PublishHead writes everything of a
// PUBLISH but its payload, for one message on its way to many Clients.
//
// Guarantees: decoding makes no garbage. Fields of type []byte alias the input
// and are valid as long as it is; slices of fields are reused from one Decode to
// the next. Decoding is as strict as the specification: what is accepted is
// well-formed, so that code above never checks lengths, flags or UTF-8 again. What is
// refused gives an *Error with the Reason Code that a 5.0 Server answers and
// the clause that was broken. Malformed input never panics.
//
// Limits: a decoder sees one packet and knows neither its direction nor what
// came before. Left to the callers are rules between packets (a second CONNECT,
// Topic Alias above the maximum, Packet Identifiers in use), rules of one
// direction (a Client's PUBLISH carries no Subscription Identifier
// [MQTT-3.3.4-6], a Server's DISCONNECT no Session Expiry Interval
// [MQTT-3.14.2-2]), the rules for ClientIDs, and the wildcard syntax of Topic
// Filters. Append methods trust their fields: a string of more than
// 65,535 bytes or a packet of more than MaxSize bytes is the caller's bug and
// panics; CheckString and CheckTopicName tell beforehand.
//
// Clauses are numbered as in MQTT 5.0, those that exist in 3.1.1 only carry
// "3.1.1" in front, and rules without a number are given by their section.
package packet
