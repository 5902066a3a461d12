// Package canary finds out what a card or disk makes of a power cut: whether what it has confirmed is still there, and whether
// what nobody was writing to is.
//
// # Vocabulary
//
// A canary is a block whose content follows from where it is and when it was written, so that it is known again, and so is each
// sector of it. A round is one writing until the power goes, and the check behind it. The ring is a file that is made with zeros and
// then only overwritten, as the slots of the log are: of each 64 KiB the first half is written again and again, the second half
// never again. The growing file is one that is appended to. A step writes some canaries to both and syncs both; their last number is
// then confirmed.
//
// # Guarantees
//
// A device that keeps what it confirms, and harms nothing but what it is writing, passes, wherever the power goes. A confirmed
// canary that is gone is found as long as its place has not been written again, and any damage to what was not being written.
//
// # Limits
//
// What is not confirmed to the person who looks is not missed: the number must leave the machine at once. A device that lies only
// now and then needs many rounds. The file system must be mountable for a check to begin.
package canary
