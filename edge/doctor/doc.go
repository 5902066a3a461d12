// Package doctor says what is missing on a machine for a station, in plain words, with the fix.
//
// # Vocabulary
//
// A subject is what is examined: the files of the kernel and of the system, a configuration, the sensors of a station that runs. A check
// looks at one thing. A finding is a problem with its fix, or something that is well or only worth knowing.
//
// # Guarantees
//
// Nothing is changed and no device is asked. What cannot be read is passed over: another system keeps it elsewhere. Secrets are not read.
//
// # Limits
//
// Made for Raspberry Pi OS and Debian: paths of the boot configuration and names of groups are theirs. SD cards do not say how worn they are;
// eMMC does. Groups that a service manager gives to the program alone are not seen.
package doctor
