// Package profiletest has servers that enforce what AWS IoT Core and Azure IoT Hub document, and hang up on whoever breaks a rule. No test
// can reach the services themselves.
//
// # Vocabulary
//
// A [Server] serves clients over connections that it hands out itself. Its rules are those of one service. A breach is what broke
// one: it is noted, and the connection closed without a word, as the services do. A [Message] is one that was taken.
//
// # Guarantees
//
// The rules are written from the documents, and not from package profile, so that a mistake there shows. Where a document says "may",
// the server does it: acknowledgements come in any order, a message can come twice and with another Packet Identifier.
//
// # Limits
//
// TLS is not here: who hands out the connections has checked certificates and names. Of MQTT only what an uplink uses is answered.
// What is not documented is not enforced, and so this proves less than a day at the real service would.
package profiletest
