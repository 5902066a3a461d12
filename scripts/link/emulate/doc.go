// Package emulate is a bad link between two network namespaces: a laboratory for programs that are not to know that they are in one.
//
// Vocabulary: a [World] has two namespaces, Near (the gateway's) and Far (where the servers are, at the address [Server]). A [Link] is
// an interface in Near whose packets come out in Far and the other way round, by two TUN devices and this program between them;
// up is from Near to Far. [Conditions] are those of one direction. A world may have several links, each with an interface of its own.
//
// Guarantees: the kernel's own TCP runs at both ends, and every IPv4 packet is counted with its IP header, as a carrier bills it:
// also one that is lost on the way or falls into a black hole, but not one for which the queue has no room, because the device never
// sent it. Losses come from a seed. The namespaces have no name and no file, the devices belong to descriptors, and programs started
// with [Namespace.Start] die with the thread that started them: so nothing is left behind however the process ends, SIGKILL included,
// and no interface, route or rule of the host is touched.
//
// Limits: Linux, root, /dev/net/tun and the program ip. IPv4; what else is sent is dropped and not counted. Packets keep their order.
// Addresses are not translated: the NAT is only the memory of one, which forgets. Between a packet's time and its delivery lie the
// timers of a process on a machine that others use too: about a millisecond, more under load.
package emulate
