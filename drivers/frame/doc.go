// Package frame reads devices on a serial port that say binary frames of one fixed form: sensors of dust and gas, scales, converters.
//
// # Vocabulary
//
// A frame is a row of bytes of fixed length. It begins with the same bytes each time, mostly carries a checksum, and may end with the
// same bytes. Its values are numbers at fixed places, counted from 0. A profile is the form of the frames of a known device. A request
// is what must be sent before the device says a frame.
//
// # Guarantees
//
// A frame counts only whole, with its beginning, its end and its checksum right. What does not fit costs one byte, and the next
// frame is looked for behind it, so that a false beginning in the data hides no true frame. All values of a reading are of one frame.
//
// Silence, an unplugged adapter, and bytes that are no frames are three different errors; of these the number of frames with a wrong
// checksum is said.
//
// # Limits
//
// Frames whose length or content changes are not read. Without a checksum anything that begins and ends right is believed, and of frames
// with several wrong bytes one in 256 passes a checksum of 8 bits. An answer that comes later than `wait` and then 200 ms passes for the one to
// the next request, as in package line.
package frame
