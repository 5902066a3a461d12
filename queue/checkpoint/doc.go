// Package checkpoint keeps sorted sets of keys and values in a bbolt file that may break at any time.
//
// Vocabulary. A bucket is a set of pairs. The head of a file says whose it is, how much of the log it covers, and the
// sum of all pairs. A file is unreadable when anything in it is not as its last Update left it.
//
// Guarantees. An Update is on the disk as a whole or not at all when it returns. Whatever a damaged file holds, Read
// ends with an error, never with a panic, an endless walk or pairs that were not there together: the pages are walked
// with bounds before bbolt sees them, each value has a checksum of its own, and the head has one of all of them, so
// that a page that the disk had promised and forgotten is noticed too. A file of a newer format is ErrFormat and is
// left alone.
//
// Limits. 256 MiB. One transaction at a time, with the file open only meanwhile. The file never shrinks. Keys are at
// most 32 KiB. What a damaged file held is lost; the caller keeps another one and the log.
package checkpoint
