// Package interfaces knows the network interfaces of the machine, and reaches a Server through one of them.
//
// # Vocabulary
//
// An interface is there while the kernel has one of that name; it has a carrier when something is plugged in, or the modem has a
// bearer; and it is addressed when it has an address that is not of the link alone. A bound connection uses one interface whatever the
// routes say.
//
// # Guarantees
//
// [Watch] asks the kernel once, by rtnetlink, and is told of changes then; nothing is polled, and changes that the kernel had no room to
// tell, and a list that has changed while it was told, are asked for again. What it tells is whole: never a part of a list. Messages that cannot be read are left out.
// A [Dialer] sends everything of a bound connection through its interface, the questions to the name server too. An address that a name
// had is kept with its age, and used when the name server does not answer, however old it is.
//
// # Limits
//
// Linux. To bind to an interface needs CAP_NET_RAW before Linux 5.7. A name server on this machine is not asked through the interface,
// and may use another one to find its answer. The addresses of names are kept in memory; for more than that there are Options.Recall and Learned.
package interfaces
