// Package cutdisk is a block device whose every write and flush is counted and, if wanted, recorded: an exact meter of what a
// program does to a flash card, and a laboratory of power cuts.
//
// Vocabulary: a Disk is an ext4 file system on a loop device over one file that a FUSE server of ours keeps in memory. An op is
// one write, discard or flush as it reached the device; the ops since the start are numbered from 1, and the number of the last
// one stands in a page of shared memory, so that whoever sees an acknowledgement can stamp it. A Trace is the list of all ops. A
// cut is a number of ops and what became of those that no flush covers: dropped, whole, torn between sectors of 512 bytes, or
// garbled in every sector they touched.
//
// Guarantees: the server runs in a process of its own (a Go program that waits for a page fault which only it can serve stands
// still for ever). Isolate gives the program mount and network namespaces of its own and loop devices detach themselves, so
// that nothing is left behind however the program ends, SIGKILL included. A flush covers the writes that were complete when it
// began, no others. Every umount is checked.
//
// Limits: Linux, root, /dev/fuse and loop devices; no kernel modules beyond them. What an erase block or the translation layer
// of a real card does below its sectors is not seen. FUSE, the loop driver and ext4 are those of the running kernel.
package cutdisk
