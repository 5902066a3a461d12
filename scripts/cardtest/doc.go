// Package cardtest holds the test of `skerry powercut` on the real path: its canaries on ext4 on a device that records every write
// and flush, and is cut as an honest, a garbling and a lying card would be.
//
// Guarantee: an honest device passes at every point, also one that leaves rubbish where it was writing; a device that lies is
// found where something that it confirmed is missing, and is not taken for one that harms what nobody writes.
//
// Limits: root, /dev/fuse, loop devices and mkfs.ext4; without them the test is skipped.
package cardtest
