// Package uplink carries streams of messages to a Server upstream, and brings its messages back, over a connection that may be
// gone for days.
//
// # Vocabulary
//
// A stream is a durable session of the local broker that subscribes to what is to leave the site; its name is the identity of
// its backlog. Its class ranks it against the others: alarm, state, live, backfill. A live stream and one of class backfill over the
// same filters are a pair. An [Uplink] has links, ways to its Servers, in order of preference (see package road). It carries its streams
// over one Network Connection at a time, on the link in use. On it each stream has a lane: a range of Packet
// Identifiers of its own. Upstream the Server keeps one session under the ClientID. What is received enters the local
// broker through one more session, the door. The state topic says upstream whether the gateway is there. A purse is what was spent on a
// link, and what still may be (package budget).
//
// # Guarantees
//
// A message is acknowledged to the local broker only when the Server has taken it, so that nothing is lost by an outage, a
// SIGKILL or a power cut. Packet Identifiers are those of the local session and the same after a restart; PUBREL leaves only
// when the PUBREC is on the disk. So a QoS 2 message arrives exactly once as long as the Server keeps its session, and is kept
// until PUBCOMP. If the Server loses the session, what it had not acknowledged, or not confirmed with PUBREC, is sent again, and may arrive twice.
// What it had confirmed and not completed it may have passed on, or lost: that is published anew, before what is newer, and may arrive twice, or
// as the configuration says given up, and may be lost; it is counted (Status.PublishedAnew, Status.MaybeLost). So is a single message
// that a 5.0 Server has confirmed and then does not know (Packet Identifier not found). A stream keeps the order of its messages. Alarms leave before all else; the
// other classes share what is left in bytes, 3 : 3 : 1, so that none waits for ever. A state stream sends the latest message of each
// topic, and never an older one after it. Of a pair each message goes to exactly one stream, through all cuts and power cuts. What
// another stream may have overtaken is not retained upstream over something newer, and what leaves late says when it was published.
// An inbound QoS 1 or 2 message is acknowledged when the local broker has it on the disk, and a QoS 2 message enters once.
// What came from an uplink is not carried back by it. QoS, Retain, properties and what is left of the expiry go through,
// as far as the Server takes them; what it does not take is counted, reported once, and does not hold up what follows, be it that the Server
// hangs up on it and does not say why (poison.go); what a client may not publish is kept as long as the Server takes nothing else (denied.go). Receive Maximum and Maximum Packet Size of the Server are obeyed. Attempts to connect are spread by decorrelated jitter, and a
// connection that does not last counts as a failed attempt, so that nothing here can loop fast. When the session moves to another link, that
// one has been dialled before, what is on its way is waited for, and the session upstream goes on. From a range the
// keep-alive is learned for each path (package keepalive): while anything is received nothing is asked, and no outage makes it shorter.
// A link may have a modem (package modem), whose signal shortens the interval, lengthens time-outs, holds back all but alarms for ten
// minutes at most, and has another link used; while nothing gets through the modem is brought back step by step.
// What a link costs is counted below TLS, names and failed attempts included. A link with a budget sends less before that is used up, and
// alarms whatever has been used; what waits for the budget is not lost, is counted, and leaves later.
//
// A stream may leave in blocks (packing.go): many messages in one PUBLISH of QoS 1, whose PUBACK acknowledges all of them. In a block of the encoding pack each
// message of QoS 1 and 2 has an epoch and a sequence, its ordinal in the local session, and has the same ones in whatever block it is sent again; so who remembers
// them gets it once, also from a Server that has lost the session. An epoch is a run of the program, and on the disk before it is used (epochs.go); what
// waits of one run is acknowledged before anything of the next leaves in a block. A primer has in it what the Server has acknowledged (priming.go). What is said of a message in a block is true when
// that leaves (aging.go).
//
// A connection is made cheap: the end of the handshake of TLS leaves with CONNECT (cork), and so does the state topic where the Server takes it
// (greeting); tickets of TLS are kept over power cuts (package ticket); Topic Names that come again are sent as aliases, as many as the Server grants.
//
// # Limits
//
// Live and backfill streams that share only a part send it twice; the configuration is checked for that. A state stream holds
// at most 1,024 messages, and of what is behind them knows the latest of 65,536 topics. A 3.1.1 Server cannot be told when a late message was published. 15 streams for each uplink, those included
// that are carried no more but still hold a backlog. The Servers of a list are one service: they should share their sessions. A 3.1.1 Server cannot say what it takes: 18 QoS 2 messages are on their way to it
// at most. After a restart nobody knows what the Server holds of those: it is sent again before anything new, one or few at a time. Only an
// alarm does not wait for that, to a 3.1.1 Server; each restart in the middle of it may begin one QoS 2 message more than it counts. A message that several filters of the receive map match goes where the first of them says, unless the Server
// sends one copy for each. Messages larger than 256 KiB are not received. Messages of QoS 0 do not have a link connect that connects on
// demand. What a stream has sent on one link at QoS 2 is completed on one that does not carry it; after a restart, when that is not known, it
// counts there against the Server's Receive Maximum. What was begun is finished whatever the budget says. Budgets are looked at once a
// minute: a new period is noticed up to a minute late.
//
// A block that the Server refuses is sent again and again, and what is behind it waits: it is taken for a rule about topics. Messages of QoS 0 that are gathered are lost
// with the connection. A stream that was changed from blocks to single messages sends again what was not acknowledged.
//
// Gateways that carry to each other know messages that come back by their marks (broker.Via), with MQTT 5 and where the Server is one. What two of them
// receive from each other by their maps can go round all the same.
//
// A lost session is known by Session Present in CONNACK alone. If the connection or the gateway ends between the moment at which the Server has made a
// new session and the moment at which that is on the disk here, the next CONNACK names that new session, and PUBREL goes for what it does not know: a
// Server that says so has it published anew only if it confirmed it on that connection. A profile whose Server never says Session Present has nothing
// published anew. What a limit of its stream takes of the backlog between PUBREC and PUBCOMP cannot be published anew, and is counted as maybe lost.
// A Server of the list that has kept an older session of its own takes new messages for repetitions of those that it still holds.
//
// # The state topic
//
// PREFIX + SITE/GATEWAY/uplink/NAME is "online", retained, as long as the connection stands, and "offline" after it: as the Will
// when it breaks. Between the sessions of a schedule it stays "online" with a 5.0 Server, which has the Will with a delay.
package uplink
