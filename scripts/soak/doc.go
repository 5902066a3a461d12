// Command soak sends many readings through a gateway and its uplink to a real server, while the connection is cut, the gateway is killed, and
// the server is restarted and loses its sessions, and says what was lost, came twice, or came out of order.
//
// Vocabulary: a reading is a message with a number of its own on its topic. The publisher is a client of the gateway, one for QoS 1 and one
// for QoS 2; the subscriber is a client of the server, with a session that it keeps. The way between gateway and server is a proxy, which
// cuts, swallows what comes (a hole), and counts what the uplink sends. An event is one of these troubles; the seed says which comes when. The
// ledger holds for each topic what has arrived.
//
// Guarantees: the gateway is the program as it is shipped, and dies by SIGKILL. Only what it has acknowledged is asked for. The status is 1 if
// a reading is missing, came twice at QoS 2, or came for the first time behind a newer one of its topic. What was on its way when the
// server lost its sessions may come twice, and is counted apart; with -drop, what the server had confirmed with PUBREC may be missing. With -pack the
// uplink sends blocks, a ground end takes them from the server, and is killed as well; the subscriber is a client of that, and nothing of QoS 2 may come twice,
// whatever was lost. With -alarms as well most blocks have one reading, and go on from a primer.
//
// Limits: the server, Debian's mosquitto, is stopped in order, for it acknowledges before it saves: after SIGKILL it would lose what it has promised.
// A SIGKILL of the gateway is no power cut: see powercut. Before the server loses its sessions the subscriber may take what the server holds
// for it, which no uplink could bring back. The subscriber keeps its state in memory and is never killed.
package main
